"""A post-processor on a folder does what is new, survives what its workers do, and can be stopped.

Where it matters only how they end, the workers are a shell script.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.errors import (
    CannotWriteError,
    ConfigurationError,
    MissingInputError,
    NifflerError,
    StoppedError,
    UsageError,
)
from niffler_ops.metadata import open_store
from niffler_ops.postprocess import crew
from niffler_ops.postprocess.context import context_of
from niffler_ops.postprocess.folder import FolderRun, Summary
from niffler_ops.postprocess.job import Processor, Settings
from tests.support.clock import FakeClock
from tests.unit.postprocess.workplace import Workplace

PNG, METADATA, DEIDENTIFY = Processor.PNG, Processor.METADATA, Processor.DEIDENTIFY
HEADER = """#!/bin/sh
answer() { echo "{\\"job\\": $n, \\"verdict\\": \\"$1\\", \\"reason\\": \\"$2\\", \\"files\\": 1}"; }
n=0
for job; do
n=$((n + 1))
printf '%s\\n' "$(cat "$job")" >> JOBS
if grep -q '"processor": "tables"' "$job"; then TABLES; continue; fi
"""
DOES = "answer done"
HOLDS = 'echo "{\\"job\\": $n, \\"verdict\\": \\"done\\", \\"files\\": 1, \\"held\\": 1}"'


class HurriedClock(FakeClock):
    """Each look at it takes a second."""

    def monotonic(self) -> float:
        self.pass_time(1)
        return super().monotonic()


class Watched:
    """What a run shows; `act` is called with its name at each step."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.told: list[str] = []
        self.act: Callable[[str], None] = lambda _step: None

    def found(self, files: int) -> None:
        self._step("found", files)

    def began(self, studies: int) -> None:
        self._step("began", studies)

    def ended(self) -> None:
        self._step("ended", 1)

    def waits(self, reason: str) -> None:
        self.told.append(reason)

    def _step(self, name: str, number: int) -> None:
        self.steps.append((name, number))
        self.act(name)


class Scripted:
    """Runs whose workers are a script; `jobs` is what these were given."""

    def __init__(self, place: Workplace, script: Path) -> None:
        self.place = place
        self.watched = Watched()
        self._script = script
        self._jobs = script.with_name("jobs")
        self.answers(DOES)

    def answers(self, text: str, *, tables: str = DOES) -> None:
        header = HEADER.replace("JOBS", str(self._jobs)).replace("TABLES", tables)
        self._script.write_text(f"{header}{text}\ndone\n")
        self._script.chmod(0o700)

    def prepared(self, **settings: Any) -> FolderRun:
        told = self.place.settings(**settings)
        return FolderRun(PNG, told, HurriedClock(), self.watched, workers=2)

    def run(self, **settings: Any) -> Summary:
        return self.prepared(**settings).run()

    def jobs(self) -> list[dict[str, Any]]:
        lines = self._jobs.read_text().splitlines() if self._jobs.exists() else []
        return [json.loads(line) for line in lines]

    def studies(self, *uids: str) -> None:
        for number, uid in enumerate(uids, start=1):
            self.place.instance(number, StudyInstanceUID=uid)


