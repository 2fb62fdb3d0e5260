from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.deidentify.moments import age, any_moment, moved_date, moved_moment, time_of_day, zone

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
OFFSETS = st.integers(1, 365)


@given(DAYS, DAYS, OFFSETS)
def test_intervals_between_dates_stay(one: date, other: date, days: int) -> None:
    moved = [moved_date(f"{when:%Y%m%d}", days) for when in (one, other)]
    first, second = (date.fromisoformat(text or "") for text in moved)
    assert second - first == other - one
    assert one - first == timedelta(days)


@given(DAYS, OFFSETS, st.sampled_from(["", "23", "2359", "235959.999999", "101112+0100", "-0500"]))
def test_the_rest_of_a_moment_stays(when: date, days: int, rest: str) -> None:
    assert moved_moment(f"{when:%Y%m%d}{rest}", days) == f"{when - timedelta(days):%Y%m%d}{rest}"


def test_a_date_keeps_the_form_of_acr_nema() -> None:
    assert moved_date("1997.03.01", 1) == "1997.02.28"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020",
        "202003",
        "20200230",
        "20201301",
        "2020-03-01",
        "00010101",
        "20200301-20200401",
        "SMITH^JO",
        "2020.0301",
    ],
)
def test_what_is_no_date_does_not_pass(text: str) -> None:
    assert moved_date(text, 30) is None


@pytest.mark.parametrize(
    "text", ["2020", "202003", "20200301SMITH", "202003012599", "2020030112+9999", "20200301 10"]
)
def test_what_is_no_moment_or_has_no_day_does_not_pass(text: str) -> None:
    assert moved_moment(text, 30) is None


def test_a_moment_without_a_day_stays_where_dates_stay() -> None:
    assert moved_moment("202003", 0) == "202003"


@given(st.times())
def test_times_pass(when: object) -> None:
    for form in ("{:%H}", "{:%H%M}", "{:%H%M%S}", "{:%H%M%S.%f}", "{:%H:%M:%S}"):
        assert time_of_day(form.format(when)) == form.format(when)


@pytest.mark.parametrize("text", ["", "1", "25", "1260", "12:3", "SMITH", "101112.1234567", "10-11"])
def test_what_is_no_time_does_not_pass(text: str) -> None:
    assert time_of_day(text) is None


def test_zones_and_moments_of_devices() -> None:
    assert zone("+0100") == "+0100"
    assert zone("Berlin") is None
    assert [any_moment(text) for text in ("20200301", "101112", "202003011011")] == [
        "20200301",
        "101112",
        "202003011011",
    ]
    assert any_moment("ROOM 5") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("091Y", "090Y"),
        ("120Y", "090Y"),
        ("999M", "999M"),
        ("003D", "003D"),
    ],
)
def test_everybody_over_89_is_90(before: str, after: str) -> None:
    assert age(before) == after


@pytest.mark.parametrize("text", ["", "old", "45", "Y", "1234Y"])
def test_what_is_no_age_does_not_pass(text: str) -> None:
    assert age(text) is None
