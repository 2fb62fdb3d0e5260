"""status.json answers where the ledger is out of reach, holds no identifiers, and never stops a run."""

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.reporting import snapshot
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.snapshot import Snapshots, look, read_snapshot, with_standing, write_snapshot
from niffler_ops.reporting.standing import ArchiveStanding, Standing
from niffler_ops.reporting.status import ExtractionState, Status, gather
from niffler_ops.reporting.status_json import status_json
from tests.support.clock import FakeClock
from tests.support.extractions import (
    GONE,
    asked,
    end_run,
    launch,
    make_ledger,
    match,
    refused,
    retrieve,
    start_run,
)
from tests.support.readers import reachable, without_leave_to_write

UID = "1.2.826.0.1.3680043.8.498.7"
CLOCK = SystemClock()
OURSELVES = identify(os.getpid())


def at_work(folder: Path, identity: Identity | None = None) -> Ledger:
    """An extraction whose supervisor is this process, or that other one; its ledger is open."""
    ledger = make_ledger(folder, [asked(2), asked(3), refused(4, "a wildcard"), asked(5)])
    with ledger.transaction():
        ledger.handovers.adopt({"png": {}})
    start_run(ledger, identity)
    launch(ledger, "storescp", identity or GONE)
    match(ledger, {2: [UID], 3: [f"{UID}.3"]})
    retrieve(ledger, UID)
    retrieve(ledger, f"{UID}.3", missing=1)
    return ledger


def written(folder: Path, supervisor: Identity | None = OURSELVES) -> Status:
    status = gather(Layout(folder), clock=CLOCK)
    write_snapshot(Layout(folder), status, supervisor)
    return status


def content(folder: Path) -> str:
    return (folder / ".niffler" / "status.json").read_text()


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    with reachable() as folder:
        yield folder


def crashed_without_shm(folder: Path) -> Status:
    """What is left on a disk that is mounted elsewhere: a -wal and no -shm, which SQLite has to make."""
    ledger = at_work(folder, GONE)
    status = written(folder, GONE)
    copies = {
        suffix: (folder / ".niffler" / f"ledger.sqlite{suffix}").read_bytes() for suffix in ("", "-wal")
    }
    ledger.close()
    for suffix, data in copies.items():
        (folder / ".niffler" / f"ledger.sqlite{suffix}").write_bytes(data)
    return status


def _comparable(status: Status) -> Status:
    """Without what is told with less, or compared by itself."""
    return replace(status, problems=(), rate=Rate(), gathered_at=datetime(2024, 1, 1, tzinfo=UTC))


def test_it_is_read_back_as_it_was_but_for_the_uids(tmp_path: Path) -> None:
    ledger = at_work(tmp_path)
    status = written(tmp_path)
    found = read_snapshot(Layout(tmp_path), clock=CLOCK)
    ledger.close()
    assert _comparable(found) == _comparable(status)
    assert found.rate.studies_per_hour == status.rate.studies_per_hour
    assert abs(found.gathered_at - status.gathered_at) < timedelta(milliseconds=2)
    assert [(problem.line, problem.outcome) for problem in found.problems] == [
        (problem.line, problem.outcome) for problem in status.problems
    ]


def test_it_holds_no_identifiers(tmp_path: Path) -> None:
    with_uid = at_work(tmp_path)
    status = written(tmp_path)
    assert UID in json.dumps(status_json(status)), "in a reason"
    assert not re.search(r"\d+(\.\d+){4,}", content(tmp_path))
    for secret in ("P2", "A2", "P3", "A3"):
        assert f'"{secret}"' not in content(tmp_path)
    with_uid.close()


def test_it_has_the_promised_keys_and_is_its_owners_alone(tmp_path: Path) -> None:
    ledger = at_work(tmp_path)
    status = written(tmp_path)
    ledger.close()
    found = json.loads(content(tmp_path))
    assert set(status_json(status)) < set(found)
    assert set(found["snapshot"]) == {"written_at", "supervisor"}
    path = tmp_path / ".niffler" / "status.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(path.parent.glob("*.part"))


def test_of_thousands_of_problems_some_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    make_ledger(tmp_path, [refused(line, "a wildcard") for line in range(2, 402)]).close()
    written(tmp_path)
    found = read_snapshot(Layout(tmp_path), clock=CLOCK)
    assert (len(found.problems), found.rows.problems) == (snapshot.PROBLEMS_KEPT, 400)


def test_where_the_ledger_can_be_read_it_is(tmp_path: Path) -> None:
    ledger = at_work(tmp_path)
    written(tmp_path)
    with ledger.transaction():
        ledger.count_unexpected(7)
    seen = look(Layout(tmp_path), clock=CLOCK)
    assert (seen.status.unexpected_files, seen.note) == (7, "")


def test_on_a_read_only_mount_after_a_crash_it_answers(reachable_folder: Path) -> None:
    status = crashed_without_shm(reachable_folder)
    with without_leave_to_write(reachable_folder):
        with pytest.raises(MissingInputError, match="cannot be opened"):
            gather(Layout(reachable_folder), clock=CLOCK)
        seen = look(Layout(reachable_folder), clock=CLOCK)
    assert seen.status.state is ExtractionState.CRASHED
    assert seen.status.rows == status.rows
    assert seen.note.startswith("as of ")
    assert "the ledger cannot be opened" in seen.note


