"""The value of one element as JSON would hold it: numbers stay numbers, sequences are lists of objects.

Elements as pydicom left them undecoded are decoded here, many times as fast as by its own conversion. What
is not what its VR says is left out, so that no text stands where a number is expected, and never NaN.
"""

import math
import struct
import warnings
from functools import lru_cache
from typing import TypeAlias

from pydicom.datadict import dictionary_VR, keyword_for_tag, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from niffler_ops.headers.text import Value as RawValue
from niffler_ops.headers.text import text as text_of

Value: TypeAlias = "str | int | float | list[Value] | dict[str, Value] | None"
Facts: TypeAlias = dict[str, Value]
Element: TypeAlias = DataElement | RawDataElement

BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})
MOST_BYTES = 64 * 1024  # of one attribute: a record is for searching, not for keeping contours
MOST_LEAVES = 4096  # values of one sequence, at all its levels
CHARSET = BaseTag(0x00080005)

_PIXEL_REPRESENTATION = BaseTag(0x00280103)
_SINGLE_TEXTS = frozenset({"LT", "ST", "UT", "UR"})
_TEXTS = _SINGLE_TEXTS | {"AE", "AS", "CS", "DA", "DT", "LO", "PN", "SH", "TM", "UC", "UI"}
_DECIMALS = frozenset({"DS", "FD", "FL"})
_INTEGERS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_BINARY_NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_LARGEST_INTEGER = 2**63
_PLAIN = _TEXTS | {"DS", "IS"} | _BINARY_NUMBERS.keys()
_SHORT = 64  # bytes
_ESCAPE = b"\x1b"
_UNDEFINED_LENGTH = 0xFFFFFFFF
_CONVERSION_ERRORS = (
    *(AttributeError, EOFError, LookupError, NotImplementedError, OSError, OverflowError),
    *(RecursionError, TypeError, ValueError, struct.error),
)


class TooLargeError(Exception):
    """An attribute is larger than a record takes."""


def value_of(dataset: Dataset, element: Element, charset: bytes, creator: str = "") -> Value:
    """The value of an element of a data set; None where it is empty, binary or not what its VR says.

    `charset` is the SpecificCharacterSet that holds here, as it stands. Raises TooLargeError.
    """
    if isinstance(element, RawDataElement) and element.VR in _PLAIN:
        raw = element.value
        if isinstance(raw, bytes) and 0 < len(raw) <= _SHORT:
            value = _short_value(raw, element.VR, charset, element.is_little_endian)
            return list(value) if isinstance(value, list) else value
    return _value(dataset, element, charset, creator, [MOST_LEAVES])


def charset_of(dataset: Dataset, outer: bytes = b"") -> bytes:
    """The SpecificCharacterSet of a data set as it stands, or that of the data set around it."""
    element = element_at(dataset, CHARSET)
    if element is None:
        return outer
    if isinstance(element.value, bytes):
        return element.value
    named = element.value
    names = named if isinstance(named, MultiValue | list) else [named or ""]
    return "\\".join(map(str, names)).encode("ascii", "replace")


def element_at(dataset: Dataset, tag: BaseTag) -> Element | None:
    """The element as pydicom has it now, decoded or not; None where it is absent."""
    return dataset.get_item(tag)


@lru_cache(maxsize=8192)
def name_of(tag: int) -> str:
    """The keyword of a public attribute, or nothing."""
    return "" if tag >> 16 & 1 else keyword_for_tag(tag)


def _value(dataset: Dataset, element: Element, charset: bytes, creator: str, leaves: list[int]) -> Value:
    if isinstance(element, RawDataElement):
        vr = _vr(dataset, element, creator)
        if vr != "SQ":
            return _raw_value(element, vr, charset, leaves)
        if element.length != _UNDEFINED_LENGTH and element.length > MOST_BYTES:
            raise TooLargeError
        return _converted_sequence(dataset, element.tag, charset, leaves)
    if element.VR == "SQ":
        return _items(element, charset, leaves)
    return _converted_value(element, leaves)


def _vr(dataset: Dataset, element: RawDataElement, creator: str) -> str:
    vr = element.VR
    if vr is None or vr == "UN":
        vr = _dictionary_vr(int(element.tag), creator)
    if vr in {"US or SS", "US or SS or OW"}:
        return _signed_or_not(dataset)
    return vr


@lru_cache(maxsize=8192)
def _dictionary_vr(tag: int, creator: str) -> str:
    if BaseTag(tag).is_private_creator:
        return "LO"
    try:
        return private_dictionary_VR(tag, creator) if creator else dictionary_VR(tag)
    except KeyError:
        return "UN"


def _signed_or_not(dataset: Dataset) -> str:
    """What an attribute is whose VR depends on that of the pixels (PS3.5 A.1)."""
    element = element_at(dataset, _PIXEL_REPRESENTATION)
    return "SS" if element is not None and element.value in {1, b"\x01\x00", b"\x00\x01"} else "US"


