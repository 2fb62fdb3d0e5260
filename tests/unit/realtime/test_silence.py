"""Who usually sends and does not."""

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from niffler_ops.clock import timestamp
from niffler_ops.realtime.record import Record
from niffler_ops.realtime.silence import Silence, is_silent
from tests.support.clock import FakeClock

MORNING = datetime(2024, 3, 1, 7, tzinfo=UTC)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with closing(Record(tmp_path / "receiver.sqlite", FakeClock())) as made:
        yield made


def hear(record: Record, moment: datetime, instances: int = 10) -> None:
    text = timestamp(moment)
    with record.transaction():
        record.heard("CTROOM1", instances=instances, size=1, first=text, last=text)


def work(record: Record, day: int, *, step: timedelta = timedelta(minutes=3)) -> datetime:
    """From seven to nineteen o'clock; gives when the last came."""
    moment = MORNING + timedelta(days=day)
    end = moment + timedelta(hours=12)
    while moment < end:
        hear(record, moment)
        moment += step
    return moment - step


def test_a_sender_that_was_heard_lately_or_seldom_is_not_silent(record: Record) -> None:
    hear(record, MORNING, instances=10)
    (source,) = record.sources()
    assert not is_silent(source, MORNING + timedelta(days=2)), "nobody knows what is usual"
    last = work(record, 0)
    (source,) = record.sources()
    assert not is_silent(source, last + timedelta(minutes=50))
    assert is_silent(source, last + timedelta(days=3))


def test_a_night_of_rest_is_usual_once_there_was_one(record: Record) -> None:
    for day in range(3):
        last = work(record, day)
    (source,) = record.sources()
    assert not is_silent(source, last + timedelta(hours=11)), "it rests twelve hours each night"
    assert is_silent(source, last + timedelta(hours=37))


def test_a_clock_that_was_years_ahead_for_a_while_does_not_hide_silence_for_years(record: Record) -> None:
    work(record, 0)
    work(record, 3650)  # as after a flat battery, until the time server is reached
    for day in range(1, 25):
        last = work(record, day, step=timedelta(minutes=30))
    (source,) = record.sources()
    assert source["last_at"] == timestamp(last)
    assert is_silent(source, last + timedelta(days=7))


def test_silence_is_said_once_until_it_ends(record: Record, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    last = work(record, 0, step=timedelta(minutes=5))
    silence = Silence()
    for hours in (0, 30, 31, 32):
        silence.look(record.sources(), last + timedelta(hours=hours))
    assert [entry.message.split(" since")[0] for entry in caplog.records] == ["Nothing has come from CTROOM1"]
    back = last + timedelta(hours=33)
    hear(record, back)
    silence.look(record.sources(), back)
    silence.look(record.sources(), back + timedelta(days=30))
    assert len(caplog.records) == 2
