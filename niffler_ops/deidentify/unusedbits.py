"""Bits of a word that belong to no pixel, where overlays used to lie (retired from PS3.3 C.9)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from niffler_ops.deidentify.pixeldata import CannotBlankError, number_of

_WORDS = frozenset({8, 16, 32, 64})
_OVERLAYS = 0x60


class PixelBits(NamedTuple):
    """Which bits of a word are the pixel's: `stored` of `allocated`, from bit `shift` on (PS3.5 8.1.1)."""

    allocated: int
    stored: int
    shift: int
    is_signed: bool

    def clear(self, pixels: NDArray[np.generic]) -> bool:
        """Clear all other bits in place, and say whether that changed anything.

        Those above a negative number may repeat its sign: where any other bit is set, all of them do so.
        """
        words = pixels.view(pixels.dtype.str.replace("i", "u"))
        every, kind = (1 << words.dtype.itemsize * 8) - 1, words.dtype.type
        above = every & ~((1 << self.shift + self.stored) - 1)
        unused = above | (every & (1 << self.shift) - 1)
        if not np.bitwise_and(words, kind(unused)).any():
            return False
        before = words.copy()
        np.bitwise_and(words, kind(every & ~unused), out=words)
        if self.is_signed:
            is_negative = np.bitwise_and(words, kind(every & 1 << self.shift + self.stored - 1)) != 0
            np.bitwise_or(words, kind(above), out=words, where=is_negative)
        return not np.array_equal(words, before)

    def without_shift(self) -> "PixelBits":
        """The same with all bits below taken for the pixel's."""
        return self._replace(stored=self.stored + self.shift, shift=0)


def pixel_bits(source: Dataset) -> PixelBits | None:
    """Which bits are the pixels' by the header, None where all of them are.

    Raises CannotBlankError where the header does not say so.
    """
    allocated = number_of(source, "BitsAllocated", 0)
    stored = number_of(source, "BitsStored", allocated)
    if not 0 < stored < allocated:
        return None
    if allocated not in _WORDS:
        raise CannotBlankError(f"pixels of {allocated} bits cannot be changed")
    # A highest bit that leaves no room for those below it is an error that readers forgive.
    highest = min(number_of(source, "HighBit", stored - 1), allocated - 1)
    is_signed = number_of(source, "PixelRepresentation", 0) == 1
    return PixelBits(allocated, stored, max(highest + 1 - stored, 0), is_signed)


def tells_of_overlay(header: Dataset) -> bool:
    """Whether any attribute of an overlay is there (groups 6000 to 60FF)."""
    return any(tag.group >> 8 == _OVERLAYS for tag in header.keys())  # noqa: SIM118 - items would be parsed
