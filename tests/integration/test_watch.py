"""What is seen of real ledgers by those who watch, and that looking changes nothing."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from niffler_ops.cli.status import main
from niffler_ops.clock import SystemClock
from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.ledger import watching
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import identify
from niffler_ops.reporting.page.work import read_work
from niffler_ops.reporting.registry import REGISTRY_VARIABLE
from niffler_ops.reporting.snapshot import write_snapshot
from niffler_ops.reporting.standing import ArchiveStanding, Standing
from niffler_ops.reporting.status import ExtractionState, gather
from niffler_ops.reporting.watch import trouble
from niffler_ops.reporting.watch.extraction import ExtractionPicture, ExtractionSource
from niffler_ops.reporting.watch.signs import ASCII, sign
from niffler_ops.stages.windows import Window
from niffler_ops.states import StudyState
from tests.support.extractions import (
    ARCHIVE,
    GONE,
    asked,
    end_run,
    fail,
    make_ledger,
    match,
    receive,
    retrieve,
    start_run,
)

STANDING = Standing(
    archives=(ArchiveStanding(name=ARCHIVE, state="answers", reason="", seconds=0, lanes=2),),
    night=Window(start_hour=21, end_hour=6),
)


def look(folder: Path) -> ExtractionPicture:
    return ExtractionSource(Layout(folder), SystemClock()).look()


def begin_batch(ledger: Ledger, uids: list[str], *, lane: int) -> list[int]:
    """Give studies to a movescu together; gives their attempts."""
    with ledger.transaction():
        attempts = []
        for uid in uids:
            study = ledger.studies.by_uid(uid)
            assert study is not None
            ledger.studies.listed(study.id, StudyState.FOUND, "count")
            attempts.append(ledger.studies.begin_move(ledger.studies.get(study.id), lane=lane, level="STUDY"))
    return attempts


@pytest.fixture
def running(tmp_path: Path) -> Ledger:
    """A run of this process: one study done, one failed, two in a lane and one in another."""
    ledger = make_ledger(tmp_path, [asked(line) for line in range(2, 8)])
    start_run(ledger)
    match(ledger, {2: ["1.2"], 3: ["1.3"], 4: ["1.4"], 5: ["1.5"], 6: ["1.6"]})
    retrieve(ledger, "1.2")
    fail(ledger, "1.3", "refused: 1.2.840.10008.1.3")
    begin_batch(ledger, ["1.4", "1.5"], lane=1)
    begin_batch(ledger, ["1.6"], lane=2)
    return ledger


def test_lanes_show_the_study_whose_turn_it_is(running: Ledger, tmp_path: Path) -> None:
    study = running.studies.by_uid("1.4")
    assert study is not None
    receive(running, study, 1)
    first, second = look(tmp_path).activity.lanes
    assert (first.lane, first.study_instance_uid, first.studies) == (1, "1.4", 2)
    assert (first.received, first.expected) == (1, 2)
    assert (second.lane, second.study_instance_uid, second.studies) == (2, "1.6", 1)


def test_the_turn_of_the_next_study_begins_when_that_before_it_ends(running: Ledger, tmp_path: Path) -> None:
    ended = (datetime.now(UTC) + timedelta(minutes=1)).isoformat(timespec="milliseconds")
    with running.transaction():
        running._connection.execute(
            "UPDATE attempts SET ended_at = ?"
            " WHERE id = (SELECT min(id) FROM attempts WHERE ended_at IS NULL)",
            (ended,),
        )
    lane = look(tmp_path).activity.lanes[0]
    assert (lane.study_instance_uid, lane.since, lane.studies) == ("1.5", ended, 1)


@pytest.mark.usefixtures("running")
def test_the_newest_events_are_ends_and_what_has_a_reason(tmp_path: Path) -> None:
    events = look(tmp_path).activity.events
    told = [(event.subject, event.state, event.line, event.study_instance_uid) for event in events]
    assert told == [
        ("study", "failed", None, "1.3"),
        ("study", "done", None, "1.2"),
        ("row", "not_found", 7, None),
        ("extraction", "running", None, None),
    ]
    assert events[0].reason == "refused: 1.2.840.10008.1.3"


def test_a_request_and_the_cause_of_a_pause_are_among_the_newest_events(
    running: Ledger, tmp_path: Path
) -> None:
    with running.transaction():
        running.asked("niffler-status asked to pause")
        running.pause("niffler-status --pause asked for it", until=None)
    told = [line.plain[11:] for line in trouble.events(look(tmp_path).activity.events[:2], ASCII).lines[1:]]
    assert told == [
        f"{sign('paused', ASCII).plain} extraction paused: niffler-status --pause asked for it",
        f"{sign('running', ASCII).plain} extraction running: niffler-status asked to pause",
    ]
    page = read_work(Layout(tmp_path), identifiers=False).events[:2]
    assert [(event.subject, event.state, event.reason) for event in page] == [
        ("extraction", "paused", "niffler-status --pause asked for it"),
        ("extraction", "running", "niffler-status asked to pause"),
    ]


@pytest.mark.usefixtures("running")
def test_instances_that_came_before_the_first_look_are_in_the_throughput(tmp_path: Path) -> None:
    class Later(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(seconds=20)

    rates = ExtractionSource(Layout(tmp_path), Later()).look().rates
    assert sum(rates) * 10 == pytest.approx(2)


def test_what_only_the_supervisor_knows_comes_from_status_json(running: Ledger, tmp_path: Path) -> None:
    assert look(tmp_path).standing == Standing()
    layout = Layout(tmp_path)
    status = gather(layout, clock=SystemClock())
    write_snapshot(layout, status, identify(os.getpid()), STANDING)
    assert look(tmp_path).standing == STANDING
    write_snapshot(layout, status, GONE, STANDING)
    assert look(tmp_path).standing == Standing(), "another supervisor's"
    write_snapshot(layout, status, identify(os.getpid()), STANDING)
    with running.transaction():
        running.run_ended("stopped")
    assert look(tmp_path).standing == Standing(), "nobody is at work"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"snapshot": {"supervisor": null}, "standing": 1}'])
@pytest.mark.usefixtures("running")
def test_a_status_json_that_is_none_tells_nothing(tmp_path: Path, content: str) -> None:
    (Layout(tmp_path).private / "status.json").write_text(content)
    assert look(tmp_path).standing == Standing()


def test_a_supervisor_that_dies_meanwhile_is_noticed(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    source = ExtractionSource(Layout(tmp_path), SystemClock())
    token = start_run(ledger)
    assert source.look().status.state is ExtractionState.RUNNING
    end_run(ledger, "stopped", token)
    start_run(ledger, GONE)
    picture = source.look()
    assert picture.status.state is ExtractionState.CRASHED
    assert not picture.at_work


def test_a_ledger_that_is_damaged_meanwhile_is_told(running: Ledger, tmp_path: Path) -> None:
    source = ExtractionSource(Layout(tmp_path), SystemClock())
    source.look()
    running.close()
    ledger = Layout(tmp_path).ledger
    ledger.write_bytes(b"no ledger" * 1000)
    with pytest.raises(MissingInputError, match="damaged"):
        source.look()


def test_looking_changes_nothing(running: Ledger, tmp_path: Path) -> None:
    running.close()
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")}
    for _ in range(2):
        look(tmp_path)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")} == before


def test_no_look_reads_all_events(running: Ledger, tmp_path: Path) -> None:
    """SQLite's own counter of steps tells, with 100 000 events more."""
    running.close()
    connection = sqlite3.connect(Layout(tmp_path).ledger)
    with connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO events (at, subject, subject_id, to_state)"
            " SELECT '2020', 'study', 1, 'moving' FROM n"
        )
    connection.close()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger = Ledger.open_read_only(Layout(tmp_path).ledger)
    ledger._connection.set_progress_handler(count, 1000)
    watching.newest_events(ledger, limit=60)
    watching.lanes(ledger)
    ledger.close()
    assert steps < 100


# The command


def test_without_a_terminal_one_that_is_over_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = make_ledger(tmp_path, [asked(2), asked(3)])
    token = start_run(ledger, GONE)
    match(ledger, {2: ["1.2"]})
    retrieve(ledger, "1.2")
    end_run(ledger, "finished", token)
    assert main([str(tmp_path), "--watch"]) == 0
    told = capsys.readouterr().out
    assert told.endswith("  finished: 1 of 2 rows done, 1 with problems\n")
    assert told.count("\n") == 1


def test_without_a_folder_it_is_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REGISTRY_VARIABLE, str(tmp_path / "registry"))
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "locks"))
    assert main(["--watch"]) == 0
    assert capsys.readouterr().out.endswith("  0 extractions not at work\n")


def test_no_ledger_is_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--watch"]) == 66
    assert "no ledger here" in capsys.readouterr().err


@pytest.mark.parametrize("other", [["--json"], ["--verify"], ["--why", "2"], ["--stop"], ["--lanes", "3"]])
def test_it_goes_with_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: list[str]
) -> None:
    assert main([str(tmp_path), "--watch", *other]) == 64
    assert "--watch" in capsys.readouterr().err
