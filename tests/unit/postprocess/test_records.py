"""Headers become lines of metadata.csv, and a record for each series in the store."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.metadata import Record, open_store
from niffler_ops.postprocess.job import Processor, Verdict
from tests.unit.postprocess.workplace import Workplace


def records(place: Workplace, collection: str = "default") -> list[Record]:
    with closing(open_store(f"sqlite:///{place.private}/metadata.sqlite")) as store:
        return list(store.records(collection))


def store(place: Workplace, *files: str, **settings: Any) -> None:
    assert place.run(Processor.METADATA, *files, **settings).verdict is Verdict.DONE
    place.run(Processor.TABLES)


def featureset(place: Workplace, name: str, *keywords: str) -> str:
    path = place.root.with_name(f"{name}.txt")
    path.write_text("\n".join(keywords))
    return str(path)


def test_a_series_has_one_record_and_a_file_one_line(place: Workplace) -> None:
    files = [place.instance(n, SeriesInstanceUID=f"1.2.3.{n // 3}") for n in (1, 2, 3)]
    store(place, *files)
    assert sorted(str(record["instances"]) for record in records(place)) == ["1", "2"]
    lines = place.table("metadata")
    assert len({line["SOPInstanceUID"] for line in lines}) == 3
    assert {line["SeriesInstanceUID"] for line in lines} == {record["_id"] for record in records(place)}


def test_each_featureset_is_a_collection_and_the_table_has_the_columns_of_all(place: Workplace) -> None:
    sets = featureset(place, "one", "Rows"), featureset(place, "two", "Columns")
    store(place, place.instance(1, InstanceNumber=7), featuresets=sets)
    assert records(place, "default") == []
    (one,), (two,) = records(place, "one"), records(place, "two")
    assert ("Rows" in one, "Columns" in one) == (True, False)
    assert ("Rows" in two, "Columns" in two) == (False, True)
    (line,) = place.table("metadata")
    assert (line["Rows"], line["Columns"], "InstanceNumber" in line) == ("4", "6", False)


def test_a_study_that_has_grown_has_its_records_replaced(place: Workplace) -> None:
    files = [place.instance(n) for n in (1, 2, 3)]
    store(place, *files[:2])
    store(place, *files)
    (record,) = records(place)
    assert record["instances"] == 3
    assert len(place.table("metadata")) == 3


def test_a_file_without_pixels_has_a_record_too(place: Workplace) -> None:
    store(place, place.instance(1, PixelData=None))
    assert len(records(place)) == 1


def test_records_and_lines_hold_no_identity_and_the_way_back_is_private(place: Workplace) -> None:
    store(place, place.instance(1, PatientName="MILLER^ANN", StudyDescription="Head of MILLER"))
    text = json.dumps([records(place), place.table("metadata")])
    assert "MILLER" not in text
    (record,) = records(place)
    links = {(row["attribute"], row["original"]): row["pseudonym"] for row in place.table("linking")}
    assert links["PatientID", "P1"] == record["PatientID"]
    assert ("PatientName", "MILLER^ANN") in links


@pytest.mark.parametrize("obstacle", ["a folder", "no database"])
def test_a_store_that_cannot_be_used_is_asked_again_later_and_nothing_is_lost(
    place: Workplace, obstacle: str
) -> None:
    path = place.private / "metadata.sqlite"
    place.private.mkdir()
    if obstacle == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"no database" * 100)
    file = place.instance(1)
    outcome = place.run(Processor.METADATA, file)
    assert (outcome.verdict, outcome.held) == (Verdict.LATER, 0)
    assert str(path) in outcome.reason
    assert not list(place.private.rglob("*.jsonl")), "no line without its record"
    assert not list((place.private / "fragments" / "markers").iterdir())
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    store(place, file)
    assert len(records(place)) == 1


def test_the_store_may_be_named_in_a_file(place: Workplace, tmp_path: Path) -> None:
    url = tmp_path / "url"
    url.touch(0o600)
    url.write_text(f"sqlite:///{place.private}/metadata.sqlite\n")
    store(place, place.instance(1), store=f"file://{url}")
    assert len(records(place)) == 1