def _raw_value(element: RawDataElement, vr: str, charset: bytes, leaves: list[int]) -> Value:
    raw = element.value
    if not isinstance(raw, bytes) or not raw or vr in BINARY_VRS:
        return None
    if len(raw) > MOST_BYTES:
        raise TooLargeError
    return _joined(_parts(raw, vr, charset, is_little_endian=element.is_little_endian), vr, leaves)


@lru_cache(maxsize=8192)
def _short_value(raw: bytes, vr: str, charset: bytes, is_little_endian: bool) -> Value:  # noqa: FBT001
    """What the instances of a series repeat."""
    return _joined(_parts(raw, vr, charset, is_little_endian=is_little_endian), vr, [MOST_LEAVES])


def _parts(raw: bytes, vr: str, charset: bytes, *, is_little_endian: bool) -> list[object]:
    order = "<" if is_little_endian else ">"
    if vr in _BINARY_NUMBERS:
        code = _BINARY_NUMBERS[vr]
        count = len(raw) // struct.calcsize(f"={code}")
        return list(struct.unpack_from(f"{order}{count}{code}", raw))
    if vr == "AT":
        words = struct.unpack_from(f"{order}{len(raw) // 4 * 2}H", raw)
        return [f"{group:04X}{number:04X}" for group, number in zip(words[::2], words[1::2], strict=True)]
    text = _decoded(raw, vr, charset)
    return [text] if vr in _SINGLE_TEXTS else list(text.split("\\"))


def _decoded(raw: bytes, vr: str, charset: bytes) -> str:
    """The text that stands there; its byte order is of no matter."""
    plain = raw.isascii() and _ESCAPE not in raw
    return raw.decode("ascii") if plain else text_of(RawValue(vr, raw, "<"), charset)


def _count(leaves: list[int], values: int) -> None:
    leaves[0] -= values
    if leaves[0] < 0:
        raise TooLargeError


def _converted_value(element: DataElement, leaves: list[int]) -> Value:
    """The same of an element that pydicom, or who de-identified it, has made."""
    value = element.value
    if value is None or element.VR in BINARY_VRS:
        return None
    parts: list[object] = list(value) if isinstance(value, MultiValue | list | tuple) else [value]
    if element.VR == "AT":
        parts = [f"{int(part):08X}" for part in parts if isinstance(part, int)]
    if sum(len(part) if isinstance(part, str) else 8 for part in parts) > MOST_BYTES:
        raise TooLargeError
    return _joined(parts, element.VR, leaves)


def _joined(parts: list[object], vr: str, leaves: list[int]) -> Value:
    """One value as it is, several as a list, in which None stands for one that is missing."""
    _count(leaves, len(parts))
    if len(parts) == 1:
        return _single(parts[0], vr)
    values = [_single(part, vr) for part in parts]
    return None if all(value is None for value in values) else values


def _single(part: object, vr: str) -> Value:
    if vr in _TEXTS or vr == "AT":
        return None if part is None or isinstance(part, bytes) else str(part).strip(" \0") or None
    if vr in _DECIMALS:
        return _decimal(part)
    if vr in _INTEGERS or isinstance(part, int):  # of a VR that depends on others
        return _integer(part)
    return None


def _decimal(part: object) -> float | None:
    if isinstance(part, str) and "_" in part:  # which Python takes for a digit separator
        return None
    try:
        number = float(part)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _integer(part: object) -> int | str | None:
    decimal = _decimal(part)
    if decimal is None or not decimal.is_integer():  # "1.0" is common
        return None
    try:
        number = int(part)  # type: ignore[call-overload]
    except ValueError:
        number = int(decimal)
    return number if -_LARGEST_INTEGER <= number < _LARGEST_INTEGER else str(number)


def _converted_sequence(dataset: Dataset, tag: BaseTag, charset: bytes, leaves: list[int]) -> Value:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            element = dataset[tag]
        return _items(element, charset, leaves)
    except _CONVERSION_ERRORS:
        return None


def _items(element: DataElement, charset: bytes, leaves: list[int]) -> Value:
    items: list[Value] = [_item(item, charset_of(item, charset), leaves) for item in element.value or ()]
    return items if any(items) else None


def _item(item: Dataset, charset: bytes, leaves: list[int]) -> dict[str, Value]:
    """The public attributes of an item; private ones have no name that would be the same everywhere."""
    leaves[0] -= 1
    found: dict[str, Value] = {}
    for tag, element in tuple(item.items()):
        name = name_of(int(tag))
        if name and tag != CHARSET:
            value = _value(item, element, charset, "", leaves)
            if value is not None:
                found[name] = value
    return found
