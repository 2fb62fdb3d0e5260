"""Who usually sends and does not."""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from niffler_ops.clock import timestamp
from niffler_ops.realtime.record import Record
from niffler_ops.realtime.silence import HOURS_OF_WEEK, WEEKS, Silence, silent
from tests.support.clock import FakeClock

MORNING = datetime(2024, 3, 1, 7, tzinfo=UTC)  # a Friday
MONDAY = datetime(2024, 3, 4, 7, tzinfo=UTC)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with closing(Record(tmp_path / "receiver.sqlite", FakeClock())) as made:
        yield made


def hear(record: Record, moment: datetime, instances: int = 10) -> None:
    text = timestamp(moment)
    with record.transaction():
        record.heard("CTROOM1", instances=instances, size=1, first=text, last=text)


def is_silent(record: Record, now: datetime) -> bool:
    return silent(record.sources(), record.habits(), now) == {"CTROOM1"}


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
    assert not is_silent(record, MORNING + timedelta(days=2)), "nobody knows what is usual"
    last = work(record, 0)
    assert not is_silent(record, last + timedelta(minutes=50))
    assert is_silent(record, last + timedelta(days=3))


def test_a_night_of_rest_is_usual_once_there_was_one(record: Record) -> None:
    for day in range(3):
        last = work(record, day)
    assert not is_silent(record, last + timedelta(hours=11)), "it rests twelve hours each night"
    assert is_silent(record, last + timedelta(hours=37))


def test_a_clock_that_was_years_ahead_for_a_while_does_not_hide_silence_for_years(record: Record) -> None:
    work(record, 0)
    work(record, 3650)  # as after a flat battery, until the time server is reached
    for day in range(1, 25):
        last = work(record, day, step=timedelta(minutes=30))
    (source,) = record.sources()
    assert source["last_at"] == timestamp(last)
    assert is_silent(record, last + timedelta(days=7))


