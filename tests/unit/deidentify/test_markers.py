"""Every attribute that PS3.6 and Table E.1-1 know, filled with a marker: what the profile removes is gone."""

import io
from collections.abc import Iterator
from functools import cache

import pytest
from dicomanonymizer.dicomfields_selector import (  # type: ignore[import-untyped]  # ships no type information
    dicom_anonymization_database_selector,
)
from pydicom import dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.deidentify import profile
from niffler_ops.deidentify.deidentifier import Deidentifier
from tests.support.dicomfiles import encode, identity
from tests.unit.deidentify.conftest import Make

TABLE = dicom_anonymization_database_selector("dicomfields_2026c")["ALL_TAGS"]
MARKERS = {
    "AE": "ZQMARKAE",
    "CS": "ZQMARKCS",
    "PN": "Zqmarkfamily^Zqmarkgiven",
    "UI": "1.9.7777777.13.13.13",
    "DA": "19130313",
    "DT": "19130313131313",
    "TM": "131313.131313",
    "AS": "097Y",
    "IS": "777131377",
    "DS": "777131377.5",
    "UR": "http://zqmark.example/",
    "US": 51515,
    "UL": 3_133_731_337,
    "FD": 777131377.5,
    "OB": b"zqmark bytes",
    "OW": b"zqmark bytes",
    "UN": b"zqmark bytes",
}
TEXT = "Zqmark Text"
TRACES = (b"zqmark", b"19130313", b"777131377", b"1.9.7777777", b"131313.1", b"097y")
SYNTAXES = {"implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1", "big": "1.2.840.10008.1.2.2"}


def listed_tags() -> Iterator[tuple[int, str]]:
    """Tag and VR of all that the table lists; curves and overlays by an example of them."""
    for group, number, *_ in TABLE:
        tag = group << 16 | number
        if group >= 0x0008 and tag != 0x00080018:
            yield tag, DicomDictionary[tag][0] if tag in DicomDictionary else "LO"


def marked(vr: str) -> object:
    return MARKERS.get(vr, TEXT)


def filled() -> Dataset:
    """A data set in which all listed attributes have a marker, and so have the items of its sequences."""
    innermost = identity()
    for tag, vr in listed_tags():
        if vr != "SQ":
            innermost.add(DataElement(tag, vr, marked(vr)))
    inner, dataset = Dataset(), Dataset()
    inner.update(innermost)
    dataset.update(innermost)
    inner.ReferencedImageSequence = inner.OtherPatientIDsSequence = Sequence([innermost])
    inner.private_block(0x0011, "ZQMARK CREATOR", create=True).add_new(1, "SQ", Sequence([identity()]))
    for tag, vr in listed_tags():
        if vr == "SQ":
            dataset.add(DataElement(tag, vr, Sequence([inner])))
    dataset.add(DataElement(0x60001500, "LO", TEXT))
    dataset.add(DataElement(0x50002500, "LO", TEXT))
    dataset.private_block(0x0011, "ZQMARK CREATOR", create=True).add_new(1, "LO", TEXT)
    return dataset


def traces(dataset: Dataset) -> list[bytes]:
    """Which markers are in the bytes that would be written."""
    buffer = io.BytesIO()
    implicit, little = dataset.original_encoding
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=little)
    content = buffer.getvalue().lower()
    return [trace for trace in TRACES if trace in content]


def survivors(dataset: Dataset) -> set[str]:
    """The keywords of the elements that still have a marker, also in items."""
    found = set()
    for element in dataset:
        if element.VR == "SQ":
            found |= set().union(*(survivors(item) for item in element.value))
        elif any(trace in str(element.value).lower().encode() for trace in TRACES):
            found.add(element.keyword)
    return found


@cache
def encoded(syntax: str) -> bytes:
    return encode(filled(), syntax)


def source(syntax: str) -> Dataset:
    return dcmread(io.BytesIO(encoded(syntax)))


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_nothing_that_the_table_lists_survives_the_basic_profile(choosing: Make, syntax: str) -> None:
    result = choosing().dataset(source(syntax)).dataset
    assert traces(result) == []
    assert survivors(result) == set()


def test_with_modified_dates_only_times_of_day_survive(choosing: Make) -> None:
    result = choosing("RetainModifiedDates").dataset(source(SYNTAXES["explicit"])).dataset
    assert {keyword for keyword in survivors(result) if dictionary_VR(keyword) != "TM"} == set()
    assert not {"PatientBirthTime", "GPSTimeStamp"} & survivors(result)


def test_with_full_dates_only_dates_and_times_survive(choosing: Make) -> None:
    survived = survivors(choosing("RetainFullDates").dataset(source(SYNTAXES["explicit"])).dataset)
    assert {dictionary_VR(keyword) for keyword in survived} == {"DA", "DT", "TM"}
    assert not {"PatientBirthDate", "PatientBirthTime", "GPSTimeStamp"} & survived


@pytest.mark.parametrize(
    "option", ["RetainDeviceIdentity", "RetainPatientCharacteristics", "CleanDescriptors"]
)
def test_an_option_keeps_what_its_column_names_and_nothing_else(choosing: Make, option: str) -> None:
    survived = survivors(choosing(option).dataset(source(SYNTAXES["explicit"])).dataset)
    named = {column.keyword for column in profile.option_columns() if column.option == option}
    assert survived
    assert survived <= named


def test_all_options_together_remove_persons_still(choosing: Make) -> None:
    options = [
        "RetainModifiedDates",
        "RetainDeviceIdentity",
        "RetainPatientCharacteristics",
        "CleanDescriptors",
    ]
    survived = survivors(choosing(*options).dataset(source(SYNTAXES["explicit"])).dataset)
    named = {column.keyword for column in profile.option_columns()}
    assert {keyword for keyword in survived - named if dictionary_VR(keyword) != "TM"} == set()


def test_private_attributes_curves_and_overlays_are_gone_at_every_level(deidentifier: Deidentifier) -> None:
    def groups(dataset: Dataset) -> set[int]:
        inner = (groups(item) for element in dataset if element.VR == "SQ" for item in element.value)
        return {element.tag.group for element in dataset}.union(*inner)

    left = groups(deidentifier.dataset(source(SYNTAXES["explicit"])).dataset)
    assert not {group for group in left if group % 2 or group >> 8 in {0x50, 0x60}}
