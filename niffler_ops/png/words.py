"""Stored words: how the value of a pixel lies in the bits that were allocated for it (PS3.5 8.1.1)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from niffler_ops.png.description import ImagePixel

Array = NDArray[Any]
TABLE_BITS = 16
"""Up to this size a word is looked up in a table of all words instead of being computed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`stored` bits from bit `shift` on, of words of so many `bits`.

    What lies beside them is not the image's: retired overlays, or garbage.
    """

    bits: int
    stored: int
    shift: int
    signed: bool

    @property
    def lowest(self) -> int:
        """The smallest value that can be stored."""
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def largest(self) -> int:
        """The largest value that can be stored."""
        return (1 << (self.stored - self.signed)) - 1

    def all_values(self) -> NDArray[np.float64]:
        """The value of each word from 0 on; for words that fit a table."""
        return self.values(np.arange(1 << self.bits, dtype=np.uint32).astype(f"u{self.bits // 8}"))

    def values(self, words: Array) -> NDArray[np.float64]:
        """The values of unsigned words."""
        left = self.bits - self.stored - self.shift
        native = words.astype(f"u{self.bits // 8}")
        shifted = (native << np.uint8(left)).view(f"i{self.bits // 8}" if self.signed else native.dtype)
        return (shifted >> np.uint8(left + self.shift)).astype(np.float64)


class StoredFrame(NamedTuple):
    """One frame as it is stored: unsigned words with their layout, or floating-point numbers without one.

    `pixels` is (rows, columns) or (rows, columns, samples); `photometric` is that of these pixels, which
    decoders may have changed.
    """

    pixels: Array
    layout: Layout | None
    photometric: str


def stored_layout(pixel: ImagePixel) -> Layout:
    """The layout that the header states."""
    return Layout(pixel.bits_allocated, pixel.bits_stored, pixel.shift, pixel.signed)


def whole_layout(dtype: np.dtype[Any]) -> Layout:
    """The layout of integers that a decoder made, which fill their words."""
    bits = dtype.itemsize * 8
    return Layout(bits, bits, 0, dtype.kind == "i")


def unsigned(integers: Array) -> Array:
    """The same bits as unsigned words."""
    return integers.view(integers.dtype.str.replace("i", "u"))
