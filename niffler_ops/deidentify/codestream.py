"""What JPEG, JPEG-LS and JPEG 2000 codestreams say of themselves, read without decoding them."""

from collections.abc import Iterator
from struct import unpack

_JPEG_START, _JPEG_2000_START = b"\xff\xd8", b"\xff\x4f\xff\x51"
_END = b"\xff\xd9"
_SCAN = 0xDA
# T.81 and, the last one, T.87 (JPEG-LS); C4, C8 and CC are no frames.
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_RGB_IDS = {b"RGB", b"rgb"}
_WHOLE = 12  # a marker of Adobe's or JFIF's that is shorter is ignored, as libjpeg does


def stated_size(encoded: bytes) -> tuple[int, int] | None:
    """Rows and columns, None where they are not said or it is another kind of codestream.

    Decoders allocate what is said here before they look at anything else.
    """
    if encoded.startswith(_JPEG_2000_START) and len(encoded) >= 24:  # noqa: PLR2004 - up to the offsets
        right, bottom, left, top = unpack(">4L", encoded[8:24])
        return bottom - top, right - left
    for marker, content in _segments(encoded):
        if marker in _FRAMES and len(content) >= 5:  # noqa: PLR2004 - precision, rows, columns
            rows, columns = unpack(">HH", content[1:5])
            return rows, columns
    return None


def is_ended(encoded: bytes) -> bool:
    """Whether a JPEG or JPEG-LS has its end, zeros after it left aside."""
    return encoded.rstrip(b"\0").endswith(_END)


def says_colour_space(encoded: bytes) -> bool:
    """Whether a JPEG tells what its components are (ITU-T T.871, Adobe's technical note 5116)."""
    for marker, content in _segments(encoded):
        if len(content) >= _WHOLE and content.startswith((b"JFIF\0", b"Adobe")):
            return True
        if marker in _FRAMES:
            return content[6:15:3] in _RGB_IDS
    return False


def _segments(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers of a JPEG with what follows each, up to the first scan."""
    if not encoded.startswith(_JPEG_START):
        return
    position = len(_JPEG_START)
    while position + 4 <= len(encoded) and encoded[position + 1] != _SCAN:
        marker, length = encoded[position + 1], int.from_bytes(encoded[position + 2 : position + 4])
        yield marker, encoded[position + 4 : position + 2 + length]
        position += 2 + length
