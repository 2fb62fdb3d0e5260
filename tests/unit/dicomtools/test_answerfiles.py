"""Whatever an archive answers is read or counts as unreadable; nothing raises."""

import time
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, config, dcmwrite

from niffler_ops.dicomtools import answerfiles
from niffler_ops.dicomtools.answerfiles import Match, is_whole
from niffler_ops.dicomtools.findscu import FindLog, read_answers


def answer(folder: Path, data: bytes) -> Match | None:
    """The one match of an answer of which this is the result file."""
    (folder / "001.dcm").write_bytes(data)
    log = FindLog()
    for status in ("ff00", "0"):
        log.feed(f">> 1:C-FIND-RSP[pcid=1, status={status}H")
    (found,) = read_answers(log, folder, 1)
    assert found.complete == bool(found.matches)
    return found.matches[0] if found.matches else None


def element(group: int, number: int, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return (
        group.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value
    )


def nested(*, undefined: bool) -> bytes:
    """A data set with a sequence, an item and an element in it, and an element behind."""
    item = Dataset()
    item.StudyDescription = "inner"
    outer = Dataset()
    outer.ReferencedStudySequence = [item]
    outer.PatientID = "P1"
    item.is_undefined_length_sequence_item = undefined
    outer["ReferencedStudySequence"].is_undefined_length = undefined
    encoded = BytesIO()
    dcmwrite(encoded, outer, implicit_vr=True, little_endian=True)
    return encoded.getvalue()


CHINESE = b"\x1b$)A" + "张".encode("gb2312") + b"^\x1b$)A" + "卫东".encode("gb2312")


@pytest.mark.parametrize(
    ("character_set", "name", "expected"),
    [
        (b"ISO_IR 100", b"M\xfcller^J\xfcrgen", "Müller^Jürgen"),
        (b"ISO_IR 192", "Имя^病".encode(), "Имя^病"),
        (b"ISO_IR 192", b"M\xfcller", "M\ufffdller"),
        (b"ISO_IR 999", b"M\xfcller", "Müller"),
        (b"", b"M\xfcller", "Müller"),
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田"),
        (b"\\ISO 2022 IR 58", b"Zhang^WeiDong=" + CHINESE, "Zhang^WeiDong=张^卫东"),
        (b"ISO_IR 203", b"\xa6im\xe9k^Ji\xf8\xed", "Šimék^Jiøí"),
        (b"ISO_IR 192", b"A\tB\x02C", "A\tB\x02C"),
        (b"utf_7", b"M\xfcller+2AA-", "Müller+2AA-"),
        (b"unicode_escape", b"M\xfcller", "Müller"),
    ],
)
def test_names_are_decoded(tmp_path: Path, character_set: bytes, name: bytes, expected: str) -> None:
    found = answer(tmp_path, element(0x08, 0x05, character_set) + element(0x10, 0x10, name))
    assert found is not None
    assert found["PatientName"] == expected


@pytest.mark.parametrize("value", [b"ten", b"1e999", b"\xff\xfe", b"10\x00\x00x"])
def test_a_number_that_is_none_counts_as_absent(tmp_path: Path, value: bytes) -> None:
    found = answer(tmp_path, element(0x10, 0x20, b"P1") + element(0x20, 0x1208, value))
    assert found is not None
    assert found["PatientID"] == "P1"
    assert "NumberOfStudyRelatedInstances" not in found


def test_an_odd_uid_is_kept_as_it_came(tmp_path: Path) -> None:
    found = answer(tmp_path, element(0x20, 0x0D, b"../evil\x00"))
    assert found is not None
    assert found["StudyInstanceUID"] == "../evil"


def test_empty_keys_stay_empty(tmp_path: Path) -> None:
    found = answer(tmp_path, element(0x10, 0x10, b"") + element(0x20, 0x1208, b""))
    assert found is not None
    assert found == {"PatientName": "", "NumberOfStudyRelatedInstances": ""}


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_are_passed_over_with_and_without_lengths(tmp_path: Path, *, undefined: bool) -> None:
    assert answer(tmp_path, nested(undefined=undefined)) == {"PatientID": "P1"}


@pytest.mark.parametrize("undefined", [False, True])
def test_a_file_cut_short_is_never_whole(*, undefined: bool) -> None:
    data = nested(undefined=undefined)
    boundary = data.index(b"\x10\x00\x20\x00")  # between two elements nobody can tell
    assert is_whole(data)
    assert [length for length in range(len(data)) if is_whole(data[:length])] == [boundary]


@pytest.mark.parametrize("data", [b"", b"\x08", b"not a data set", b"<?xml version='1.0'?>", b"\x00" * 4])
def test_what_is_no_data_set_counts_as_unreadable(tmp_path: Path, data: bytes) -> None:
    assert answer(tmp_path, data) is None


def test_items_nested_without_end_count_as_unreadable() -> None:
    assert not is_whole(b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 100_000)


TAGS = [
    *[(0x08, number) for number in (0x05, 0x20, 0x30, 0x50, 0x52, 0x54, 0x61, 0x1030, 0x1110)],
    *[(0x10, 0x10), (0x10, 0x20), (0x20, 0x0D), (0x20, 0x1208), (0x09, 0x10), (0x28, 0x10)],
]
elements = st.tuples(
    st.sampled_from(TAGS),
    st.binary(max_size=40)
    | st.text(alphabet="1234567890.\\ \0-+ABCe", max_size=20).map(lambda text: text.encode()),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(elements, unique_by=lambda drawn: drawn[0]) | st.binary())
def test_nothing_an_archive_answers_raises(
    tmp_path: Path, drawn: bytes | list[tuple[tuple[int, int], bytes]]
) -> None:
    data = drawn if isinstance(drawn, bytes) else encoded(drawn)
    found = answer(tmp_path, data)
    assert found is None or all(isinstance(text, str) for text in found.values())


@given(st.lists(elements, unique_by=lambda drawn: drawn[0], min_size=1))
def test_the_quick_way_reads_what_pydicom_reads(drawn: list[tuple[tuple[int, int], bytes]]) -> None:
    data = encoded(drawn)
    quickly = answerfiles._plain(list(answerfiles._elements(data)))
    slowly: Match | None = quickly
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        with suppress(ValueError, LookupError):  # it reads nothing at all where a character set is nonsense
            slowly = answerfiles._by_pydicom(data)
    assert quickly is None or quickly == slowly


def test_what_archives_usually_answer_is_read_the_quick_way() -> None:
    data = b"".join(
        [
            element(0x08, 0x52, b"STUDY "),
            element(0x08, 0x54, b"ARCHIVE "),
            element(0x08, 0x56, b"ONLINE"),
            element(0x08, 0x61, b"CT\\MR"),
            element(0x10, 0x20, b"P1"),
            element(0x20, 0x0D, b"1.2.3\0"),
            element(0x20, 0x1208, b"12"),
        ]
    )
    assert answerfiles._plain(list(answerfiles._elements(data))) == {
        "QueryRetrieveLevel": "STUDY",
        "RetrieveAETitle": "ARCHIVE",
        "InstanceAvailability": "ONLINE",
        "ModalitiesInStudy": "CT\\MR",
        "PatientID": "P1",
        "StudyInstanceUID": "1.2.3",
        "NumberOfStudyRelatedInstances": "12",
    }


def encoded(drawn: list[tuple[tuple[int, int], bytes]]) -> bytes:
    return b"".join(element(*tag, value) for tag, value in sorted(drawn))


def test_no_character_set_makes_a_long_value_take_long(tmp_path: Path) -> None:
    """By Python's codec of that name it would take a minute."""
    value = b"a" * 250_000 + b"-" + b"a" * 250_000
    began = time.monotonic()
    described = element(0x08, 0x05, b"punycode") + element(0x08, 0x1030, value)
    assert answer(tmp_path, described + element(0x10, 0x10, b"Doe^Jane"))
    assert time.monotonic() - began < 5


def test_a_match_without_end_counts_as_unreadable(tmp_path: Path) -> None:
    assert answer(tmp_path, element(0x08, 0x1030, b"a" * answerfiles.LONGEST)) is None
