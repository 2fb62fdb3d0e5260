"""Time as the ledger writes it, and as intervals are measured."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.clock import Clock, SystemClock, timestamp
from tests.support.clock import FakeClock

moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis wants it naive and adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes))),
)


def test_the_wall_clock_has_a_zone_and_the_monotonic_one_only_grows() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 60
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_a_fake_clock_can_stand_in_for_the_machine() -> None:
    clocks: list[Clock] = [SystemClock(), FakeClock()]
    assert all(clock.now().utcoffset() == timedelta(0) for clock in clocks)


def test_a_timestamp_is_iso_8601_in_utc_with_milliseconds() -> None:
    summer = timezone(timedelta(hours=2))
    assert timestamp(datetime(2024, 7, 1, 1, 2, 3, 456789, summer)) == "2024-06-30T23:02:03.456+00:00"
    assert timestamp(datetime(2024, 7, 1, tzinfo=UTC)) == "2024-07-01T00:00:00.000+00:00"


@given(moments, moments)
def test_timestamps_sort_as_text_like_the_moments_that_they_name(one: datetime, other: datetime) -> None:
    if timestamp(one) != timestamp(other):
        assert (timestamp(one) < timestamp(other)) == (one < other)
    assert abs(datetime.fromisoformat(timestamp(one)) - one) < timedelta(milliseconds=1)
