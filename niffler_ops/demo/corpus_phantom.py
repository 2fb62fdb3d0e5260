"""Pixels of nobody: ellipses in air, with noise, made of bytes because that is quick without numpy."""

from functools import lru_cache
from math import sqrt
from random import Random

# Stored values are Hounsfield units + 1024: air near 0, water at 0x400, an organ at 0x500.
RESCALE_INTERCEPT = -1024
_ELLIPSES = ((0.95, 0x04), (0.45, 0x05))
_LEVELS = 8
_NOISE = bytes(value >> 2 for value in range(256))


def slice_pixels(random: Random, number: int, rows: int, columns: int) -> bytes:
    """Slice `number` of a phantom, 16 bits little endian; the organs grow and shrink with the number."""
    level = abs(number % (2 * _LEVELS) - _LEVELS)
    pixels = bytearray(2 * rows * columns)
    pixels[0::2] = random.randbytes(rows * columns).translate(_NOISE)
    pixels[1::2] = _anatomy(level, rows, columns)
    return bytes(pixels)


def frame_pixels(random: Random, number: int, rows: int, columns: int) -> bytes:
    """The same in 8 bits, for ultrasound."""
    anatomy = _anatomy(number % _LEVELS, rows, columns).translate(
        bytes(value << 4 & 0xFF for value in range(256))
    )
    noise = random.randbytes(rows * columns).translate(_NOISE)
    return bytes(map(int.__or__, anatomy, noise))


@lru_cache(maxsize=256)
def _anatomy(level: int, rows: int, columns: int) -> bytes:
    """The upper bytes of a slice, row by row."""
    scale = 0.6 + 0.4 * level / _LEVELS
    plane = bytearray()
    for row in range(rows):
        line = bytearray(columns)
        for radius, value in _ELLIPSES:
            height = (2 * row / rows - 1) / (radius * scale)
            half = int(radius * scale * columns / 2 * sqrt(max(0.0, 1 - height * height)))
            start, end = columns // 2 - half, columns // 2 + half
            line[start:end] = bytes([value]) * (end - start)
        plane += line
    return bytes(plane)
