"""Reading elements as the bytes they are, against pydicom's writer."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from niffler_ops.embedded import dataset
from niffler_ops.embedded.dataset import DataSetError, Inflated, Reader
from tests.support.embedded import instance

SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}


def nested(*, undefined: bool) -> Dataset:
    """An instance with sequences within a sequence, before its identity."""
    inner, item, made = Dataset(), Dataset(), instance()
    inner.CodeValue = "X"
    item.AccessionNumber = "inner"
    item.PurposeOfReferenceCodeSequence = Sequence([inner, Dataset()])
    made.ReferencedStudySequence = Sequence([item, Dataset()])
    for element in (made["ReferencedStudySequence"], item["PurposeOfReferenceCodeSequence"]):
        element.is_undefined_length = undefined
    for part in (inner, item):
        part.is_undefined_length_sequence_item = undefined
    return made


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
@pytest.mark.parametrize("undefined", [True, False], ids=["undefined lengths", "defined lengths"])
def test_a_header_is_read_up_to_its_pixels(syntax: UID, undefined: bool) -> None:  # noqa: FBT001
    made = nested(undefined=undefined)
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made["PixelData"].VR = "OW"
    stream = BytesIO()
    dcmwrite(stream, made, enforce_file_format=True)
    stream.seek(0)
    head = dataset.read_file_head(stream)
    assert head is not None
    assert head.transfer_syntax == syntax
    keys = dataset.keys(Reader(stream, head.transfer_syntax))
    assert dataset.text(keys[dataset.SOP_INSTANCE_UID]) == made.SOPInstanceUID
    assert keys[0x00080050] == b"A1"
    assert max(keys) < min(dataset.PIXELS)


def test_unknown_content_of_undefined_length_is_implicit_within() -> None:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x10\0\x10\0\4\0\0\0A^B " + b"\xfe\xff\x0d\xe0\0\0\0\0"
    private = b"\x09\0\x10\0UN\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    data = private + b"\x10\0\x20\0LO\2\0P1"
    assert dataset.keys(Reader(BytesIO(data), ExplicitVRLittleEndian)) == {dataset.PATIENT_ID: b"P1"}


@pytest.mark.parametrize("length", [3, 6, 9, 12, 27])
def test_a_header_cut_short_is_told(length: int) -> None:
    made = Dataset()
    made.SOPInstanceUID, made.PatientID = "1.2.3.4", "P123"
    stream = BytesIO()
    dcmwrite(stream, made, implicit_vr=False, little_endian=True)
    with pytest.raises(DataSetError):
        list(Reader(BytesIO(stream.getvalue()[:length]), ExplicitVRLittleEndian).elements())


def test_text_is_not_mistaken_for_a_data_set() -> None:
    with pytest.raises(DataSetError):
        list(Reader(BytesIO(b"The quick brown fox jumps over"), ExplicitVRLittleEndian).elements())


def test_sequences_nested_without_end_are_told() -> None:
    sequence = b"\x40\0\x75\2\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(DataSetError, match="without end"):
        list(Reader(BytesIO(sequence * 2000), ImplicitVRLittleEndian).elements())


def test_what_is_not_deflated_is_told() -> None:
    with pytest.raises(DataSetError, match="deflated"):
        Inflated(BytesIO(b"\xff" * 100)).read(4)


def test_a_query_file_may_have_a_preamble_or_be_explicit() -> None:
    made = Dataset()
    made.PatientID = "P1"
    for implicit in (True, False):
        stream = BytesIO()
        dcmwrite(stream, made, implicit_vr=implicit, little_endian=True)
        stream.seek(0)
        assert dataset.read_query_file(stream) == {dataset.PATIENT_ID: b"P1"}


def test_an_encoded_data_set_is_what_pydicom_writes() -> None:
    made = Dataset()
    made.AccessionNumber, made.StudyInstanceUID = "A12", "1.2.3"
    made.add(DataElement(0x00100020, "LO", ""))
    stream = BytesIO()
    dcmwrite(stream, made, implicit_vr=True, little_endian=True)
    keys = {0x0020000D: dataset.padded("1.2.3", uid=True), 0x00080050: dataset.padded("A12"), 0x00100020: b""}
    assert dataset.encode(keys.items()) == stream.getvalue()


def test_a_file_with_damaged_meta_information_is_told() -> None:
    stream = BytesIO(bytes(128) + b"DICM" + b"\2\0\x10\0UI\4\x001.2\0")
    with pytest.raises(DataSetError):
        dataset.read_file_head(stream)


@given(elements=st.dictionaries(st.integers(0, 0xFFFFFFFF), st.binary(max_size=300), max_size=20))
def test_elements_that_were_encoded_are_decoded(elements: dict[int, bytes]) -> None:
    assert dataset.decode(dataset.encode(elements.items())) == elements