def test_where_there_is_no_snapshot_either_the_ledgers_error_is_told(reachable_folder: Path) -> None:
    crashed_without_shm(reachable_folder)
    (reachable_folder / ".niffler" / "status.json").unlink()
    with (
        without_leave_to_write(reachable_folder),
        pytest.raises(MissingInputError, match="ledger cannot be opened"),
    ):
        look(Layout(reachable_folder), clock=CLOCK)


def test_a_ledger_on_another_machines_disk_is_out_of_reach(tmp_path: Path) -> None:
    ledger = at_work(tmp_path)
    status = written(tmp_path)
    ledger.close()
    elsewhere = Layout(tmp_path, tmp_path / "disk of another machine")
    seen = look(elsewhere, clock=CLOCK)
    assert seen.status.rows == status.rows
    assert "no ledger here" in seen.note


def test_a_damaged_ledger_is_told_and_not_glossed_over(tmp_path: Path) -> None:
    at_work(tmp_path).close()
    written(tmp_path)
    (tmp_path / ".niffler" / "ledger.sqlite").write_bytes(b"no ledger" * 1000)
    with pytest.raises(MissingInputError, match="damaged"):
        look(Layout(tmp_path), clock=CLOCK)


@pytest.mark.parametrize(
    ("supervisor", "age", "state"),
    [
        (OURSELVES, timedelta(days=1), ExtractionState.RUNNING),
        (replace(OURSELVES or GONE, start_ticks=1), timedelta(0), ExtractionState.CRASHED),
        (GONE, timedelta(seconds=100), ExtractionState.RUNNING),  # of another machine
        (GONE, timedelta(seconds=130), ExtractionState.CRASHED),
        (None, timedelta(seconds=130), ExtractionState.CRASHED),
    ],
)
def test_whether_its_supervisor_lives_is_known_here_and_guessed_elsewhere(
    tmp_path: Path, supervisor: Identity | None, age: timedelta, state: ExtractionState
) -> None:
    ledger = at_work(tmp_path)
    status = replace(gather(Layout(tmp_path), clock=CLOCK), eta_seconds=10)
    write_snapshot(Layout(tmp_path), replace(status, gathered_at=CLOCK.now() - age), supervisor)
    ledger.close()
    found = read_snapshot(Layout(tmp_path), clock=CLOCK)
    assert found.state is state
    crashed = state is ExtractionState.CRASHED
    assert (found.eta_seconds is None, any(process.alive for process in found.processes)) == (
        crashed,
        not crashed,
    )


@pytest.mark.parametrize(
    ("limits", "least"),
    [([], 10), ([0.001], 1000), ([0.0005, 0.0005], 1000), ([0.001, None], 10), (["5"], 10)],
)
def test_the_time_left_is_no_shorter_than_the_limit_allows(
    tmp_path: Path, limits: list[float | None], least: int
) -> None:
    ledger = at_work(tmp_path)
    status = replace(gather(Layout(tmp_path), clock=CLOCK), eta_seconds=10, expected=5, received=4)
    archives = tuple(
        ArchiveStanding(name=f"A{number}", state="answers", reason="", seconds=0, lanes=2, limit=limit)
        for number, limit in enumerate(limits)
    )
    write_snapshot(Layout(tmp_path), status, OURSELVES, Standing(archives=archives))
    assert with_standing(Layout(tmp_path), status).status.eta_seconds == least
    ledger.close()


def test_one_that_has_ended_stays_so_whatever_its_age(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    end_run(ledger, "finished", start_run(ledger, GONE))
    status = gather(Layout(tmp_path), clock=CLOCK)
    write_snapshot(Layout(tmp_path), replace(status, gathered_at=CLOCK.now() - timedelta(days=300)), GONE)
    assert read_snapshot(Layout(tmp_path), clock=CLOCK).state is ExtractionState.FINISHED


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"extraction": 1}', "null", "\0" * 100])
def test_what_a_power_failure_left_is_no_snapshot(tmp_path: Path, damage: str) -> None:
    at_work(tmp_path).close()
    (tmp_path / ".niffler" / "status.json").write_text(damage)
    with pytest.raises(MissingInputError, match=r"status\.json"):
        read_snapshot(Layout(tmp_path), clock=CLOCK)


def test_a_display_writes_it_every_few_seconds(tmp_path: Path) -> None:
    ledger = at_work(tmp_path)
    clock = FakeClock()
    display = Snapshots(Layout(tmp_path), clock)
    display.show(ledger)
    first = content(tmp_path)
    with ledger.transaction():
        ledger.count_unexpected(7)
    display.show(ledger)
    assert content(tmp_path) == first
    clock.pass_time(snapshot.WRITTEN_EVERY_SECONDS)
    display.show(ledger)
    assert json.loads(content(tmp_path))["unexpected_files"] == 7
    with ledger.transaction():
        ledger.count_unexpected(1)
    display.write()
    assert json.loads(content(tmp_path))["unexpected_files"] == 8


def test_what_cannot_be_written_is_logged_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = at_work(tmp_path)
    (tmp_path / ".niffler" / "status.json").mkdir()
    display = Snapshots(Layout(tmp_path), CLOCK)
    with caplog.at_level(logging.WARNING):
        display.write()
        display.write()
    ledger.close()
    assert len(caplog.records) == 1
    assert "not brought up to date" in caplog.text
