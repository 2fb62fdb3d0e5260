"""Headers, between the look at whom they name and the work on them."""

from collections.abc import Iterable

from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from niffler_ops.deidentify.identity import IDENTITY_TAGS

_ROOM = 32 * 1024 * 1024  # bytes
_ELEMENT = 256  # bytes of an element beside its value


class Headers:
    """What is needed of the headers of a job, of as many as there is room for; the rest is read again."""

    def __init__(self, wanted: list[int] | None) -> None:
        """`wanted` are tags, None is all of them; those that identify are kept too."""
        self._tags = None if wanted is None else [*wanted, *IDENTITY_TAGS]
        self._kept: dict[str, Dataset] = {}
        self._room = _ROOM

    def keep(self, path: str, header: Dataset) -> None:
        """Note the header of a file."""
        part = header if self._tags is None else _part(header, self._tags)
        size = sum(map(_size, part.values()))
        if size <= self._room:
            self._room -= size
            self._kept[path] = part

    def take(self, path: str) -> Dataset:
        """Each once. Raises what pydicom does where it has to be read."""
        kept = self._kept.pop(path, None)
        return kept if kept is not None else dcmread(path, stop_before_pixels=True, specific_tags=self._tags)


def _size(element: DataElement | RawDataElement) -> int:
    """About the bytes of an element; those of a sequence that pydicom has read already are too many."""
    if isinstance(element, RawDataElement):
        return element.length + _ELEMENT
    return _ROOM + 1 if element.VR == "SQ" else 2 * _ELEMENT


def _part(header: Dataset, tags: Iterable[int]) -> Dataset:
    """These attributes alone, as they were read."""
    elements = [header.get_item(tag) for tag in tags if tag in header]
    part = Dataset({element.tag: element for element in elements})
    part.set_original_encoding(*header.original_encoding, header.original_character_set)  # type: ignore[call-arg]  # it is a pair
    return part
