"""A query file holds exactly the keys that were asked for, in bytes that pydicom reads back."""

import time
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, config
from pydicom.filereader import read_dataset

from niffler_ops.dicomtools.answerfiles import is_whole
from niffler_ops.dicomtools.querykeys import query_file


def read(data: bytes) -> Dataset:
    with config.disable_value_validation():  # the archive judges lengths, not we
        found = read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True)
        found.decode()
        return found


def test_a_study_query_byte_for_byte() -> None:
    data = query_file(
        {"StudyInstanceUID": "1.2.3", "PatientID": "P01"},
        returned=["NumberOfStudyRelatedInstances", "PatientID"],
    )
    assert data == (
        b"\x10\x00\x20\x00\x04\x00\x00\x00P01 "  # padded with a blank, not blanked by the return key
        b"\x20\x00\x0d\x00\x06\x00\x00\x001.2.3\x00"  # a UID is padded with NUL
        b"\x20\x00\x08\x12\x00\x00\x00\x00"
    )


def test_uids_may_be_a_list() -> None:
    found = read(query_file({"SOPInstanceUID": r"1.2\1.3\1.44"}))
    assert list(found.SOPInstanceUID) == ["1.2", "1.3", "1.44"]


@pytest.mark.parametrize(("digits", "first"), [(123, 0x0018), (124, 0x0018), (125, 0x0005)])
def test_a_long_list_of_uids_does_not_stand_first(digits: int, first: int) -> None:
    uids = ("1.2.3\\" * 30)[: digits - 1] + "4"
    data = query_file({"SOPInstanceUID": uids, "StudyInstanceUID": "1.2"})
    assert int.from_bytes(data[2:4], "little") == first
    assert "\\".join(read(data).SOPInstanceUID) == uids


def test_nothing_to_match_and_nothing_to_return_is_an_empty_file() -> None:
    assert query_file({}) == b""


def test_names_beyond_ascii_are_utf8_and_say_so() -> None:
    found = read(query_file({"PatientName": "Müller^病"}, returned=["SpecificCharacterSet"]))
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.PatientName == "Müller^病"


def test_ascii_names_need_no_character_set() -> None:
    assert "SpecificCharacterSet" not in read(query_file({"PatientName": "Mueller"}))


@pytest.mark.parametrize(
    ("character_set", "value", "encoded"),
    [
        ("ISO_IR 100", "Müller", b"M\xfcller"),
        ("ISO_IR 144", "Иванов", b"\xb8\xd2\xd0\xdd\xde\xd2"),
        ("GB18030", "病", b"\xb2\xa1"),
        (r"\ISO 2022 IR 87", "山田^太郎", b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        ("ISO_IR 192", "病", "病".encode()),
        ("ISO_IR 100", "Mueller", b"Mueller"),
    ],
)
def test_another_character_set_can_be_asked_for(character_set: str, value: str, encoded: bytes) -> None:
    data = query_file({"PatientName": value}, specific_character_set=character_set)
    assert data.rstrip(b" ").endswith(encoded)
    assert read(data).PatientName == value
    assert query_file({}, specific_character_set=character_set)[8:].rstrip() == character_set.encode()


@pytest.mark.parametrize(
    "character_set", ["ISO_IR 100", "ISO_IR 6", r"\ISO 2022 IR 149", "ISO_IR 13", "ISO_IR 999", "nonsense"]
)
def test_what_the_character_set_cannot_express_is_refused_without_repeating_it(character_set: str) -> None:
    with pytest.raises(ValueError, match="PatientName: SpecificCharacterSet") as raised:
        query_file({"PatientName": "Ünsal^雪ж"}, specific_character_set=character_set)
    assert "nsal" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("keyword", "value", "problem"),
    [
        ("NoSuchKeyword", "SECRET", "no keyword"),
        ("", "SECRET", "no keyword"),
        ("TransferSyntaxUID", "1.2", "no keyword"),  # file meta information, not a data set's
        ("AccessionNumber", "A\\SECRET", "backslash"),
        ("AccessionNumber", "SECRET\n", "control characters"),
        ("PatientID", "SECRET\x1b$B", "control characters"),
        ("PatientID", "SECRET\x85", "control characters"),
        ("StudyDate", "2020\u0661SECRET", "ASCII only"),
        ("StudyInstanceUID", "1.²", "ASCII only"),
        ("Rows", "512", "cannot be matched"),
        ("ReferencedStudySequence", "SECRET", "cannot be matched"),
        ("SpecificCharacterSet", "ISO_IR 100", "specific_character_set"),
        ("PatientName", "SECRET\udc80", "cannot express"),
    ],
)
def test_a_key_that_would_be_read_as_something_else_is_refused(
    keyword: str, value: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        query_file({keyword: value})
    assert "SECRET" not in str(raised.value)


def test_an_unknown_return_key_is_refused() -> None:
    with pytest.raises(ValueError, match="NumberOfStudyInstances"):
        query_file({}, returned=["NumberOfStudyInstances"])


def test_a_sequence_can_be_asked_to_be_returned() -> None:
    assert "ReferencedStudySequence" in read(query_file({}, returned=["ReferencedStudySequence"]))


text_keywords = st.sampled_from(
    ["AccessionNumber", "PatientID", "PatientName", "StudyDescription", "StudyID", "InstitutionName"]
)
# Blanks at the ends are padding in DICOM, and a name's delimiters at its end say nothing.
texts = (
    st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\\"))
    .map(str.strip)
    .filter(lambda text: not text.endswith(("^", "=")))
)
uids = st.lists(st.from_regex(r"[1-9][0-9]{0,5}(\.[1-9][0-9]{0,5}){1,5}", fullmatch=True), min_size=1)
return_keywords = st.lists(
    st.sampled_from(
        ["StudyInstanceUID", "StudyDate", "ModalitiesInStudy", "NumberOfStudyRelatedInstances", "PatientID"]
    )
)


@given(st.dictionaries(text_keywords, texts), uids, return_keywords)
def test_pydicom_reads_back_what_was_asked(
    keys: dict[str, str], studies: list[str], returned: list[str]
) -> None:
    asked = {**keys, "StudyInstanceUID": "\\".join(studies)}
    data = query_file(asked, returned=returned)
    found = read(data)
    assert is_whole(data)
    assert {element.keyword for element in found} - {"SpecificCharacterSet"} == {*asked, *returned}
    for keyword, value in keys.items():
        assert str(found[keyword].value or "") == value
    studies_found = found["StudyInstanceUID"].value
    assert ([studies_found] if isinstance(studies_found, str) else list(studies_found)) == studies
    for keyword in {*returned} - {*asked}:
        assert found[keyword].is_empty
    assert [element.tag for element in found] == sorted(element.tag for element in found)


def test_a_million_rows_are_written_within_minutes() -> None:
    started = time.process_time()
    for number in range(1_000):
        query_file(
            {"PatientID": f"P{number}", "AccessionNumber": "A"}, returned=["StudyInstanceUID", "StudyDate"]
        )
    assert time.process_time() - started < 0.2  # 0.2 ms each; about 0.006 were measured
