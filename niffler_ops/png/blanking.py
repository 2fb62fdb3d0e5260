"""Rectangles that must not be seen."""

from collections.abc import Sequence

import numpy as np

from niffler_ops.png.rendering import Rectangle
from niffler_ops.png.words import Array


def blanked(pixels: Array, rectangles: Sequence[Rectangle]) -> Array:
    """The image with the rectangles black; what lies outside it does not matter."""
    if not rectangles:
        return pixels
    pixels = pixels.copy()
    for x0, y0, x1, y1 in rectangles:
        pixels[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = 0
    return pixels


def unblanked(pixels: Array, rectangles: Sequence[Rectangle]) -> Array:
    """The pixels outside the rectangles, in one row; all of them where there are no rectangles."""
    if not rectangles:
        return pixels.reshape(-1)
    seen: Array = blanked(np.ones(pixels.shape[:2], np.bool_), rectangles)
    return pixels[seen]
