"""The shape of a pixel, and making it square (PS3.3 C.7.6.3.1.7)."""

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from niffler_ops.png.groups import holder
from niffler_ops.png.values import numbers_of
from niffler_ops.png.words import Array

_MOST = 16.0
"""No device has pixels so long; beyond it the header is wrong, and a picture would only be large."""
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_PAIR = 2


def pixel_aspect_ratio(header: Dataset, frame: int) -> float:
    """Height of a pixel by its width, 1 where nothing sensible is stated."""
    measures = holder(header, frame, "PixelMeasuresSequence")
    candidates = [(header, "PixelAspectRatio"), (measures, "PixelSpacing")]
    candidates += [(header, keyword) for keyword in _SPACINGS]
    for place, keyword in candidates:
        pair = numbers_of(place, keyword)
        if len(pair) == _PAIR and min(pair) > 0:
            return pair[0] / pair[1]
    return 1.0


def squared(pixels: Array, ratio: float, *, smooth: bool) -> Array:
    """The image with its shorter direction stretched to square pixels; itself where that changes nothing.

    `smooth` interpolates linearly, else values are repeated.
    """
    rows, columns = pixels.shape[:2]
    if not 1 / _MOST <= ratio <= _MOST:
        return pixels
    size = (round(columns * max(1.0, 1 / ratio)), round(rows * max(1.0, ratio)))
    if size == (columns, rows):
        return pixels
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    planes = [pixels] if pixels.ndim == _PAIR else [pixels[..., plane] for plane in range(pixels.shape[2])]
    # As floating-point numbers: the library has no other mode with more than 8 bits that it can resize.
    resized = [
        np.rint(np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, method)))
        for plane in planes
    ]
    return (resized[0] if len(resized) == 1 else np.stack(resized, axis=-1)).astype(pixels.dtype)
