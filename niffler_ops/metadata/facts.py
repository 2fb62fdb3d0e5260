"""What is known of one instance: its de-identified header as values that JSON can hold."""

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from niffler_ops.errors import NifflerError
from niffler_ops.metadata.featureset import IDENTITY, Entry, Featureset, tags_of
from niffler_ops.metadata.values import (
    CHARSET,
    Element,
    Facts,
    TooLargeError,
    charset_of,
    element_at,
    name_of,
    value_of,
)

# What a series record says by itself, whatever the featureset.
RECORD_KEYWORDS = (
    *("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "Modality", "Manufacturer"),
    *("ManufacturerModelName", "DeviceSerialNumber", "StationName", "StudyDescription", "StudyDate"),
)
LEFT_OUT = "left_out"

_FURTHER = (
    *("SOPInstanceUID", "InstanceNumber", "ImageType", "TimezoneOffsetFromUTC", "AcquisitionDateTime"),
    *("AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime", "SeriesDate", "SeriesTime"),
    "LongitudinalTemporalInformationModified",
)
_FIXED = {keyword: tag_for_keyword(keyword) or 0 for keyword in (*RECORD_KEYWORDS, *_FURTHER)}
_FIXED_NAMES = {tag: keyword for keyword, tag in _FIXED.items()}
_DECODING = {"SpecificCharacterSet": int(CHARSET), "PixelRepresentation": 0x00280103}
_MOST_BYTES_IN_ALL = 1024 * 1024
_PRIVATE_CREATORS = range(0x10, 0x100)


class NoInstanceError(NifflerError):
    """A data set without the UIDs that tell an instance."""

    exit_status = 65


def wanted_tags(featureset: Featureset) -> list[int] | None:
    """What dcmread's `specific_tags` must name for read_facts to find all; None where it is everything."""
    return tags_of(featureset, _FIXED | _DECODING)


def read_facts(dataset: Dataset, featureset: Featureset) -> Facts:
    """The featureset's attributes, and those every series record is made from, of a de-identified data set.

    Absent, empty and binary attributes are left out. `left_out` names those that are too large for a record
    (64 KiB or 4 096 values, 1 MiB in all). Raises NoInstanceError where an identifying UID is missing.
    """
    charset = charset_of(dataset)
    facts: Facts = {}
    left_out: list[str] = []
    room = _MOST_BYTES_IN_ALL
    for name, element, creator in _wanted(dataset, featureset, charset):
        try:
            value = value_of(dataset, element, charset, creator)
        except TooLargeError:
            left_out.append(name)
            continue
        if value is None:
            continue
        size = len(value) if isinstance(value, str) else _size(value)
        if size > room:
            left_out.append(name)
        else:
            facts[name], room = value, room - size
    facts |= _file_meta(dataset, featureset)
    lacking = [keyword for keyword in IDENTITY if not isinstance(facts.get(keyword), str)]
    if lacking:
        raise NoInstanceError(f"no instance: it has no {' and no '.join(lacking)}")
    if left_out:
        facts[LEFT_OUT] = [*sorted(left_out)]
    return facts


def _wanted(dataset: Dataset, featureset: Featureset, charset: bytes) -> list[tuple[str, Element, str]]:
    """The elements that are wanted of those that are there, with name and private creator."""
    names, wanted = featureset.by_tag, []
    for tag, element in dataset.items():
        number = int(tag)
        name = names.get(number) or _FIXED_NAMES.get(number)
        if name is None and featureset.everything and number != CHARSET:
            name = name_of(number)
        if name:
            wanted.append((name, element, ""))
    for entry in featureset.private:
        place = _private_tag(dataset, entry, charset)
        found = None if place is None else element_at(dataset, place)
        if found is not None:
            wanted.append((entry.name, found, entry.creator))
    return wanted


def _size(value: object) -> int:
    """About the bytes of it as JSON, of which a sequence's are worth counting."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        return sum(len(name) + _size(part) for name, part in value.items())
    return 8


def _private_tag(dataset: Dataset, entry: Entry, charset: bytes) -> BaseTag | None:
    """Where a creator's attribute stands in this data set: its block is another in each."""
    for block in _PRIVATE_CREATORS:
        creator = element_at(dataset, BaseTag(entry.tag & 0xFFFF0000 | block))
        if creator is not None and value_of(dataset, creator, charset) == entry.creator:
            return BaseTag(entry.tag | block << 8)
    return None


def _file_meta(dataset: Dataset, featureset: Featureset) -> Facts:
    """What the featureset asks of the file meta information, where the data set came with it."""
    meta, names = getattr(dataset, "file_meta", None), featureset.file_meta
    if meta is None or not names:
        return {}
    values = {names[int(tag)]: value_of(meta, found, b"") for tag, found in meta.items() if int(tag) in names}
    return {name: value for name, value in values.items() if value is not None}
