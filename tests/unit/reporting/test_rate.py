"""How fast it goes is measured over recent time, and how long it takes follows from it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.clock import timestamp
from niffler_ops.ledger.store import RecentEnds
from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.rate import WINDOW, Rate, eta_seconds, rate, window_start

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEN_MINUTES = timedelta(minutes=10)


def ends(
    ended: int, *, retrieved: int | None = None, received: int = 0, looked_from: datetime | None = None
) -> RecentEnds:
    return RecentEnds(
        ended=ended,
        retrieved=ended if retrieved is None else retrieved,
        received=received,
        looked_from=None if looked_from is None else timestamp(looked_from),
    )


def test_a_young_run_is_measured_from_its_start() -> None:
    assert window_start(NOW - TEN_MINUTES, NOW) == NOW - TEN_MINUTES


def test_an_old_run_is_measured_over_recent_time() -> None:
    assert window_start(NOW - 24 * HOUR, NOW) == NOW - WINDOW


def test_studies_an_hour_and_instances_a_second_are_means_over_the_window() -> None:
    measured = rate(ends(20, received=1200), NOW - TEN_MINUTES, NOW)
    assert (measured.studies_per_hour, measured.instances_per_second) == (120.0, 2.0)


def test_a_busy_ledger_is_measured_over_the_time_that_was_looked_at() -> None:
    measured = rate(ends(20, looked_from=NOW - timedelta(minutes=1)), NOW - TEN_MINUTES, NOW)
    assert measured.studies_per_hour == 1200.0


def test_the_rate_falls_when_nothing_ends_any_more() -> None:
    early, late = (
        rate(ends(20), NOW, NOW + span).studies_per_hour for span in (TEN_MINUTES, 3 * TEN_MINUTES)
    )
    assert late == pytest.approx(early / 3)


def test_failed_studies_are_no_retrieved_ones_but_bring_the_end_nearer() -> None:
    measured = rate(ends(20, retrieved=0), NOW - TEN_MINUTES, NOW)
    assert measured.studies_per_hour == 0
    assert eta_seconds(Counts(active=10), Counts(active=20), measured) == 600


def test_a_clock_that_was_set_back_gives_no_negative_rate() -> None:
    assert rate(ends(1), NOW + HOUR, NOW).studies_per_hour > 0


def test_the_end_is_unknown_while_nothing_has_ended() -> None:
    assert eta_seconds(Counts(active=5), Counts(active=5), Rate()) is None


def test_the_end_is_unknown_while_no_row_has_been_asked_for() -> None:
    assert eta_seconds(Counts(pending=5, rejected=2), Counts(), Rate(ends_per_second=1)) is None


def test_nothing_is_left_at_the_end() -> None:
    assert eta_seconds(Counts(done=5), Counts(done=5), Rate()) == 0


def test_rows_not_asked_for_are_taken_to_match_as_many_studies_as_the_others() -> None:
    rows, studies = Counts(pending=100, done=40, not_found=10), Counts(done=150)
    assert eta_seconds(rows, studies, Rate(ends_per_second=2)) == 150


@given(
    st.builds(
        Counts, pending=st.integers(0, 10**6), active=st.integers(0, 10**6), done=st.integers(0, 10**6)
    ),
    st.builds(
        Counts, pending=st.integers(0, 10**6), active=st.integers(0, 10**6), done=st.integers(0, 10**6)
    ),
    st.just(0.0) | st.floats(1e-4, 1e3),
)
def test_the_time_to_the_end_is_never_negative(rows: Counts, studies: Counts, pace: float) -> None:
    eta = eta_seconds(rows, studies, Rate(ends_per_second=pace))
    assert eta is None or eta >= 0
