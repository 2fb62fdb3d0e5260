"""Values of a header that may be absent, empty, several, or nonsense.

Most are read from their bytes: what pydicom does beyond that to each of them costs as much as compression.
"""

import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

_PADDING = b" \0"
_WORDS = {"US": "H", "SS": "h"}
_TEXTS = {"CS", "DS", "IS"}
_NONSENSE = (ValueError, TypeError, OverflowError, NotImplementedError, struct.error)


def numbers_of(holder: Dataset, keyword: str) -> list[float]:
    """All values of an attribute as finite numbers; none where one of them is no number."""
    try:
        value = _value(holder, keyword)
        if value is None or value == "":
            return []
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        numbers = [float(each) for each in values]
    except _NONSENSE:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def first_number(holder: Dataset, keyword: str) -> float | None:
    """The first value of an attribute, None where there is none."""
    numbers = numbers_of(holder, keyword)
    return numbers[0] if numbers else None


def text_of(holder: Dataset, keyword: str) -> str:
    """The first value of an attribute as text, "" where there is none."""
    try:
        value = _value(holder, keyword)
    except _NONSENSE:
        return ""
    if isinstance(value, bytes):
        return value.decode("ascii", "replace").partition("\\")[0].strip()
    first = value[0] if isinstance(value, Sequence) and value and not isinstance(value, str) else value
    return str(first or "").strip()


def items_of(holder: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence, none where it is absent or empty."""
    if _tag(keyword) not in holder:
        return ()
    items = holder.get(keyword)
    return items if isinstance(items, Sequence) else ()


def _value(holder: Dataset, keyword: str) -> Any:
    """A value as pydicom gives it, or simpler: numbers or their text for numbers, bytes for a code string."""
    # Its type leaves out what it gives for elements that nobody has looked at yet, or that are not there.
    element = cast("DataElement | RawDataElement | None", holder.get_item(_tag(keyword)))
    if element is None:
        return None
    if isinstance(element, RawDataElement) and element.value is not None and element.is_little_endian:
        raw, vr = element.value, element.VR
        if vr in _WORDS:
            return struct.unpack(f"<{len(raw) // 2}{_WORDS[vr]}", raw)
        if vr in _TEXTS:
            stripped = raw.strip(_PADDING)
            return stripped if vr == "CS" else stripped.split(b"\\") if stripped else None
    return holder.get(keyword)


@lru_cache(maxsize=256)
def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return BaseTag(tag)
