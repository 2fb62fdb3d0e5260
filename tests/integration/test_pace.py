"""The time that is left while an extraction is paused, from what it did before, in a real ledger."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock, timestamp
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.status import ExtractionState, Status, gather
from niffler_ops.reporting.time_left import end_of
from tests.support.extractions import asked, end_run, make_ledger, match, retrieve, start_run

CLOCK = SystemClock()
STUDIES = 12


def moved_back(folder: Path, by: timedelta, *, up_to: str = "9") -> None:
    """As if all that happened so far had happened earlier."""
    shift = f"-{by.total_seconds()} seconds"
    with closing(sqlite3.connect(Layout(folder).ledger)) as connection, connection:
        for table, column in (("events", "at"), ("extraction", "created_at"), ("extraction", "started_at")):
            moment = f"strftime('%Y-%m-%dT%H:%M:%f+00:00', {column}, ?)"
            connection.execute(f"UPDATE {table} SET {column} = {moment} WHERE {column} < ?", (shift, up_to))


def extraction(folder: Path) -> Ledger:
    ledger = make_ledger(folder, [asked(line) for line in range(2, STUDIES + 2)])
    start_run(ledger)
    match(ledger, {line: [f"1.{line}"] for line in range(2, STUDIES + 2)})
    return ledger


def paused(ledger: Ledger, *, resumes: bool = True) -> None:
    with ledger.transaction():
        until = CLOCK.now() + timedelta(hours=5) if resumes else None
        ledger.pause("NightlyOnly allows 21:00 to 6:00", until=until)


def seen(folder: Path) -> Status:
    status = gather(Layout(folder), clock=CLOCK)
    assert status.state is ExtractionState.PAUSED
    assert status.rate.studies_per_hour == 0, "nothing goes on just now"
    return status


def test_it_is_told_from_the_half_hour_before_the_pause(tmp_path: Path) -> None:
    ledger = extraction(tmp_path)
    retrieve(ledger, "1.2")
    moved_back(tmp_path, timedelta(hours=2))
    for line in (3, 4, 5):
        retrieve(ledger, f"1.{line}")
    paused(ledger)
    moved_back(tmp_path, timedelta(hours=3))
    status = seen(tmp_path)
    assert status.eta_seconds == pytest.approx((STUDIES - 4) * 600, rel=0.01)
    assert status.resumes_at is not None
    end = end_of(status)
    assert end is not None
    assert timestamp(end - timedelta(seconds=status.eta_seconds or 0)) == status.resumes_at


def test_what_still_ends_after_the_pause_began_does_not_count(tmp_path: Path) -> None:
    ledger = extraction(tmp_path)
    moved_back(tmp_path, timedelta(hours=2))
    retrieve(ledger, "1.2")
    paused(ledger)
    retrieve(ledger, "1.3")
    assert seen(tmp_path).eta_seconds == pytest.approx((STUDIES - 2) * 1800, rel=0.01)


def test_a_pause_goes_on_where_its_cause_changes_or_somebody_asks_for_something(tmp_path: Path) -> None:
    ledger = extraction(tmp_path)
    moved_back(tmp_path, timedelta(hours=2))
    retrieve(ledger, "1.2")
    paused(ledger)
    moved_back(tmp_path, timedelta(hours=1))
    with ledger.transaction():
        ledger.pause("there is too little room", until=None)
        ledger.asked("pause")
    assert seen(tmp_path).eta_seconds == pytest.approx((STUDIES - 1) * 1800, rel=0.01)


def test_where_nothing_ended_then_the_time_since_the_first_run_began_tells(tmp_path: Path) -> None:
    ledger = extraction(tmp_path)
    for line in (2, 3):
        retrieve(ledger, f"1.{line}")
    moved_back(tmp_path, timedelta(hours=4))
    end_run(ledger, "stopped")
    start_run(ledger)
    paused(ledger)
    assert seen(tmp_path).eta_seconds == pytest.approx((STUDIES - 2) * 7200, rel=0.01)


def test_where_nothing_ever_ended_nobody_can_tell(tmp_path: Path) -> None:
    paused(extraction(tmp_path))
    assert seen(tmp_path).eta_seconds is None
    assert end_of(seen(tmp_path)) is None