def test_silence_is_said_once_until_it_ends(record: Record, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    last = work(record, 0, step=timedelta(minutes=5))
    silence = Silence()
    for hours in (0, 30, 31, 32):
        silence.look(record.sources(), record.habits(), last + timedelta(hours=hours))
    assert [entry.message.split(" since")[0] for entry in caplog.records] == ["Nothing has come from CTROOM1"]
    back = last + timedelta(hours=33)
    hear(record, back)
    silence.look(record.sources(), record.habits(), back)
    silence.look(record.sources(), record.habits(), back + timedelta(days=30))
    assert len(caplog.records) == 2


Hours = Callable[[datetime], bool]


def clinic(moment: datetime) -> bool:
    """From seven to nineteen o'clock on workdays."""
    return moment.weekday() < 5 and 7 <= moment.hour < 19


def all_day_but_less_by_night(moment: datetime) -> bool:
    return 6 <= moment.hour < 22 or moment.toordinal() * moment.hour % 3 == 0


def mornings(moment: datetime) -> bool:
    return moment.weekday() < 5 and 9 <= moment.hour < 12


def on_tuesdays(moment: datetime) -> bool:
    return moment.weekday() == 1 and moment.hour == 10


def watch(record: Record, sends: Hours, first: datetime, until: datetime) -> list[datetime]:
    """Let it send twice in each of its hours; gives when it began to be called silent."""
    alarms, before = [], False
    with record.transaction():
        while first < until:
            if sends(first):
                moments = [timestamp(first + timedelta(minutes=minute)) for minute in (5, 45)]
                record.heard("CTROOM1", instances=30, size=1, first=moments[0], last=moments[1])
            first += timedelta(hours=1)
            now = is_silent(record, first)
            if now and not before:
                alarms.append(first)
            before = now
    return alarms


def after(weeks: float) -> datetime:
    return MONDAY + timedelta(weeks=weeks)


@pytest.mark.parametrize("sends", [clinic, all_day_but_less_by_night, mornings])
@pytest.mark.parametrize("begins", [0, 2, 4])
def test_nights_and_weekends_raise_no_alarm_from_the_second_week_on(
    record: Record, sends: Hours, begins: int
) -> None:
    start = MONDAY + timedelta(days=begins)
    learned = start + timedelta(days=7, hours=4)  # back from its first weekend
    watch(record, sends, start, learned)
    assert watch(record, sends, learned, start + timedelta(weeks=14)) == []


@pytest.mark.parametrize("sends", [clinic, all_day_but_less_by_night, mornings])
@pytest.mark.parametrize("weeks", [1, 2, 4, 9])
@pytest.mark.parametrize("hours", [26, 32, 35, 48, 53, 60, 77])
def test_a_death_in_midweek_is_told_within_a_day(
    record: Record, sends: Hours, weeks: int, hours: int
) -> None:
    dies = after(weeks) + timedelta(hours=hours)
    watch(record, sends, MONDAY, dies)
    told = watch(record, lambda _: False, dies, dies + timedelta(days=4))
    assert len(told) == 1
    assert timedelta(hours=1) < told[0] - dies <= timedelta(hours=25)


def test_a_death_is_told_after_a_restart_and_a_weekend(tmp_path: Path) -> None:
    path = tmp_path / "receiver.sqlite"
    with closing(Record(path, FakeClock())) as record:
        watch(record, clinic, MONDAY, after(3) + timedelta(days=4, hours=11))  # Friday at 18
    with closing(Record(path, FakeClock())) as record:
        told = watch(record, lambda _: False, after(3) + timedelta(days=4, hours=11), after(6))
    assert told == [after(4) + timedelta(hours=5)], "on Monday, not at the weekend"


@pytest.mark.parametrize("days", [1, 7, 14])
def test_holidays_raise_one_alarm_and_change_no_habits(record: Record, days: int) -> None:
    watch(record, clinic, MONDAY, after(8))
    back = after(8) + timedelta(days=days)
    assert len(watch(record, lambda _: False, after(8), back)) == 1
    assert watch(record, clinic, back, after(12) + timedelta(days=2, hours=5)) == []
    dies = after(12) + timedelta(days=2, hours=5)
    told = watch(record, lambda _: False, dies, dies + timedelta(days=2))
    assert [moment - dies <= timedelta(days=1) for moment in told] == [True]


def test_an_early_end_and_a_late_beginning_raise_no_alarm(record: Record) -> None:
    watch(record, clinic, MONDAY, after(4) + timedelta(days=4, hours=10))
    late = after(5) + timedelta(hours=3)
    assert watch(record, lambda _: False, after(4) + timedelta(days=4, hours=10), late) == []


def test_summer_time_raises_no_alarm(record: Record) -> None:
    watch(record, clinic, MONDAY, after(4))
    assert watch(record, lambda moment: clinic(moment + timedelta(hours=1)), after(4), after(9)) == []


def test_a_sender_once_a_week_is_told_when_some_weeks_have_passed(record: Record) -> None:
    watch(record, on_tuesdays, MONDAY, after(3))
    hear(record, after(3), instances=50)
    assert watch(record, on_tuesdays, after(3), after(12)) == []
    (told,) = watch(record, lambda _: False, after(12), after(20))
    assert timedelta(weeks=2) < told - after(11) <= timedelta(weeks=4)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_sender_without_hours_is_not_told_for_its_pauses(record: Record, share: float) -> None:
    chance = random.Random(1)
    watch(record, lambda _: chance.random() < share, MONDAY, after(2))
    assert watch(record, lambda _: chance.random() < share, after(2), after(16)) == []


def test_habits_take_bounded_space(record: Record) -> None:
    watch(record, lambda _: True, MONDAY, after(10))
    assert len(record.habits()) == HOURS_OF_WEEK
    assert max(row["weeks"] for row in record.habits()) < 2**WEEKS


def test_habits_are_learned_anew_where_the_clock_was_ahead(record: Record) -> None:
    watch(record, clinic, after(500), after(501))
    watch(record, clinic, MONDAY, after(2))
    dies = after(2) + timedelta(days=2)
    watch(record, clinic, after(2), dies)
    (told,) = watch(record, lambda _: False, dies, dies + timedelta(days=2))
    assert told - dies <= timedelta(days=1)
