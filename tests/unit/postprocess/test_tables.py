"""The tables are made of what the jobs left, whichever post-processor and in whatever order."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from niffler_ops.metadata import write_fragment
from niffler_ops.metadata.values import Value
from niffler_ops.postprocess.job import Outcome, Processor, Verdict
from niffler_ops.postprocess.linking import originals_of
from niffler_ops.postprocess.places import Places
from niffler_ops.postprocess.tables import write_tables
from tests.support.processes import KILLED, run_python
from tests.unit.postprocess.workplace import Workplace

Leave = Callable[..., Path]
PNG, METADATA, DEIDENTIFY = Processor.PNG, Processor.METADATA, Processor.DEIDENTIFY


@pytest.fixture
def leave(place: Workplace) -> Leave:
    """Leaves the rows of a job, as its worker would."""

    def write(
        table: str, *rows: dict[str, Value], processor: Processor = PNG, job: str = "study", output: str = ""
    ) -> Path:
        settings = place.settings(output=output or str(place.output))
        folder = Places.of(settings).fragments(table, processor)
        folder.mkdir(parents=True, exist_ok=True)
        write_fragment(folder / f"{job}.jsonl", rows)
        return folder / f"{job}.jsonl"

    return write


def link(original: str, pseudonym: str = "N1", attribute: str = "PatientID") -> dict[str, Value]:
    return {"attribute": attribute, "original": original, "pseudonym": pseudonym}


def tables(place: Workplace) -> list[str]:
    return sorted(path.name for folder in (place.output, place.private) for path in folder.glob("*.csv"))


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_without_a_fragment_there_is_no_table(place: Workplace) -> None:
    write_tables(place.settings())
    assert list(place.output.iterdir()) == []


def test_each_table_has_the_rows_of_all_jobs_and_its_own_first_columns(
    place: Workplace, leave: Leave
) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1", "Rows": 4}, job="one")
    leave("metadata", {"SOPInstanceUID": "2.25.2", "Columns": 6}, job="two")
    leave("mapping", {"bits": 8, "frame": 1, "SOPInstanceUID": "2.25.1", "png": "images/1.png"})
    leave("failures", {"reason": "cut short", "rule": "unreadable", "file": "F", "processor": "png"})
    leave("linking", link("P1"))
    write_tables(place.settings())
    assert lines(place.output / "metadata.csv") == ["SOPInstanceUID,Columns,Rows", "2.25.1,,4", "2.25.2,6,"]
    assert lines(place.output / "mapping.csv") == ["png,SOPInstanceUID,frame,bits", "images/1.png,2.25.1,1,8"]
    assert lines(place.output / "failures.csv") == [
        "processor,file,SOPInstanceUID,rule,reason",
        "png,F,,unreadable,cut short",
    ]
    assert lines(place.private / "linking.csv") == ["attribute,original,pseudonym", "PatientID,P1,N1"]
    assert tables(place) == ["failures.csv", "linking.csv", "mapping.csv", "metadata.csv"]


def test_tables_and_their_folder_are_private(place: Workplace, leave: Leave) -> None:
    for table in ("metadata", "mapping", "linking"):
        leave(table, link("P1"))
    write_tables(place.settings())
    assert place.output.stat().st_mode & 0o777 == 0o700
    paths = [place.output / "metadata.csv", place.output / "failures.csv", place.private / "linking.csv"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}


@pytest.mark.parametrize("table", ["metadata", "mapping", "failures"])
def test_failures_csv_says_that_nothing_failed(place: Workplace, leave: Leave, table: str) -> None:
    leave(table, {"SOPInstanceUID": "2.25.1"})
    write_tables(place.settings())
    assert lines(place.output / "failures.csv")[0] == "processor,file,SOPInstanceUID,rule,reason"
    assert len(lines(place.output / "failures.csv")) == (2 if table == "failures" else 1)


def test_a_file_has_one_line_though_two_post_processors_leave_one(place: Workplace, leave: Leave) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1", "Rows": 4}, processor=METADATA)
    leave("metadata", {"SOPInstanceUID": "2.25.1", "Columns": 6}, processor=PNG)
    leave("metadata", {"SOPInstanceUID": "2.25.2", "Columns": 6}, processor=PNG, job="of png alone")
    write_tables(place.settings())
    assert lines(place.output / "metadata.csv") == ["SOPInstanceUID,Columns,Rows", "2.25.1,,4", "2.25.2,6,"]


def test_a_job_that_leaves_less_than_before_leaves_no_line_behind(place: Workplace, leave: Leave) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1"}, job="one")
    leave("metadata", {"SOPInstanceUID": "2.25.2"}, {"SOPInstanceUID": "2.25.3"}, job="two")
    leave("failures", {"processor": "png", "file": "F"}, job="two")
    write_tables(place.settings())
    leave("metadata", {"SOPInstanceUID": "2.25.3"}, job="two")
    leave("failures", job="two").unlink()
    write_tables(place.settings())
    assert lines(place.output / "metadata.csv") == ["SOPInstanceUID", "2.25.1", "2.25.3"]
    assert len(lines(place.output / "failures.csv")) == 1


def test_half_a_fragment_of_a_worker_that_was_killed_is_no_fragment(place: Workplace, leave: Leave) -> None:
    path = leave("metadata", {"SOPInstanceUID": "2.25.1"})
    path.with_name(".other.jsonl.123.part").write_text('{"SOPInst')
    write_tables(place.settings())
    assert lines(place.output / "metadata.csv") == ["SOPInstanceUID", "2.25.1"]


def test_only_halves_of_tables_whose_writer_is_dead_are_removed(place: Workplace, leave: Leave) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1"})
    place.output.mkdir()
    dead, living = (place.output / f".metadata.csv.{pid}.part" for pid in (2**22 + 1, os.getppid()))
    foreign = place.output / ".something.part"
    for path in (dead, living, foreign):
        path.write_text("SOPInst")
    write_tables(place.settings())
    assert not dead.exists()
    assert living.exists()
    assert foreign.exists()


def test_common_columns_are_those_that_every_file_has(place: Workplace, leave: Leave) -> None:
    rows = [{"SOPInstanceUID": f"2.25.{n}", "Rows": 4} for n in (1, 2)]
    leave("metadata", rows[0] | {"Columns": 6}, rows[1])
    write_tables(place.settings(common=True))
    assert lines(place.output / "metadata.csv") == ["SOPInstanceUID,Rows", "2.25.1,4", "2.25.2,4"]


def test_parquet_stands_beside_where_it_is_asked_for(place: Workplace, leave: Leave) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1", "Rows": 4})
    write_tables(place.settings())
    assert not (place.output / "metadata.parquet").exists()
    write_tables(place.settings(parquet=True))
    table = pq.read_table(place.output / "metadata.parquet")
    assert table.to_pylist() == [{"SOPInstanceUID": "2.25.1", "Rows": 4}]


def test_a_link_stands_once_in_linking_csv_whoever_left_it(place: Workplace, leave: Leave) -> None:
    for processor in (PNG, METADATA, DEIDENTIFY):
        for job in ("one", "two"):
            leave("linking", link("P2", "N2"), link("P1"), link("A", "N3", "StudyID"), processor=processor)
            leave("linking", link("P1"), processor=processor, job=job)
    write_tables(place.settings())
    assert lines(place.private / "linking.csv") == [
        "attribute,original,pseudonym",
        "PatientID,P1,N1",
        "PatientID,P2,N2",
        "StudyID,A,N3",
    ]
    assert not list(place.private.glob("linking.sqlite*"))


def test_a_cell_of_linking_csv_is_no_formula_and_the_way_back_is_exact(
    place: Workplace, leave: Leave
) -> None:
    leave("linking", link("=1+1"), link("-5", "N2"), link('a,"b"', "N3"), link("Ünï", "N4"))
    write_tables(place.settings())
    assert {row["pseudonym"]: row["original"] for row in place.table("linking")} == {
        "N1": "'=1+1",
        "N2": "-5",
        "N3": 'a,"b"',
        "N4": "Ünï",
    }
    assert originals_of(place.private, "N1") == [("PatientID", "=1+1")]


def test_a_pseudonym_may_stand_for_several_values_and_for_none(place: Workplace, leave: Leave) -> None:
    leave("linking", link("P1"), link("MILLER^ANN", attribute="PatientName"))
    leave("linking", link("P1"), processor=DEIDENTIFY)
    assert originals_of(place.private, "N1") == [("PatientID", "P1"), ("PatientName", "MILLER^ANN")]
    assert originals_of(place.private, "N2") == []
    assert originals_of(place.root, "N1") == []


def test_many_links_come_in_order(place: Workplace, leave: Leave) -> None:
    leave("linking", *(link(f"P{n:05}", f"N{n}") for n in reversed(range(2500))))
    write_tables(place.settings())
    found = [row["original"] for row in place.table("linking")]
    assert found == [f"P{n:05}" for n in range(2500)]


def test_what_a_crash_left_of_the_links_is_written_anew(place: Workplace, leave: Leave) -> None:
    leave("linking", link("P1"))
    (place.private / "linking.sqlite").write_bytes(b"half a database")
    write_tables(place.settings())
    assert len(place.table("linking")) == 1


def test_a_job_writes_the_tables(place: Workplace, leave: Leave) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1"})
    assert place.run(Processor.TABLES) == Outcome(verdict=Verdict.DONE)
    assert tables(place) == ["failures.csv", "metadata.csv"]


def test_a_file_whose_name_is_no_utf_8_does_not_stop_the_tables(place: Workplace, leave: Leave) -> None:
    leave("linking", link(os.fsdecode(b"M\xfcller.dcm"), attribute="file"))
    write_tables(place.settings())
    assert [row["pseudonym"] for row in place.table("linking")] == ["N1"]


def test_what_was_made_for_one_output_folder_is_not_in_the_tables_of_another(
    place: Workplace, leave: Leave, tmp_path: Path
) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1", "StudyDate": "20010203"}, output=str(tmp_path / "inside"))
    leave("mapping", {"png": "images/1.png"}, output=str(tmp_path / "inside"))
    write_tables(place.settings())
    assert list(place.output.iterdir()) == []


def test_half_a_table_of_a_worker_that_was_killed_does_not_stay(place: Workplace, leave: Leave) -> None:
    leave("metadata", {"SOPInstanceUID": "2.25.1"})
    (place.private / "1.job").write_bytes(place.job(Processor.TABLES).written())
    dies = """
        import sys
        from niffler_ops.postprocess.worker import main
        main(sys.argv[1:])
    """
    ended = run_python(dies, place.private / "1.job", NIFFLER_FAILPOINT="rename-before")
    assert ended.returncode == KILLED
    assert len(list(place.output.iterdir())) == 1
    write_tables(place.settings())
    assert sorted(path.name for path in place.output.iterdir()) == ["failures.csv", "metadata.csv"]
