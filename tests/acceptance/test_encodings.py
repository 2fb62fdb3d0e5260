"""Keys that are not ASCII: the CSV in UTF-8 or Windows-1252, the archive's files in either character set."""

from pathlib import Path

import pytest

from tests.support.embedded import instance, save
from tests.support.rig import Rig, data_sets, filed

NAME, DESCRIPTION = "Müßig^Änne", "Schädel für Übung"


def archive_of(folder: Path, character_set: str) -> Path:
    made = instance(
        1, 1, 1, SpecificCharacterSet=character_set, PatientName=NAME, StudyDescription=DESCRIPTION
    )
    save(made, folder / "1.dcm")
    return folder


def configure(rig: Rig, keyword: str) -> None:
    rig.configure(
        ExtractionType=None,
        PatientIndex=None,
        AccessionIndex=None,
        FirstAttr="PatientID",
        FirstIndex=0,
        SecondAttr=keyword,
        SecondIndex=1,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("character_set", ["ISO_IR 192", "ISO_IR 100"])
@pytest.mark.parametrize(("keyword", "value"), [("PatientName", NAME), ("StudyDescription", DESCRIPTION)])
def test_a_key_with_umlauts_finds_its_study_whatever_the_encodings(
    plain_rig: Rig, tmp_path: Path, encoding: str, character_set: str, keyword: str, value: str
) -> None:
    rig = plain_rig
    rig.serve(archive_of(tmp_path / "archive", character_set))
    configure(rig, keyword)
    (rig.folder / "list.csv").write_bytes(f"EMPI,Was\nP1,{value}\n".encode(encoding))
    rig.keep_secret(value)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert len(filed(rig.storage)) == 1
    assert ("Windows-1252" in rig.log()) is (encoding == "cp1252")
    (row,) = rig.report()
    assert row["Was"] == value


def test_both_toolkits_and_archives_understand_such_keys(rig: Rig, tmp_path: Path, archive_kind: str) -> None:
    rig.serve_files(archive_kind, archive_of(tmp_path / "archive", "ISO_IR 192"))
    configure(rig, "StudyDescription")
    rig.write_csv([("P1", DESCRIPTION), ("P1", "Schädel für niemanden")])
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "not_found"]
    assert len(data_sets(rig.storage)) == 1
