"""PNG (ISO/IEC 15948) from arrays: signature, IHDR, IDAT, IEND, and nothing that could tell of a person."""

from struct import pack

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.words import Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2
_RGB_AXES = 3
_NONE, _SUB = 0, 1
_LARGEST_CHUNK = (1 << 31) - 1
_LEVEL = 1
_WINDOW, _SMALL_WINDOW = 15, 11
_DETAILED = 2.5
"""Bits a byte from which 16-bit grey hardly repeats itself: the small window then takes a sixth less time for
a few hundredths of size. Graphics and colours would lose a third."""
_SAMPLED = 64
"""Each so many rows the filters are compared."""
_PREFERENCE = 0.3
"""Bits by which filtered bytes have to be better, because the unfiltered ones repeat more."""


def encoded(pixels: Array) -> tuple[bytes, bytes, bytes]:
    """The file in three parts, to be written one after another without another copy.

    `pixels`: (rows, columns) or (rows, columns, 3) of unsigned 8 bits or 16 bits in either byte order.
    """
    rows, columns = pixels.shape[:2]
    samples = 3 if pixels.ndim == _RGB_AXES else 1
    size = pixels.dtype.itemsize
    turned = pixels.astype(pixels.dtype.newbyteorder(">"), order="C", copy=False)
    filtered, bits = _filtered(turned.view(np.uint8).reshape(rows, -1), samples * size)
    window = _SMALL_WINDOW if samples < size and bits > _DETAILED else _WINDOW
    content: bytes = isal_zlib.compress(filtered.reshape(-1).data, _LEVEL, window)
    if len(content) > _LARGEST_CHUNK:
        raise CannotRenderError("the picture is larger than a PNG chunk may be")
    header = pack(">LLBBBBB", columns, rows, size * 8, _RGB if samples > 1 else _GREY, 0, 0, 0)
    return (
        _SIGNATURE + _chunk(b"IHDR", header) + pack(">L", len(content)) + b"IDAT",
        content,
        pack(">L", isal_zlib.crc32(content, isal_zlib.crc32(b"IDAT"))) + _chunk(b"IEND", b""),
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return pack(">L", len(content)) + name + content + pack(">L", isal_zlib.crc32(name + content))


def _filtered(lines: NDArray[np.uint8], step: int) -> tuple[NDArray[np.uint8], float]:
    """The lines behind their filter types, Sub, or None where that leaves fewer bits; and the bits a byte."""
    rows, width = lines.shape
    out = np.empty((rows, 1 + width), np.uint8)
    sample = lines[::_SAMPLED]
    plain, differing = _entropy(sample), _entropy(sample[:, step:] - sample[:, :-step])
    if plain < differing + _PREFERENCE:
        # Noise, and images that the window made black and white, only get longer by differences.
        out[:, 0] = _NONE
        out[:, 1:] = lines
        return out, plain
    out[:, 0] = _SUB
    out[:, 1 : 1 + step] = lines[:, :step]
    np.subtract(lines[:, step:], lines[:, :-step], out=out[:, 1 + step :])
    return out, differing


def _entropy(sample: NDArray[np.uint8]) -> float:
    """Bits a byte, if each byte stood for itself; 0 for no bytes."""
    counts = np.bincount(sample.reshape(-1))
    shares = counts[counts > 0] / sample.size
    return float(-(shares * np.log2(shares)).sum())
