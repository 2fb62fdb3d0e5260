"""From the modality's values to shades between black (0) and white (1) (PS3.3 C.11.2)."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from niffler_ops.png.groups import holder
from niffler_ops.png.lookup import Lookup, lookup_of
from niffler_ops.png.values import first_number, items_of, text_of

Shades = NDArray[np.float64]


class Function(StrEnum):
    """VOILUTFunction."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


_FUNCTIONS = {function.value: function for function in Function}


@dataclass(frozen=True, slots=True)
class Window:
    """Centre and width of what is to be told apart."""

    center: float
    width: float
    function: Function = Function.LINEAR

    def __call__(self, values: NDArray[np.float64]) -> Shades:
        """The shades by C.11.2.1.2.1 (LINEAR), C.11.2.1.3.2 and C.11.2.1.3.1."""
        if self.function is Function.SIGMOID:
            with np.errstate(over="ignore"):
                return 1 / (1 + np.exp(-4 * (values - self.center) / self.width))
        if self.function is Function.LINEAR_EXACT:
            return _ramp(values, self.center - self.width / 2, self.width)
        return _ramp(values, self.center - 0.5 - (self.width - 1) / 2, self.width - 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The modality's values that become black and white where nothing tells what is to be seen."""

    low: float
    high: float

    def __call__(self, values: NDArray[np.float64]) -> Shades:
        """Proportional between the limits; all black where they are one."""
        return _ramp(values, self.low, self.high - self.low)


@dataclass(frozen=True, slots=True)
class VoiLut:
    """A table whose largest possible entry is white."""

    table: Lookup

    def __call__(self, values: NDArray[np.float64]) -> Shades:
        """The shade of the entry of each value."""
        return self.table(values) / ((1 << self.table.bits) - 1)


Voi = Window | Limits | VoiLut


def voi_of(header: Dataset, frame: int, *, negative: bool, little_endian: bool) -> Voi | None:
    """What the header says is to be seen: the first table, else the first window, else None.

    `negative`: the modality's values may be negative.
    """
    items = items_of(header, "VOILUTSequence")
    table = lookup_of(items[0], negative=negative, little_endian=little_endian) if items else None
    if table is not None:
        return VoiLut(table)
    place = holder(header, frame, "FrameVOILUTSequence")
    center, width = first_number(place, "WindowCenter"), first_number(place, "WindowWidth")
    if center is None or width is None or width <= 0:
        return None
    function = _FUNCTIONS.get(text_of(place, "VOILUTFunction").upper(), Function.LINEAR)
    if function is Function.LINEAR and width < 1:
        # Not allowed, and written by those who mean fractions of a unit, as in parametric maps.
        function = Function.LINEAR_EXACT
    return Window(center, width, function)


def _ramp(values: NDArray[np.float64], start: float, width: float) -> Shades:
    """0 up to `start`, 1 from `width` further on."""
    if width <= 0:
        return (values > start).astype(np.float64)
    shades = values - start
    shades /= width
    return np.clip(shades, 0, 1, out=shades)