@pytest.fixture
def scripted(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    script = tmp_path / "worker"
    monkeypatch.setattr(crew, "worker_command", lambda job_files: (str(script), *map(str, job_files)))
    return Scripted(place, script)


@pytest.fixture(autouse=True)
def _quick_turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("niffler_ops.postprocess.folder.TURN_SECONDS", 0.01)
    yield
    context_of.cache_clear()


def real(place: Workplace, processor: Processor, **settings: Any) -> Summary:
    """A run with real workers."""
    told = place.settings(everything=processor is PNG, **settings)
    return _run(processor, told)


def _run(processor: Processor, settings: Settings) -> Summary:
    return FolderRun(processor, settings, FakeClock(), Watched(), workers=1).run()


def test_every_study_is_worked_on_then_the_tables_are_written(scripted: Scripted) -> None:
    scripted.studies("1.1", "1.2", "1.3")
    assert scripted.run() == Summary(done=3)
    *studies, tables = scripted.jobs()
    assert len({job["name"] for job in studies}) == 3
    assert sorted(len(job["files"]) for job in studies) == [1, 1, 1]
    assert tables["processor"] == "tables"
    assert scripted.watched.steps[-4:] == [("began", 3)] + [("ended", 1)] * 3
    assert not (scripted.place.private / "requests").exists()


def test_a_second_run_does_what_is_new_and_the_tables(scripted: Scripted) -> None:
    scripted.studies("1.1", "1.2")
    scripted.run()
    scripted.place.instance(9, StudyInstanceUID="1.2")
    before = len(scripted.jobs())
    assert scripted.run() == Summary(done=1, skipped=1)
    study, tables = scripted.jobs()[before:]
    assert len(study["files"]) == 2
    assert tables["processor"] == "tables"


@pytest.mark.parametrize(
    ("settings", "again"),
    [
        ({"bits": 16}, True),
        ({"options": ("CleanDescriptors",)}, True),
        ({"flatten": "study"}, True),
        ({"device_recipes": "/a/recipe"}, True),
        ({"common": True}, False),
        ({"parquet": True}, False),
    ],
)
def test_other_settings_do_again_what_they_change(
    scripted: Scripted, settings: dict[str, Any], *, again: bool
) -> None:
    scripted.studies("1.1")
    scripted.run()
    assert scripted.run(**settings).done == again


@pytest.mark.parametrize("setting", ["featuresets", "device_recipes"])
def test_another_content_of_a_file_that_the_settings_name_does_all_again(
    scripted: Scripted, setting: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.txt"
    file.write_text("Rows\n")
    value = (str(file),) if setting == "featuresets" else str(file)
    scripted.studies("1.1")
    scripted.run(**{setting: value})
    file.write_text("Columns\n")
    assert scripted.run(**{setting: value}).done == 1


def test_another_store_is_given_all_records(place: Workplace, tmp_path: Path) -> None:
    place.instance(1)
    for name in ("one", "two"):
        summary = real(place, METADATA, store=f"sqlite:///{tmp_path}/{name}.sqlite")
    assert summary.done == 1
    assert (tmp_path / "two.sqlite").exists()


def stored_in(store: Path) -> int:
    with closing(open_store(f"sqlite:///{store}")) as opened:
        return sum(1 for _ in opened.records("default"))


def test_a_store_that_was_lost_or_is_an_older_copy_is_given_all_records_again(
    place: Workplace, tmp_path: Path
) -> None:
    store, copy = tmp_path / "records.sqlite", tmp_path / "copy.sqlite"
    for number in (1, 2):
        place.instance(number, StudyInstanceUID=f"1.{number}", SeriesInstanceUID=f"2.{number}")
        assert real(place, METADATA, store=f"sqlite:///{store}") == Summary(done=1, skipped=number - 1)
        if number == 1:
            shutil.copy(store, copy)
    store.unlink()
    assert real(place, METADATA, store=f"sqlite:///{store}") == Summary(done=2, refilled=True)
    assert stored_in(store) == 2
    copy.replace(store)
    assert real(place, METADATA, store=f"sqlite:///{store}") == Summary(done=2, refilled=True)
    assert stored_in(store) == 2
    assert real(place, METADATA, store=f"sqlite:///{store}") == Summary(skipped=2)


def test_a_store_that_is_lost_while_it_is_filled_is_told_and_filled_by_the_next_run(
    place: Workplace, tmp_path: Path
) -> None:
    store, watched = tmp_path / "records.sqlite", Watched()
    for number in (1, 2):
        place.instance(number, StudyInstanceUID=f"1.{number}", SeriesInstanceUID=f"2.{number}")
    watched.act = lambda step: store.unlink() if step == "ended" and store.exists() else None
    settings = place.settings(store=f"sqlite:///{store}")
    with pytest.raises(StoppedError, match="run the same command again"):
        FolderRun(METADATA, settings, FakeClock(), watched, workers=1).run()
    assert real(place, METADATA, store=f"sqlite:///{store}") == Summary(done=2)
    assert stored_in(store) == 2


def test_what_fails_is_tried_three_times(scripted: Scripted) -> None:
    scripted.answers("answer failed 'it cannot'")
    scripted.studies("1.1", "1.2")
    assert scripted.run() == Summary(failed=2, reasons=("it cannot",))
    assert len(scripted.jobs()) == 7
    scripted.answers(DOES)
    assert scripted.run() == Summary(done=2)


def test_a_worker_that_dies_takes_nobody_with_it(scripted: Scripted, tmp_path: Path) -> None:
    scripted.studies("1.1", "1.2", "1.3", "1.4", "1.5")
    dies = f"if [ ! -e {tmp_path}/died ]; then touch {tmp_path}/died; kill -KILL $$; fi"
    scripted.answers(f"{dies}; {DOES}")
    assert scripted.run() == Summary(done=5)


def test_a_store_that_is_away_is_waited_for(scripted: Scripted, tmp_path: Path) -> None:
    scripted.studies("1.1")
    asked = tmp_path / "asked"
    later = f"if [ $(wc -l < {asked}) -le 5 ]; then answer later; continue; fi"
    scripted.answers(f"echo >> {asked}; {later}; {DOES}")
    assert scripted.run() == Summary(done=1)
    assert len(asked.read_text()) == 6
    (told,) = scripted.watched.told
    assert "It is waited for" in told


def test_a_store_that_stays_away_ends_the_run_for_another_time(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("niffler_ops.postprocess.folder.PATIENCE_SECONDS", 30.0)
    scripted.studies("1.1")
    scripted.answers("answer later 'the store is away'")
    with pytest.raises(StoppedError, match=r"^the store is away\. Run the same command again"):
        scripted.run()
    scripted.answers(DOES)
    assert scripted.run() == Summary(done=1)


@pytest.mark.parametrize(("status", "error"), [(73, CannotWriteError), (78, ConfigurationError)])
def test_a_worker_that_cannot_work_at_all_ends_the_run(
    scripted: Scripted, status: int, error: type[NifflerError]
) -> None:
    scripted.studies("1.1")
    scripted.answers(f"echo 'It is full.'; exit {status}")
    with pytest.raises(error, match=r"^It is full\.$"):
        scripted.run()
    assert not (scripted.place.private / "requests").exists()


def test_a_table_writer_that_is_killed_once_is_followed_by_another(
    scripted: Scripted, tmp_path: Path
) -> None:
    scripted.studies("1.1")
    dies = f"if [ ! -e {tmp_path}/died ]; then touch {tmp_path}/died; kill -KILL $$; fi"
    scripted.answers(DOES, tables=f"{dies}; {DOES}")
    assert scripted.run() == Summary(done=1)
    assert [job["processor"] for job in scripted.jobs()] == ["png", "tables", "tables"]


def test_a_file_that_cannot_be_opened_is_told_and_tried_again_by_the_next_run(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.instance(1)
    path = place.instance(2, StudyInstanceUID="1.9")
    opening = os.open

    def refusing(name: str, *arguments: int, **options: Any) -> int:
        if name == path:
            raise PermissionError(13, "Permission denied")
        return opening(name, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        assert real(place, PNG) == Summary(done=1, held=1)
        (failure,) = place.table("failures")
        assert (failure["rule"], failure["reason"]) == ("unreadable", "Permission denied")
    assert real(place, PNG) == Summary(done=1, skipped=1)
    assert place.table("failures") == []
    assert len(place.made(".png")) == 2


def test_a_private_folder_that_cannot_be_made_names_the_option(place: Workplace) -> None:
    place.instance(1)
    place.put(".niffler", b"no folder")
    with pytest.raises(CannotWriteError, match="Name another place with --private FOLDER"):
        real(place, PNG, private=str(place.root / ".niffler"), secret=str(place.root / ".niffler" / "key"))


def test_tables_that_cannot_be_written_are_told_and_written_by_the_next_run(scripted: Scripted) -> None:
    scripted.studies("1.1")
    scripted.answers(DOES, tables="kill -KILL $$")
    with pytest.raises(CannotWriteError, match="the tables are not up to date: its worker was ended"):
        scripted.run()
    scripted.answers(DOES)
    assert scripted.run() == Summary(skipped=1)
    assert scripted.jobs()[-1]["processor"] == "tables"


def test_a_stop_ends_the_workers_and_the_next_run_goes_on(scripted: Scripted) -> None:
    scripted.studies("1.1", "1.2", "1.3", "1.4")
    scripted.answers(f'case "$n" in 1) {DOES};; *) exec sleep 60;; esac')
    run = scripted.prepared()
    scripted.watched.act = lambda step: run.ask_to_stop() if step == "ended" else None
    with pytest.raises(StoppedError, match="Run the same command again"):
        run.run()
    scripted.answers(DOES)
    scripted.watched.act = lambda _step: None
    summary = scripted.run()
    assert summary.done + summary.skipped == 4
    assert summary.skipped >= 1


def test_a_stop_while_it_looks_for_files_does_not_wait_for_the_last(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("niffler_ops.postprocess.catalogue.AT_ONCE", 1)
    scripted.studies(*(f"1.{number}" for number in range(1, 6)))
    run = scripted.prepared()
    scripted.watched.act = lambda _step: run.ask_to_stop()
    with pytest.raises(StoppedError):
        run.run()
    assert scripted.watched.steps == [("found", 1)]


def test_a_stop_while_the_tables_are_written_is_a_stop(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.studies("1.1")
    scripted.answers(DOES, tables="exec sleep 60")
    run = scripted.prepared()
    write_tables = run._write_tables

    def stopped() -> None:
        run.ask_to_stop()
        write_tables()

    monkeypatch.setattr(run, "_write_tables", stopped)
    with pytest.raises(StoppedError):
        run.run()


def test_what_a_killed_run_left_is_no_obstacle(scripted: Scripted) -> None:
    scripted.studies("1.1")
    requests = scripted.place.private / "requests" / "post-1"
    requests.mkdir(parents=True)
    (requests / "1.job").write_text("half a jo")
    assert scripted.run() == Summary(done=1)


def test_one_run_at_a_time(scripted: Scripted) -> None:
    scripted.studies("1.1", "1.2")
    scripted.answers(f"{DOES}; exec sleep 60")

    def another(step: str) -> None:
        if step == "ended":
            scripted.watched.act = lambda _step: None
            scripted.answers(DOES)
            with pytest.raises(StoppedError, match=rf"process {os.getpid()} of .* stop it in order"):
                scripted.run()

    scripted.watched.act = another
    scripted.run()


@pytest.mark.parametrize(
    ("root", "output", "error"),
    [
        ("none", "out", MissingInputError),
        ("in", "in", UsageError),
        ("in", "in/out", UsageError),
        ("in", ".", UsageError),
        ("in", "out", MissingInputError),
    ],
)
def test_a_folder_that_cannot_be_worked_on_is_told(
    scripted: Scripted, tmp_path: Path, root: str, output: str, error: type[NifflerError]
) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(error):
        scripted.run(root=str(tmp_path / root), output=str((tmp_path / output).resolve()))


def test_a_folder_without_dicom_is_left_as_it_is_and_takes_no_output_folder(
    scripted: Scripted, tmp_path: Path
) -> None:
    (tmp_path / "notes" / "older").mkdir(parents=True)
    (tmp_path / "notes" / "older" / "a.txt").write_text("nothing")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MissingInputError):
        scripted.run(root=str(tmp_path / "notes"), private=str(tmp_path / "notes" / ".niffler"))
    assert sorted(tmp_path.rglob("*")) == before
    scripted.studies("1.1")
    assert scripted.run() == Summary(done=1)


def test_originals_are_not_written_into_by_way_of_a_link(scripted: Scripted, tmp_path: Path) -> None:
    scripted.studies("1.1")
    (tmp_path / "link").symlink_to(scripted.place.root)
    with pytest.raises(UsageError):
        scripted.run(root=str(tmp_path / "link"), output=str(scripted.place.root / "out"))


def test_what_is_private_is_not_looked_at(scripted: Scripted) -> None:
    scripted.place.put(".niffler/1.dcm", b"")
    scripted.studies("1.1")
    shutil.copy(scripted.place.root / "1.dcm", scripted.place.root / ".niffler" / "1.dcm")
    assert scripted.run() == Summary(done=1)
    *_, study, _tables = scripted.jobs()
    assert study["files"] == [str(scripted.place.root / "1.dcm")]


def test_pictures_of_a_real_folder_are_drawn_once(place: Workplace) -> None:
    place.instance(1)
    place.put("2.dcm", bytes(128) + b"DICM")
    assert real(place, PNG) == Summary(done=2, held=1)
    before = {path: path.stat().st_mtime_ns for path in place.output.rglob("*.png")}
    assert len(before) == 1
    assert real(place, PNG) == Summary(skipped=2, held=1)
    assert {path: path.stat().st_mtime_ns for path in place.output.rglob("*.png")} == before
    assert [row["rule"] for row in place.table("failures")] == ["unreadable"]


def test_a_file_that_is_gone_counts_no_more(scripted: Scripted) -> None:
    scripted.answers(HOLDS)
    scripted.studies("1.1", "1.2")
    assert scripted.run().held == 2
    (scripted.place.root / "2.dcm").unlink()
    assert scripted.run().held == 1
