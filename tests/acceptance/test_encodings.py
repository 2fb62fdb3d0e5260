"""Keys that are not ASCII: the CSV in UTF-8 or Windows-1252, the archive's files in either character set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests.support.embedded import instance, save
from tests.support.rig import Rig, data_set, filed

# By keyword: the value, and another one that differs only in an umlaut.
VALUES: Mapping[str, tuple[str, str]] = {
    "PatientID": ("ÜBUNG-0815", "UBUNG-0815"),
    "AccessionNumber": ("PRÜF-4711", "PRUF-4711"),
    "PatientName": ("Müßig^Änne", "Müßig^Anne"),
    "StudyDescription": ("Schädel für Übung", "Schadel für Übung"),
}
HEADER = tuple(VALUES)
WARNING = "the text is not UTF-8 and is read as Windows-1252; non-ASCII ids may be misread"


@pytest.fixture(params=["ISO_IR 100", "ISO_IR 192"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One study of one image for each of a value's two spellings, all its text in one character set."""
    made = tmp_path / "archive"
    for number in (1, 2):
        values: dict[str, Any] = {key: spellings[number - 1] for key, spellings in VALUES.items()}
        one = instance(number, SpecificCharacterSet=request.param, **values)
        save(one, made / f"{number}.dcm")
    return made


def lines(*spellings: int) -> list[tuple[str, ...]]:
    """A line for each key alone, in these spellings."""
    return [
        tuple(VALUES[keyword][spelling] if keyword == key else "" for keyword in HEADER)
        for spelling in spellings
        for key in HEADER
    ]


def configure(rig: Rig, **keys: object) -> None:
    rig.configure(ExtractionType="header", PatientIndex=None, AccessionIndex=None, **keys)
    rig.keep_secret(*(spelling for spellings in VALUES.values() for spelling in spellings))
    rig.keep_secret("BUNG-0815", "F-4711", "del f")  # the values in whatever encoding


def test_keys_beyond_ascii_are_matched_letter_by_letter_in_either_character_set(
    rig: Rig, folder: Path, archive_kind: str
) -> None:
    rig.serve_files(archive_kind, folder)
    configure(rig)
    absent = ("ÜBÜNG-0815", "", "", "")
    rig.write_csv([*lines(0), absent], header=HEADER)
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done"] * 4 + ["not_found"]
    assert {row["study_instance_uids"] for row in rig.report()[:4]} == {"1.2.3.1"}
    assert [tuple(row[keyword] for keyword in HEADER) for row in rig.report()] == [*lines(0), absent]
    assert "Windows-1252" not in rig.log()
    (path,) = filed(rig.storage)
    assert path.relative_to(rig.storage).parts[0] == "%C3%9CBUNG-0815"
    assert data_set(path) == data_set(folder / "1.dcm")
    assert pydicom.dcmread(path).PatientName == VALUES["PatientName"][0]


def test_they_are_matched_in_a_retrieve_without_a_query_too(rig: Rig, folder: Path) -> None:
    rig.serve(folder, "find-status=a900")
    configure(rig, RetrieveWithoutQuery=True)
    rig.write_csv(lines(0)[:3], header=HEADER)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert {row["study_instance_uids"] for row in rig.report()} == {"1.2.3.1"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_whatever_the_encoding_of_the_csv_its_values_are_the_same(
    plain_rig: Rig, folder: Path, encoding: str
) -> None:
    rig = plain_rig
    rig.serve_files("niffler-archive", folder)
    configure(rig)
    rig.write_csv(lines(0, 1), header=HEADER)
    file = rig.folder / "list.csv"
    file.write_bytes(file.read_text().encode(encoding))
    ended = rig.cold()
    assert ended.status == 0, ended
    assert [row["study_instance_uids"] for row in rig.report()] == ["1.2.3.1"] * 4 + ["1.2.3.2"] * 4
    assert [tuple(row[keyword] for keyword in HEADER) for row in rig.report()] == lines(0, 1)
    for text in (rig.log(), ended.out):
        assert (f"list.csv:2: {WARNING}" in text) is (encoding == "cp1252")
