"""Stored values to the levels of a grey PNG."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from niffler_ops.png.lookup import Lookup
from niffler_ops.png.modality import Modality
from niffler_ops.png.palette import Palette
from niffler_ops.png.voi import Limits, Voi
from niffler_ops.png.words import TABLE_BITS, Array, Layout, StoredFrame

_LARGEST_RAW = (1 << 16) - 1
_TABLES = 16  # of 128 KB each, or 384 KB with colours


@dataclass(frozen=True, slots=True)
class Displayed:
    """What a screen should show, rounded to the nearest level; what is no number is black."""

    modality: Modality
    voi: Voi
    inverted: bool
    depth: int

    def __call__(self, stored: NDArray[np.float64]) -> Array:
        """The levels of stored values."""
        largest = (1 << self.depth) - 1
        levels = np.floor(self.voi(self.modality(stored)) * largest + 0.5)
        if self.inverted:
            levels = largest - levels
        return _whole(levels, self.depth)


@dataclass(frozen=True, slots=True)
class Raw:
    """The modality's values: level x slope + intercept."""

    modality: Modality
    slope: float
    intercept: float

    def __call__(self, stored: NDArray[np.float64]) -> Array:
        """The levels of stored values."""
        levels = np.rint((self.modality(stored) - self.intercept) / self.slope)
        return _whole(np.clip(levels, 0, _LARGEST_RAW), 16)


Grey = Displayed | Raw


def raw_of(modality: Modality, layout: Layout | None, limits: Limits) -> Raw:
    """The raw levels of a frame, none of which is rounded where 16 bits suffice.

    `limits` of all values matter only where the stored ones are wider than 16 bits.
    """
    if isinstance(modality, Lookup):
        return Raw(modality, 1.0, 0.0)
    if layout is not None and layout.stored <= TABLE_BITS:
        return Raw(modality, modality.slope, modality.slope * layout.lowest + modality.intercept)
    step = 0.0 if layout is None else abs(modality.slope)
    extent = limits.high - limits.low
    return Raw(modality, max(step, extent / _LARGEST_RAW) or 1.0, limits.low)


@dataclass(frozen=True, slots=True)
class Coloured:
    """Grey levels, except for values from the palette's first on, which have its colours (C.7.6.19)."""

    grey: Displayed
    palette: Palette

    def __call__(self, stored: NDArray[np.float64]) -> Array:
        """Red, green and blue of stored values: one more axis, of three."""
        colours = self.palette.colours(stored, self.grey.depth)
        grey = stored < self.palette.first
        colours[grey] = self.grey(stored[grey])[:, np.newaxis]
        return colours


@dataclass(frozen=True, slots=True)
class Painted:
    """Colours of a palette only."""

    palette: Palette
    depth: int

    def __call__(self, stored: NDArray[np.float64]) -> Array:
        """Red, green and blue of stored values: one more axis, of three."""
        return self.palette.colours(stored, self.depth)


Transform = Grey | Coloured | Painted


def transformed(frame: StoredFrame, transform: Transform) -> Array:
    """The levels or colours of a frame of one sample."""
    if frame.layout is None:
        return transform(frame.pixels.astype(np.float64))
    if frame.layout.bits > TABLE_BITS:
        return transform(frame.layout.values(frame.pixels))
    # No word is outside its table: not to check it is quicker.
    return np.take(_table(frame.layout, transform), frame.pixels, axis=0, mode="clip")


@lru_cache(maxsize=_TABLES)
def _table(layout: Layout, transform: Transform) -> Array:
    """The transform of every word there is; in PNG's byte order, so that no pixel has to be turned."""
    table = transform(stored_values(layout))
    return table.astype(table.dtype.newbyteorder(">"))


@lru_cache(maxsize=4)
def stored_values(layout: Layout) -> NDArray[np.float64]:
    """The stored value of every word there is."""
    values = layout.all_values()
    values.flags.writeable = False
    return values


def _whole(levels: NDArray[np.float64], depth: int) -> Array:
    """Levels as unsigned integers."""
    return np.nan_to_num(levels, copy=False).astype(np.uint8 if depth == 8 else np.uint16)  # noqa: PLR2004
