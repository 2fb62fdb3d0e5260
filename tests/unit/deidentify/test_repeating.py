"""What is done once for a series is what would have been done for each of its instances."""

import random
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import CTImageStorage

from niffler_ops.deidentify import Dates, Options
from niffler_ops.deidentify.deidentifier import Deidentified, Deidentifier
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.repeating import Repeating
from niffler_ops.demo.corpus import write_corpus
from niffler_ops.headers import read_header
from tests.support.dicomfiles import encode, image

SECRET = bytes(range(32))
CHANGES = {
    "InstanceNumber": (b"1 ", b"2 ", b"30", b"", b"Jane"),
    "AcquisitionTime": (b"101500", b"101501.5", b"Doe Jane"),
    "AcquisitionDate": (b"20240102", b"20240103", b"ask Jane"),
    "AcquisitionDateTime": (b"20240102101500", b"Jane"),
    "SliceLocation": (b"1.5 ", b"2 ", b"see Jane", b""),
    "ImagePositionPatient": (b"1\\2\\3 ", b"4\\5\\6 "),
    "Manufacturer": (b"Model 2024-01-03 ", b"Jane"),
    "ImageComments": (b"seen", b"of Jane Doe ", b"1.2.3 of 4"),
    "SeriesDescription": (b"AXIAL ", b"Doe, Jane "),
    "PatientName": (b"Doe^Jane", b"Doe^Jane", b"Roe^Richard "),
    "PatientID": (b"P1", b"P1", b"P2"),
    "OperatorsName": (b"Fox ", b"Fox ", b"Hall"),
    "StudyDate": (b"20240102", b"20240102", b"20240103"),
    "PatientAge": (b"041Y", b"093Y"),
    "IrradiationEventUID": (b"1.2.3.9\0", b"1.2.3.10", b"Jane"),
    "SOPClassUID": (CTImageStorage.encode() + b"\0", b"1.2.3.40"),
    "Rows": (b"\4\0", b"\x08\0"),
    "PixelRepresentation": (b"\0\0", b"\1\0"),
    "SmallestImagePixelValue": (b"\0\0", b"\1\0"),
    "SpecificCharacterSet": (b"ISO_IR 100", b"ISO_IR 100", b"ISO_IR 192"),
}
OPTIONS = [Options(dates=dates, clean_descriptors=clean) for dates in Dates for clean in (False, True)]


def source_of(**values: bytes) -> Dataset:
    """A header as it is read of a file."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for keyword, value in values.items():
        tag = Tag(keyword)
        vr = dictionary_VR(tag)[:2]
        elements[tag] = RawDataElement(
            tag, vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
        )
    dataset = Dataset(dict(sorted(elements.items())))
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=["latin_1"])
    return dataset


def told(found: Deidentified) -> tuple[dict[str, object], tuple[object, ...]]:
    elements = {str(tag): found.dataset.get_item(tag) for tag in sorted(found.dataset.keys())}
    return {tag: element and (element.VR, element.value) for tag, element in elements.items()}, found.links


def pair(options: Options) -> tuple[Repeating, Deidentifier]:
    return (
        Repeating(Deidentifier(options, Pseudonyms(SECRET))),
        Deidentifier(options, Pseudonyms(SECRET)),
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_random_instances_become_the_same(options: Options) -> None:
    chance = random.Random(str(options))
    repeating, ever = pair(options)
    usual = {keyword: values[0] for keyword, values in CHANGES.items()}
    for number in range(300):
        elements = usual | {
            "StudyInstanceUID": b"1.2 ",
            "SOPInstanceUID": f"1.2.3.{number}".encode(),
            "SeriesInstanceUID": f"1.2.{number % 3}".encode(),
        }
        for keyword in chance.sample(list(CHANGES), chance.choice((1, 1, 2, 4))):
            elements[keyword] = chance.choice(CHANGES[keyword])
        if chance.random() < 0.1:
            del elements[chance.choice(list(CHANGES))]
        source = source_of(**elements)
        assert told(repeating.dataset(source)) == told(ever.dataset(source))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_another_date_of_the_study_is_cleaned_from_text_that_stayed(options: Options) -> None:
    repeating, ever = pair(options)
    for number, date in enumerate((b"20240102", b"20240103")):
        source = source_of(
            PatientID=b"P1",
            StudyInstanceUID=b"1.2",
            SeriesInstanceUID=b"1.2.3",
            SOPInstanceUID=b"1.2.3.%d" % number,
            StudyDate=date,
            Manufacturer=b"Model 2024-01-03 ",
        )
        assert told(repeating.dataset(source)) == told(ever.dataset(source))


def test_the_instances_of_an_archive_become_the_same(tmp_path: Path) -> None:
    repeating, ever = pair(Options(dates=Dates.FULL))
    for study in write_corpus(tmp_path, special=True, rows=16).studies:
        for instance in study.instances:
            source = read_header(str(instance.path), None)[1]
            assert told(repeating.dataset(source)) == told(ever.dataset(source))


def test_what_is_learned_meanwhile_is_cleaned_from_what_was_kept() -> None:
    def read(**elements: bytes) -> Dataset:
        usual = {"PatientID": b"P1", "StudyInstanceUID": b"1.2", "SeriesInstanceUID": b"1.2.3"}
        return source_of(**usual | elements)

    repeating, _ = pair(Options(clean_descriptors=True))
    comment = b"as Snodgrass wished "
    first = repeating.dataset(read(SOPInstanceUID=b"1.2.3.4", ImageComments=comment))
    assert "Snodgrass" in str(first.dataset.ImageComments)  # nobody has said that it is a name
    repeating.dataset(
        read(SOPInstanceUID=b"1.2.3.5", SeriesInstanceUID=b"1.2.9", PatientName=b"Snodgrass^A ")
    )
    last = repeating.dataset(read(SOPInstanceUID=b"1.2.3.6", ImageComments=comment))
    assert "Snodgrass" not in str(last.dataset.to_json_dict())


def test_a_repeated_header_is_not_treated_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, times = tmp_path / "image.dcm", list[Dataset]()
    deidentifier = Deidentifier(Options(dates=Dates.FULL), Pseudonyms(SECRET))
    whole = deidentifier.dataset

    def counted(source: Dataset) -> Deidentified:
        times.append(source)
        return whole(source)

    monkeypatch.setattr(deidentifier, "dataset", counted)
    repeating = Repeating(deidentifier)
    for number in range(10):
        path.write_bytes(encode(image(SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=number + 1)))
        repeating.dataset(read_header(str(path), None)[1])
    assert len(times) == 1
