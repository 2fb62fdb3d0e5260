"""Whether an image has the pixels that its header announces."""

from typing import NamedTuple

from niffler_ops.model import Flaw

ROWS, COLUMNS, FRAMES = 0x00280010, 0x00280011, 0x00280008
SAMPLES, BITS_ALLOCATED, PHOTOMETRIC = 0x00280002, 0x00280100, 0x00280004
PIXEL_DATA_URL = 0x00287FE0
DESCRIPTION = frozenset({ROWS, COLUMNS, FRAMES, SAMPLES, BITS_ALLOCATED, PHOTOMETRIC, PIXEL_DATA_URL})

# FloatPixelData and DoubleFloatPixelData have their size in their name (PS3.3 C.7.6.24, C.7.6.25).
_FIXED_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_BITS_IN_A_BYTE = 8
_OFFSET_TABLE_AND_A_FRAGMENT = 2


class Pixels(NamedTuple):
    """The pixel element as found: its `length` in bytes, or the number of encapsulated `fragments`."""

    tag: int
    length: int = 0
    fragments: int | None = None


def pixel_flaw(pixels: Pixels | None, description: dict[int, str]) -> Flaw | None:
    """TRUNCATED where fewer pixels are there than `description` (tag to text) says.

    A longer element is no flaw: nothing was lost. Raises ValueError for numbers that are none.
    """
    if pixels is None:
        # An object without pixels does not say how many bits each of them has, unless they are elsewhere.
        announced = description.get(BITS_ALLOCATED) and not description.get(PIXEL_DATA_URL)
        return Flaw.TRUNCATED if announced else None
    if pixels.fragments is not None:
        return Flaw.TRUNCATED if pixels.fragments < _OFFSET_TABLE_AND_A_FRAGMENT else None
    return Flaw.TRUNCATED if pixels.length < expected_length(pixels.tag, description) else None


def expected_length(tag: int, description: dict[int, str]) -> int:
    """Bytes that native pixel data must have at least (PS3.5 8.1.1, 8.2)."""
    samples = _number(description, SAMPLES) or 1
    bits = _FIXED_BITS.get(tag) or _number(description, BITS_ALLOCATED)
    pixels = _number(description, ROWS) * _number(description, COLUMNS) * (_number(description, FRAMES) or 1)
    # Pixels of one bit are packed, also over the end of a frame.
    length = (pixels * samples * bits + _BITS_IN_A_BYTE - 1) // _BITS_IN_A_BYTE
    if description.get(PHOTOMETRIC) == "YBR_FULL_422":
        # Two pixels share their chrominance: four bytes for what would be six (PS3.3 C.7.6.3.1.2).
        length = length // 3 * 2
    return length


def _number(description: dict[int, str], tag: int) -> int:
    """The first value of an element as a number, 0 where absent or empty, never below 0."""
    first = description.get(tag, "").partition("\\")[0]
    return max(0, int(float(first))) if first else 0
