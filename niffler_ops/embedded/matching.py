"""Attribute matching of PS3.4 section C.2.2.2: single value, UID list, wildcard, range, universal."""

import re
from dataclasses import dataclass

from pydicom.charset import python_encoding

from niffler_ops.headers.charsets import decoded

RANGE_VRS = frozenset({"DA", "TM", "DT"})
NUMBER_VRS = frozenset({"IS", "DS"})
WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
BINARY_VRS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "AT", "OB", "OW", "UN"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """The bytes of an attribute, with the SpecificCharacterSet of its data set."""

    data: bytes
    character_set: bytes = b""

    def texts(self) -> list[str]:
        """Its values as text, without what pads them."""
        return [part.strip(" \0") for part in self._decoded().split("\\")]

    def _decoded(self) -> str:
        if self.data.isascii() and b"\x1b" not in self.data:
            return self.data.decode("ascii")
        names = [name.strip(" \0") for name in self.character_set.decode("ascii", "replace").split("\\")]
        if any(name not in python_encoding for name in names):
            return self.data.decode("latin-1")
        try:
            if len(names) > 1:
                return decoded(self.data, self.character_set)
            return self.data.decode(python_encoding[names[0]])
        except UnicodeDecodeError:
            return self.data.decode("latin-1")


def matches(vr: str, wanted: Value, have: Value) -> bool:
    """Whether an attribute with these values matches the key."""
    if not wanted.data.strip(b" \0*") or (wanted.data == have.data and have.data.isascii()):
        return True
    if vr in BINARY_VRS:
        return wanted.data == have.data
    return any(_one(vr, key, value) for key in wanted.texts() for value in have.texts())


def _one(vr: str, key: str, value: str) -> bool:
    if vr in RANGE_VRS and "-" in key:
        return _in_range(key, value)
    if vr in NUMBER_VRS:
        return _number(key) == _number(value)
    if vr == "PN":
        key, value = key.casefold().rstrip("^="), value.casefold().rstrip("^=")
    if vr in WILDCARD_VRS and ("*" in key or "?" in key):
        return _wildcard(key).fullmatch(value) is not None
    return key == value


def _in_range(key: str, value: str) -> bool:
    low, _, high = key.partition("-")
    # 10 includes 10:59:59, and the last microsecond of an open end.
    return bool(value) and value >= low and (not high or value[: len(high)] <= high)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _wildcard(key: str) -> re.Pattern[str]:
    pieces = {"*": ".*", "?": "."}
    return re.compile("".join(pieces.get(character) or re.escape(character) for character in key), re.DOTALL)
