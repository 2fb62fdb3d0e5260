"""Values as text: what pydicom would give, except that bytes nobody can decode stay tellable apart."""

import re
import struct
import warnings
from functools import lru_cache
from typing import NamedTuple

from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from niffler_ops.headers.charsets import decoded

CHARSET = 0x00080005
_PADDING = " \0"
WITHOUT_TEXT = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ"})
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})  # a backslash in them separates nothing
_NUMBERS = {"FD": "d", "FL": "f", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H", "UV": "Q"}
_CHARSET_VRS = frozenset(vr.value for vr in CUSTOMIZABLE_CHARSET_VR) | {"UN"}
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
    content = _decode(raw, charset) if vr in _CHARSET_VRS else raw.decode("latin-1")
    if vr in _SINGLE:
        return content.rstrip(_PADDING)
    return "\\".join(part.strip(_PADDING) for part in content.split("\\"))


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
            content = decoded(raw, charset)
    except (ValueError, LookupError, Warning):
        content = _UNDECODABLE
    if _UNDECODABLE not in content:
        return content
    return _NOT_ASCII.sub(lambda byte: f"{_UNDECODABLE}{ord(byte[0]):02X}", raw.decode("latin-1"))
