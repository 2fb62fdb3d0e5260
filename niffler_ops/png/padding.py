"""Stored values that fill up what was never measured (PS3.3 C.7.5.1.1.2)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from niffler_ops.png.description import ImagePixel
from niffler_ops.png.values import first_number

_KEYWORDS = {
    "PixelData": ("PixelPaddingValue", "PixelPaddingRangeLimit"),
    "FloatPixelData": ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"),
    "DoubleFloatPixelData": ("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
}


@dataclass(frozen=True, slots=True)
class Padding:
    """Stored values from `low` to `high`."""

    low: float
    high: float

    def __call__(self, stored: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values are padding."""
        return (stored >= self.low) & (stored <= self.high)


def padding_of(header: Dataset, pixel: ImagePixel) -> Padding | None:
    """The padding of an image, None where the header names none."""
    value, limit = (_as_stored(first_number(header, keyword), pixel) for keyword in _KEYWORDS[pixel.keyword])
    if value is None:
        return None
    other = value if limit is None else limit
    return Padding(min(value, other), max(value, other))


def _as_stored(value: float | None, pixel: ImagePixel) -> float | None:
    """The value with the sign of the pixels, whatever sign the VR with which it was written has."""
    if value is None or pixel.is_float:
        return value
    words = 1 << pixel.bits_allocated
    if pixel.signed and value >= words // 2:
        return value - words
    return value + words if value < 0 and not pixel.signed else value
