"""The hours of the night, also where it has one more or one less."""

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.stages.windows import Window

BERLIN = ZoneInfo("Europe/Berlin")
hours = st.integers(0, 23)


@pytest.fixture(autouse=True, scope="module")
def berlin() -> Iterator[None]:
    """The machine's zone, with a change to and from daylight saving in the night."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        (21, 9, ["21:00", "23:59", "00:00", "08:59"], ["09:00", "12:00", "20:59"]),
        (1, 5, ["01:00", "04:59"], ["00:59", "05:00", "23:00"]),
        (0, 6, ["00:00", "05:59"], ["06:00", "23:59"]),
        (22, 0, ["22:00", "23:59"], ["00:00", "21:59"]),
        (7, 7, ["00:00", "07:00", "12:34"], []),
    ],
)
def test_a_window_is_open_from_its_start_to_its_end_across_midnight_or_not(
    start: int, end: int, inside: list[str], outside: list[str]
) -> None:
    window = Window(start_hour=start, end_hour=end)
    assert all(window.is_open(at(f"2026-06-10T{text}")) for text in inside)
    assert not any(window.is_open(at(f"2026-06-10T{text}")) for text in outside)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-06-10T12:00", "2026-06-10T21:00"),
        ("2026-06-10T20:59:59", "2026-06-10T21:00"),
        ("2026-12-31T09:00", "2026-12-31T21:00"),
    ],
)
def test_it_opens_next_at_its_start(now: str, opens: str) -> None:
    assert Window(start_hour=21, end_hour=9).opens_at(at(now)) == at(opens)


def test_a_window_that_starts_in_the_hour_that_is_left_out_opens_right_after_it() -> None:
    window = Window(start_hour=2, end_hour=5)
    opens = window.opens_at(at("2026-03-29T00:30"))
    assert opens.astimezone(BERLIN) == at("2026-03-29T03:00")
    assert window.is_open(opens.astimezone(BERLIN))


def test_in_the_night_with_an_hour_twice_it_is_open_both_times() -> None:
    window = Window(start_hour=2, end_hour=3)
    twice = [at("2026-10-25T02:30"), at("2026-10-25T02:30").replace(fold=1)]
    assert twice[0].astimezone(ZoneInfo("UTC")) != twice[1].astimezone(ZoneInfo("UTC"))
    assert all(window.is_open(moment) for moment in twice)


@given(start=hours, end=hours, minutes=st.integers(0, 2 * 366 * 1440))
def test_whenever_it_is_closed_it_opens_again_and_is_open_then(start: int, end: int, minutes: int) -> None:
    window = Window(start_hour=start, end_hour=end)
    now = (at("2026-01-01T00:00").astimezone(ZoneInfo("UTC")) + timedelta(minutes=minutes)).astimezone(BERLIN)
    if not window.is_open(now):
        opens = window.opens_at(now).astimezone(BERLIN)
        assert timedelta() < opens.astimezone(ZoneInfo("UTC")) - now.astimezone(ZoneInfo("UTC"))
        assert opens.astimezone(ZoneInfo("UTC")) - now.astimezone(ZoneInfo("UTC")) <= timedelta(hours=48)
        assert window.is_open(opens)
