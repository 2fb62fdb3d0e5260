"""The data sets findscu writes: implicit VR little endian, no preamble, bytes as the archive sent them."""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from niffler_ops.files import read_plain
from niffler_ops.headers.charsets import encodings, without_escapes
from niffler_ops.headers.text import CHARSET

EMPTIED = 1
"""Bytes of a file that is to be written again: no data set. Over none, all goes to the disk at once."""

LONGEST = 1024 * 1024
"""Bytes of a match: a longer one, far above any honest one, counts as unreadable."""

Match = Mapping[str, str]
"""What an archive returned of one match: keyword to text without padding, several values with backslashes."""

_HEADER = struct.Struct("<HHL")
_UNDEFINED = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_ITEM_END = (0xFFFE, 0xE00D)
_SEQUENCE_END = (0xFFFE, 0xE0DD)
_PADDING = " \0"
_NUMBERS = frozenset({"DS", "IS"})
# Whose text is its bytes, as long as these are printable ASCII.
_TEXTS = frozenset({"AE", "CS", "DA", "DT", "LO", "SH", "TM", "UI"})
_COUNT = re.compile(r"[0-9]{1,9}")


def read_answer_file(path: Path) -> Match | None:
    """The match, its text decoded; None where the file is missing, cut short or no data set.

    A value that cannot be what its VR says is left out, as if the archive did not support the key, and so is
    a sequence. pydicom's warnings of bad values are for the caller to silence.
    """
    try:
        data = read_plain(path, LONGEST)
        elements = list(_elements(data))
        if not elements:
            return None
        plain = _plain(elements)
        return _by_pydicom(data) if plain is None else plain
    except Exception:  # noqa: BLE001 - whatever bytes an archive can provoke count as unreadable
        return None


def is_whole(data: bytes) -> bool:
    """Whether implicit VR little endian data end where their last element does; empty data do not count."""
    try:
        return bool(list(_elements(data)))
    except (ValueError, RecursionError, struct.error):
        return False


def _elements(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Tag and value of each element, None for one of undefined length; raises where data are not whole."""
    position = 0
    while position < len(data):
        group, element, length = _HEADER.unpack_from(data, position)
        begin = position + _HEADER.size
        position = _end_of(data, begin, (group, element), length)
        if position > len(data):
            raise ValueError("an element ends beyond the data")
        yield group << 16 | element, None if length == _UNDEFINED else data[begin:position]


def _end_of(data: bytes, position: int, tag: tuple[int, int], length: int) -> int:
    """Where an element ends whose value begins at `position`."""
    if length != _UNDEFINED:
        return position + length
    end = _ITEM_END if tag == _ITEM else _SEQUENCE_END
    while True:
        group, element, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        if (group, element) == end:
            return position
        position = _end_of(data, position, (group, element), length)
        if position > len(data):
            raise ValueError("an element ends beyond the data")


def _plain(elements: Sequence[tuple[int, bytes | None]]) -> dict[str, str] | None:
    """The match where all of it is short text in ASCII, as it nearly always is: twenty times as quick."""
    match: dict[str, str] = {}
    for tag, value in elements:
        keyword, vr = _known(tag)
        if not keyword:
            continue
        if value is None or not value.isascii():
            return None
        text = value.decode("ascii").strip(_PADDING)
        if "\\" in text:
            text = "\\".join(part.strip(_PADDING) for part in text.split("\\"))
        is_text = vr in _TEXTS or (vr == "IS" and (not text or _COUNT.fullmatch(text)))
        if not is_text or not text.isprintable():
            return None
        match[keyword] = text
    return match


@cache
def _known(tag: int) -> tuple[str, str]:
    """Keyword and VR of an attribute that can be asked for by keyword; "" for any other."""
    keyword = keyword_for_tag(tag)
    return (keyword, dictionary_VR(tag)) if keyword else ("", "")


def _by_pydicom(data: bytes) -> Match:
    data_set = read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True, bytelength=len(data))
    # Not what pydicom makes of it: any codec of Python, of which some take for ever or make surrogates.
    charset = data_set.get_item(CHARSET)
    data_set.set_original_encoding(True, True, list(encodings(charset.value or b"" if charset else b"")))  # noqa: FBT003
    elements = (_converted(data_set, tag) for tag in list(data_set.keys()))
    return {
        element.keyword: _text(element)
        for element in elements
        if element is not None and element.keyword and element.VR != "SQ"
    }


def _converted(data_set: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        element = data_set[tag]
        str(element.value)  # a person's name is decoded as late as this
    except Exception:  # noqa: BLE001 - each VR has its own ways to refuse a value
        return None
    values = element.value if element.VM > 1 else [element.value]
    # Without validation pydicom leaves a number that it cannot read as text.
    if element.VR in _NUMBERS and any(isinstance(value, str) and value for value in values):
        return None
    return element


def _text(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    parts = value if not isinstance(value, str) and isinstance(value, Sequence) else [value]
    return "\\".join(without_escapes(str(part)).strip(_PADDING) for part in parts)
