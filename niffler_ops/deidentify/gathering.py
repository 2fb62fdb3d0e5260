"""What identifies in a data set and in all its items, as text by tag: it must not survive in other text."""

import re
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from niffler_ops.deidentify.elements import Element, charset_of, converted, text_of
from niffler_ops.deidentify.identity import DISTINGUISHING_TAGS, STUDY_UID

Values = Iterable[tuple[int, str]]

_SEQUENCES = frozenset(tag for tag, (vr, *_) in DicomDictionary.items() if vr == "SQ")
_MEANING, _VALUES = 0x00080104, frozenset({0x00080100, 0x00080119})
_PERSON, _PLACE, _NUMBER = map(tag_for_keyword, ("PersonName", "InstitutionName", "AdmissionID"))
_PEOPLE = re.compile(
    r"(Person|Physician|Operator|Performer|Observer|Author|VerbalSource|Creator|User)\w*CodeSequence"
)
# Codes that stand for a person or a place, and what their meaning is then.
_TELLING_CODES = {
    tag: _PLACE if keyword == "InstitutionCodeSequence" else _PERSON
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
    if vr == "SQ" and (_PEOPLE.match(keyword) or keyword == "InstitutionCodeSequence")
}
_NESTED = DISTINGUISHING_TAGS - {STUDY_UID}  # what items refer to is another study
_SMALL = 4096  # bytes of a sequence that is worth remembering


def _pattern(order: str) -> re.Pattern[bytes]:
    tags = sorted(_NESTED | _TELLING_CODES.keys())
    packed = (struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) for tag in tags)
    return re.compile(b"|".join(map(re.escape, packed)), re.DOTALL)


_TELLING_BYTES = {True: _pattern("<"), False: _pattern(">")}


def gathered(source: Dataset) -> Iterator[tuple[int, str]]:
    """Every value that identifies, with the attribute that it is a value of; unreadable ones are left out."""
    return _gathered(source, b"", DISTINGUISHING_TAGS, None)


def _gathered(
    source: Dataset, charset: bytes, wanted: frozenset[int], code: int | None
) -> Iterator[tuple[int, str]]:
    """`code`: what the meaning of a code in this item is, if it tells of somebody."""
    charset = charset_of(source) or charset
    for tag, element in source.items():
        number = int(tag)
        if number in wanted:
            yield number, text_of(source, number, charset) or ""
        elif number in _SEQUENCES or element.VR == "SQ":
            yield from _in_sequence(source, number, element, charset)
        elif code is not None and (number == _MEANING or number in _VALUES):
            meant = code if number == _MEANING else _NUMBER or 0
            yield meant, text_of(source, number, charset) or ""


def _in_sequence(
    source: Dataset, tag: int, element: Element, charset: bytes
) -> Iterator[tuple[int, str]] | tuple[tuple[int, str], ...]:
    if isinstance(element, DataElement):
        return _in_items(tag, element, charset)
    if element.value is None and element.length:
        element = source.get_item(tag)  # its reading was deferred
    content = element.value or b""
    if not isinstance(element, RawDataElement) or not isinstance(content, bytes):
        return _in_items(tag, element, charset)
    if tag not in _TELLING_CODES and not _TELLING_BYTES[element.is_little_endian].search(content):
        return ()
    return (_of_small if len(content) <= _SMALL else _of_raw)(
        tag, element.VR, content, element.is_implicit_VR, element.is_little_endian, charset
    )


def _of_raw(
    tag: int,
    vr: str | None,
    content: bytes,
    implicit: bool,  # noqa: FBT001 - a cache tells positions apart faster
    little: bool,  # noqa: FBT001
    charset: bytes,
) -> tuple[tuple[int, str], ...]:
    element = RawDataElement(tag, vr, len(content), content, 0, implicit, little)  # type: ignore[arg-type]  # an int serves
    return tuple(_in_items(tag, element, charset))


_of_small = lru_cache(maxsize=1024)(_of_raw)  # the instances of a series repeat theirs


def _in_items(tag: int, element: Element, charset: bytes) -> Iterator[tuple[int, str]]:
    try:
        sequence = converted(element) if isinstance(element, RawDataElement) else element
        for item in sequence.value:
            yield from _gathered(item, charset, _NESTED, _TELLING_CODES.get(tag))
    except Exception:  # noqa: BLE001 - what cannot be read cannot be looked for either; it is removed
        return
