"""The data sets findscu writes: implicit VR little endian, no preamble, bytes as the archive sent them."""

import struct
from io import BytesIO
from pathlib import Path

from pydicom import DataElement, Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

_HEADER = struct.Struct("<HHL")
_UNDEFINED = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_ITEM_END = (0xFFFE, 0xE00D)
_SEQUENCE_END = (0xFFFE, 0xE0DD)
_NUMBERS = frozenset({"DS", "IS"})


def read_answer_file(path: Path) -> Dataset | None:
    """The data set, its text decoded; None where the file is missing, cut short or no data set.

    A value that cannot be what its VR says is left out, as if the archive did not support the key.
    """
    try:
        data = path.read_bytes()
        if not is_whole(data):
            return None
        data_set = read_dataset(
            BytesIO(data), is_implicit_VR=True, is_little_endian=True, bytelength=len(data)
        )
        _decode(data_set)
    except Exception:  # noqa: BLE001 - whatever bytes an archive can provoke count as unreadable
        return None
    return data_set


def is_whole(data: bytes) -> bool:
    """Whether implicit VR little endian data end where their last element does; empty data do not count."""
    try:
        return bool(data) and _end_of_elements(data, 0, None) == len(data)
    except (ValueError, RecursionError, struct.error):
        return False


def _end_of_elements(data: bytes, position: int, end: tuple[int, int] | None) -> int:
    """Where the elements from `position` end: at the data's end, or behind the delimiter `end`."""
    while position < len(data) or end is not None:
        group, element, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        if (group, element) == end:
            return position
        if length != _UNDEFINED:
            position += length
        elif (group, element) == _ITEM:
            position = _end_of_elements(data, position, _ITEM_END)
        else:
            position = _end_of_elements(data, position, _SEQUENCE_END)
        if position > len(data):
            raise ValueError("an element ends beyond the data")
    return position


def _decode(data_set: Dataset) -> None:
    # pydicom converts a value when it is first asked for, and would warn or raise wherever that happens.
    for tag in list(data_set.keys()):
        element = _converted(data_set, tag)
        if element is None:
            del data_set[tag]
        elif element.VR == "SQ":
            for item in element.value:
                _decode(item)


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
