"""Frames that lie uncompressed in the file, read one at a time."""

from collections.abc import Iterator

import numpy as np

from niffler_ops.png.description import ImagePixel
from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.source import PixelElement
from niffler_ops.png.words import Array, StoredFrame, stored_layout

_BYTE = 8


def reads_plainly(pixel: ImagePixel, element: PixelElement) -> bool:
    """Whether the frames are whole words, one after another.

    Packed bits, shared chrominance and bytes in swapped words (8 bits in OW, big endian) are left to pydicom.
    """
    swapped = pixel.bits_allocated == _BYTE and element.vr == "OW" and not pixel.syntax.is_little_endian
    return pixel.bits_allocated >= _BYTE and not pixel.photometric.endswith("_422") and not swapped


def native_frames(pixel: ImagePixel, element: PixelElement) -> Iterator[StoredFrame]:
    """Each frame in turn; CannotRenderError where the file ends before the last."""
    dtype = _dtype(pixel)
    layout = None if pixel.is_float else stored_layout(pixel)
    count = pixel.rows * pixel.columns * pixel.samples
    size = count * dtype.itemsize
    if element.length is None or element.length < size * pixel.frames:
        raise CannotRenderError("the pixel data is shorter than Rows, Columns and NumberOfFrames say")
    for number in range(pixel.frames):
        element.stream.seek(element.offset + number * size)
        content = element.stream.read(size)
        if len(content) < size:
            raise CannotRenderError(f"the file ends within frame {number + 1} of {pixel.frames}")
        yield StoredFrame(_shaped(np.frombuffer(content, dtype), pixel), layout, pixel.photometric)


def _dtype(pixel: ImagePixel) -> np.dtype[np.generic]:
    order = "<" if pixel.syntax.is_little_endian else ">"
    return np.dtype(f"{order}{'f' if pixel.is_float else 'u'}{pixel.bits_allocated // _BYTE}")


def _shaped(words: Array, pixel: ImagePixel) -> Array:
    if pixel.samples == 1:
        return words.reshape(pixel.rows, pixel.columns)
    if pixel.planar == 0:
        return words.reshape(pixel.rows, pixel.columns, pixel.samples)
    return words.reshape(pixel.samples, pixel.rows, pixel.columns).transpose(1, 2, 0)
