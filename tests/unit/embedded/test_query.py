"""Which keys of files and options are sent."""

from pathlib import Path

import pytest

from niffler_ops.embedded import dataset, findscu, movescu, options, query
from tests.support.embedded import query_file

ACCESSION, LEVEL, NAME, PATIENT = 0x00080050, 0x00080052, 0x00100010, 0x00100020
STUDY, SERIES = 0x0020000D, 0x0020000E


def moved(*argv: object) -> list[dict[int, bytes]]:
    words = ["-c", "A@h:1", "--dest", "D", *map(str, argv)]
    return list(movescu.prepare(options.parse(movescu.OPTIONS, words)).queries)


def found(*argv: object) -> list[dict[int, bytes]]:
    words = ["-c", "A@h:1", *map(str, argv)]
    return list(findscu.prepare(options.parse(findscu.OPTIONS, words)).queries)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return query_file(
        tmp_path / "q.dcm",
        AccessionNumber="A1",
        QueryRetrieveLevel="IMAGE",
        PatientID="P1",
        StudyInstanceUID="1.2",
        SeriesInstanceUID="1.2.3",
    )


def test_movescu_takes_the_uids_of_a_file_and_the_level_of_the_option(file: Path) -> None:
    assert moved(file) == [{LEVEL: b"STUDY ", STUDY: b"1.2\0", SERIES: b"1.2.3\0"}]


def test_a_file_that_begins_with_a_long_value_is_refused_as_dcm4che_does(tmp_path: Path) -> None:
    for size, last in ((124, ""), (126, "78")):
        uids = "1.2.3\\" * 20 + "1.2" + last
        assert len(dataset.padded(uids)) == size
        long = query_file(tmp_path / "long.dcm", SOPInstanceUID=uids.split("\\"), StudyInstanceUID="1.2")
        if size == 124:
            assert moved("-L", "IMAGE", long)
        else:
            with pytest.raises(query.QueryError, match="Not a DICOM Stream"):
                moved("-L", "IMAGE", long)


def test_movescu_takes_what_its_options_name_in_ascending_order(file: Path) -> None:
    keys = moved("-i", "AccessionNumber", "-i", "PatientID", "-L", "SERIES", "--", file)
    assert keys == [{LEVEL: b"SERIES", ACCESSION: b"A1", PATIENT: b"P1"}]


def test_movescu_drops_a_key_without_a_word_where_the_options_do_not_ascend(file: Path) -> None:
    assert moved("-i", "PatientID", "-i", "AccessionNumber", "--", file) == [
        {LEVEL: b"STUDY ", PATIENT: b"P1"}
    ]


def test_without_files_one_query_is_made_of_the_options() -> None:
    assert moved("-m", r"StudyInstanceUID=1.2\3.4") == [{LEVEL: b"STUDY ", STUDY: rb"1.2\3.4" + b"\0"}]


def test_match_keys_of_the_options_lie_over_those_of_every_file(file: Path) -> None:
    assert [keys[STUDY] for keys in moved("-m", "StudyInstanceUID=9.9", "-L", "STUDY", file, file)] == [
        b"9.9\0",
        b"9.9\0",
    ]


def test_findscu_sends_the_keys_of_a_file_as_they_stand(file: Path) -> None:
    (keys,) = found(file)
    assert keys == {
        LEVEL: b"STUDY ",
        ACCESSION: b"A1",
        PATIENT: b"P1",
        STUDY: b"1.2\0",
        SERIES: b"1.2.3\0",
    }


def test_findscu_with_an_input_filter_drops_every_key_of_the_file(file: Path) -> None:
    assert found("-i", "AccessionNumber", "-r", "PatientName", "--", file) == [{LEVEL: b"STUDY ", NAME: b""}]


def test_a_return_key_blanks_the_key_of_the_file(file: Path) -> None:
    (keys,) = found("-r", "PatientID", "--", file)
    assert keys[PATIENT] == b""


def test_a_match_key_wins_over_a_return_key() -> None:
    assert found("-r", "PatientID", "-m", "PatientID=P9") == [{LEVEL: b"STUDY ", PATIENT: b"P9"}]


def test_bytes_and_character_set_of_a_file_are_sent_unchanged(tmp_path: Path) -> None:
    path = query_file(tmp_path / "q", SpecificCharacterSet="ISO_IR 100", PatientName="Müller*")
    (keys,) = found(path)
    assert (keys[0x00080005], keys[NAME]) == (b"ISO_IR 100", "Müller*".encode("latin-1") + b" ")


def test_a_missing_file_is_told_when_its_turn_comes(file: Path) -> None:
    words = ["-c", "A@h:1", "--dest", "D", str(file), "gone.dcm"]
    queries = iter(movescu.prepare(options.parse(movescu.OPTIONS, words)).queries)
    next(queries)
    with pytest.raises(query.QueryError, match=r"^gone\.dcm \(No such file or directory\)$"):
        next(queries)


def test_a_file_that_is_no_data_set_is_told(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_bytes(b"hello world, this is text")
    with pytest.raises(query.QueryError):
        found(path)


def test_keys_within_sequences_are_refused_and_not_mistaken() -> None:
    with pytest.raises(query.QueryError, match="not known to the embedded toolkit"):
        found("-r", "RequestAttributesSequence.AccessionNumber")
