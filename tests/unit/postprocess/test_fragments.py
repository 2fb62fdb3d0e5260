"""What a job adds to the tables is written as a whole, and replaces what it added before."""

import json
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.deidentify.deidentifier import Link
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.job import Processor
from niffler_ops.postprocess.places import TABLES, Places
from tests.unit.postprocess.workplace import Workplace

PSEUDONYMS = Pseudonyms(b"a secret of the tests, 32 bytes.")
LINKS = [Link("PatientID", "P1", "N1"), Link("PatientID", "P1", "N1"), Link("StudyID", "1", "N2")]


@pytest.fixture
def fragments(place: Workplace) -> Fragments:
    return make(place)


def make(place: Workplace) -> Fragments:
    return Fragments(place.job(Processor.PNG), PSEUDONYMS)


def rows(place: Workplace, table: str) -> list[dict[str, Any]]:
    path = Places.of(place.settings()).fragments(table, "png") / "study.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def files(place: Workplace) -> list[str]:
    return sorted(path.parts[-3] for path in (place.private / "fragments").rglob("*.jsonl"))


def test_each_table_has_its_rows_and_nothing_is_written_before_the_end(
    fragments: Fragments, place: Workplace
) -> None:
    fragments.add("metadata", {"Rows": 4})
    fragments.add("metadata", {"Rows": 5})
    fragments.add("mapping", {"png": "a.png"})
    assert not place.private.exists()
    fragments.write()
    assert files(place) == ["mapping", "metadata"]
    assert rows(place, "metadata") == [{"Rows": 4}, {"Rows": 5}]
    assert rows(place, "mapping") == [{"png": "a.png"}]


def test_a_pseudonym_is_linked_once(fragments: Fragments, place: Workplace) -> None:
    fragments.link(LINKS)
    fragments.link(LINKS)
    fragments.write()
    assert rows(place, "linking") == [
        {"attribute": "PatientID", "original": "P1", "pseudonym": "N1"},
        {"attribute": "StudyID", "original": "1", "pseudonym": "N2"},
    ]


def test_a_file_that_came_to_nothing_is_named_by_a_pseudonym_that_leads_back(
    fragments: Fragments, place: Workplace
) -> None:
    for name in ("MILLER^ANN/1.dcm", "MILLER^ANN/2.dcm"):
        fragments.hold(str(place.root / name), rule="unreadable", reason="it is cut short")
    fragments.write()
    assert fragments.held == 2
    assert "MILLER" not in json.dumps(rows(place, "failures"))
    linked = {row["pseudonym"]: row["original"] for row in rows(place, "linking")}
    assert [linked[row.pop("file")] for row in rows(place, "failures")] == [
        "MILLER^ANN/1.dcm",
        "MILLER^ANN/2.dcm",
    ]
    first = rows(place, "failures")[0]
    assert (first["processor"], first["rule"], first["reason"]) == ("png", "unreadable", "it is cut short")


def test_what_an_earlier_run_added_is_replaced_or_removed(fragments: Fragments, place: Workplace) -> None:
    for table in TABLES:
        fragments.add(table, {"png": "old"})
    fragments.write()
    again = make(place)
    again.add("mapping", {"png": "new"})
    again.write()
    assert files(place) == ["mapping"]
    assert rows(place, "mapping") == [{"png": "new"}]


def test_fragments_are_private(fragments: Fragments, place: Workplace) -> None:
    fragments.link(LINKS)
    fragments.write()
    paths = [place.private, *place.private.rglob("*")]
    modes = {path.stat().st_mode & 0o777 for path in paths if path.is_file()}
    assert modes == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}


def test_a_file_elsewhere_is_a_defect(fragments: Fragments, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="subpath"):
        fragments.hold(str(tmp_path / "elsewhere.dcm"), rule="unreadable", reason="")
