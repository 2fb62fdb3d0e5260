from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filereader import read_dataset

from niffler_ops import intake
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.intake.values import value_reader
from tests.unit.intake.conftest import Maker, asked, refused

LONG = {"ExtractionType": "accession", "AccessionIndex": 0, "LongAccession": True}
NAMES = {"FirstAttr": "PatientName", "FirstIndex": 0}


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("AE", "PACS 1"),
        ("AS", "042Y"),
        ("CS", "CT"),
        ("CS", "HEAD_1 X"),
        ("DS", "-1.5e3"),
        ("DS", ".5"),
        ("DT", "2024"),
        ("DT", "20240131101500.123456+0100"),
        ("IS", "+7"),
        ("LO", "x" * 64),
        ("LT", "x" * 10_240),
        ("PN", "Müller^Hans"),
        ("PN", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("PN", "x" * 64 + "=" + "y" * 64),
        ("PN", "a^b^c^d^e"),
        ("TM", "10"),
        ("TM", "235960.999999"),
        ("UC", "x" * 100_000),
        ("UI", "1.2.840.10008"),
    ],
)
def test_a_value_of_its_representation_is_asked_as_it_stands(vr: str, value: str) -> None:
    assert value_reader("K", vr)(value) == value


@pytest.mark.parametrize(
    ("vr", "value", "reason"),
    [
        ("AE", "x" * 17, "K is no AE: at most 16 ASCII characters"),
        ("AS", "42", "K is no AS: three digits and D, W, M or Y"),
        ("CS", "ct", "K is no CS: at most 16 capital letters, digits, blanks and _"),
        ("DS", "1,5", "K is no DS: a number of at most 16 characters"),
        ("DS", "1" * 17, "K is no DS: a number of at most 16 characters"),
        ("DT", "2024-01-31", "K is no DT: a date and time written YYYYMMDDHHMMSS.FFFFFF+ZZXX, from the"),
        ("IS", "1.5", "K is no IS: a whole number of at most 12 characters"),
        ("LO", "x" * 65, "K has 65 characters, 64 are allowed"),
        ("PN", "a^b^c^d^e^f", "K is no PN: at most three groups (=) of 64 characters and five components"),
        ("PN", "a=b=c=d", "K is no PN: at most three groups (=) of 64 characters and five components"),
        ("PN", "x" * 65, "K is no PN: at most three groups (=) of 64 characters and five components"),
        ("PN", "^=^", "K is no PN: at most three groups (=) of 64 characters and five components"),
        ("TM", "24", "K is no TM: a time written HHMMSS.FFFFFF, from the right on less of it"),
        ("TM", "10:15", "K is no TM: a time written HHMMSS.FFFFFF, from the right on less of it"),
        ("TM", "1000-1100", "K is no TM: a time written HHMMSS.FFFFFF, from the right on less of it"),
        ("UI", "1.2.", "K is no UI: at most 64 digits and dots"),
        ("UI", "1.2\\1.3", "K holds a backslash"),
        ("UI", "1.*", "K holds a wildcard (* or ?)"),
        ("PN", "a\u200bb", "K holds a control or invisible character"),
        ("CS", "", "K is empty"),
        ("IS", "٣", "K is no IS: a whole number of at most 12 characters"),
    ],
)
def test_a_value_of_another_representation_is_refused(vr: str, value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^K ") as caught:
        value_reader("K", vr)(value)
    assert str(caught.value).startswith(reason)


def test_a_long_accession_loses_its_eighth_and_ninth_character(given_csv: Maker) -> None:
    config = given_csv(
        "A\nABCDEFG20240001234\n1234567890123456\n12345678901234567890\nABCDEFG20*400012345\n", **LONG
    )
    assert asked(config) == [{"AccessionNumber": "ABCDEFG240001234"}, {"AccessionNumber": "1234567890123456"}]
    assert refused(config) == {
        4: "AccessionNumber (column 0) has 18 characters, 16 are allowed",
        5: "AccessionNumber (column 0) holds a wildcard (* or ?)",
    }


def test_what_is_cut_out_of_a_long_accession_is_looked_at_too(given_csv: Maker) -> None:
    config = given_csv("A\nGOOD\nABCDEFG*?240001234\n", **LONG)
    assert refused(config) == {3: "AccessionNumber (column 0) holds a wildcard (* or ?)"}


def test_without_its_key_a_long_accession_is_refused(given_csv: Maker) -> None:
    config = given_csv("A\nA1\nABCDEFG20240001234\n", **LONG | {"LongAccession": "False"})
    assert refused(config) == {3: "AccessionNumber (column 0) has 18 characters, 16 are allowed"}


@pytest.mark.parametrize(("encoding", "warned"), [("utf-8", False), ("utf-8-sig", False), ("cp1252", True)])
def test_from_the_cell_to_the_query_a_name_keeps_its_letters(
    given_csv: Maker,
    encoding: str,
    warned: bool,  # noqa: FBT001
) -> None:
    config = given_csv("Name\nMüller^Jörg\n".encode(encoding), **NAMES)
    assert bool(intake.check(config).warnings) == warned
    (row,) = intake.read_rows(config)
    data = query_file(row.keys, returned=["StudyInstanceUID"])
    assert "Müller^Jörg".encode() in data
    assert _read(data).SpecificCharacterSet == "ISO_IR 192"
    assert str(_read(data).PatientName) == "Müller^Jörg"


def test_what_is_ascii_is_asked_without_a_character_set(given_csv: Maker) -> None:
    (row,) = intake.read_rows(given_csv("Name\nMiller^Joe\n", **NAMES))
    assert "SpecificCharacterSet" not in _read(query_file(row.keys))


def test_a_range_reaches_the_query_as_it_is(given_csv: Maker) -> None:
    (row,) = intake.read_rows(given_csv("M\n202402\n", FirstAttr="StudyMonth", FirstIndex=0))
    assert b"20240201-20240229 " in query_file(row.keys)


def _read(data: bytes) -> Dataset:
    return read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True)
