"""Numbers, sizes and times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from niffler_ops.reporting.words import counted, duration, local_time, number, size, times
from niffler_ops.terminal import printable


def test_numbers_have_commas_and_nouns_their_plural() -> None:
    assert number(1234567) == "1,234,567"
    assert [counted(value, "study") for value in (0, 1, 2000)] == ["0 studies", "1 study", "2,000 studies"]
    assert counted(3, "file") == "3 files"
    assert [times(value) for value in (1, 2, 1000)] == ["once", "2 times", "1,000 times"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (12_345_678, "12.3 MB"),
        (5_000_000_000_000_000, "5,000.0 TB"),
    ],
)
def test_sizes_have_the_unit_that_suits_them(value: int, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h 0 min"),
        (86399, "23 h 59 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_have_the_units_that_matter(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


def test_times_are_local_and_say_their_zone() -> None:
    moment = datetime(2024, 3, 1, 12, 30, 15, 900_000, tzinfo=UTC)
    assert local_time(moment) == local_time(moment.isoformat())
    assert datetime.strptime(local_time(moment), "%Y-%m-%d %H:%M:%S %z") == moment.replace(microsecond=0)


def test_what_is_not_printable_is_a_blank() -> None:
    assert printable("a\x1b[2Jb\nc\u202eü") == "a [2Jb c ü"


def test_a_time_that_is_none_is_told_as_such() -> None:
    assert local_time("2026-11-27T13:35:09+0\x7f:00") == "a time that is none"
