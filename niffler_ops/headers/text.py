"""Values as text: what pydicom would give, except that bytes nobody can decode stay tellable apart."""

import re
import struct
import warnings
from functools import lru_cache
from typing import NamedTuple

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, python_encoding
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, TEXT_VR_DELIMS

CHARSET = 0x00080005
_PADDING = " \0"
WITHOUT_TEXT = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ"})
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})  # a backslash in them separates nothing
_NUMBERS = {"FD": "d", "FL": "f", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H", "UV": "Q"}
_CHARSET_VRS = frozenset(vr.value for vr in CUSTOMIZABLE_CHARSET_VR) | {"UN"}
_STANDARD_ENCODINGS = frozenset(python_encoding.values())
_SHORT = 64  # bytes
_ESCAPE = b"\x1b"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_UNDECODABLE = "\N{REPLACEMENT CHARACTER}"


class Value(NamedTuple):
    """The bytes of one element, its VR and byte order ("<" or ">")."""

    vr: str
    raw: bytes
    order: str


def text(value: Value, charset: bytes = b"") -> str:
    r"""`value` as text, several values joined by "\", padding removed, "" for what is no text.

    `charset` is SpecificCharacterSet as it stands. Where a value cannot be decoded by it, each byte beyond
    ASCII becomes U+FFFD and two hexadecimal digits, so that different bytes never become the same text.
    """
    return _repeated(value, charset) if len(value.raw) <= _SHORT else _text(value, charset)


def _text(value: Value, charset: bytes) -> str:
    vr, raw, order = value
    if vr in WITHOUT_TEXT:
        return ""
    if vr in _NUMBERS:
        return "\\".join(map(str, _numbers(raw, order + _NUMBERS[vr])))
    if vr == "AT":
        words = _numbers(raw, order + "H")
        return "\\".join(f"({a:04X},{b:04X})" for a, b in zip(words[::2], words[1::2], strict=False))
    decoded = _decode(raw, charset) if vr in _CHARSET_VRS else raw.decode("latin-1")
    if vr in _SINGLE:
        return decoded.rstrip(_PADDING)
    return "\\".join(part.strip(_PADDING) for part in decoded.split("\\"))


_repeated = lru_cache(maxsize=4096)(_text)  # the instances of a series say most of it again


def _numbers(raw: bytes, code: str) -> tuple[int | float, ...]:
    """Binary numbers; what does not fill a last one is left out."""
    size = struct.calcsize(code)
    count = len(raw) // size
    return struct.unpack(f"{code[0]}{count}{code[1]}", raw[: count * size])


def _decode(raw: bytes, charset: bytes) -> str:
    """Decoded by `charset`, or escaped byte by byte."""
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    try:
        with warnings.catch_warnings():
            # pydicom warns where it replaces characters, which would make different values equal.
            warnings.simplefilter("error")
            decoded = decode_bytes(raw, encodings(charset), TEXT_VR_DELIMS)
    except (ValueError, LookupError, Warning):
        decoded = _UNDECODABLE
    if _UNDECODABLE not in decoded:
        return decoded
    return _NOT_ASCII.sub(lambda byte: f"{_UNDECODABLE}{ord(byte[0]):02X}", raw.decode("latin-1"))


@lru_cache(maxsize=64)
def encodings(charset: bytes) -> tuple[str, ...]:
    """Python's names for the values of SpecificCharacterSet; Latin-1 for what the standard does not know."""
    # Zeros within a name would be refused where Python looks for a codec of that name.
    names = [name.strip(_PADDING).replace("\0", "?") for name in charset.decode("latin-1").split("\\")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = convert_encodings(names)
    # pydicom also takes the name of any codec of Python, some of which make text that nobody can store.
    return tuple(name if name in _STANDARD_ENCODINGS else default_encoding for name in known)
