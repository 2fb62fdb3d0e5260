"""Never more than one notice an hour for a cause; a stall is told once; a night's pause never."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.errors import AlreadyRunningError, StoppedError, UnavailableError
from niffler_ops.notices import decide
from niffler_ops.notices.decide import QUIET_SECONDS, RateLimit, StallWatch, TroubleWatch
from niffler_ops.notices.notice import Cause, Occasion
from niffler_ops.stages.gate import Pause

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
CAUSES = ("completion-0", "failure-69", "stall", "pause")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(CAUSES),
        st.one_of(
            st.floats(min_value=0, max_value=3 * QUIET_SECONDS), st.sampled_from((0.0, 3599.5, 3600.0))
        ),
        st.booleans(),  # whether the program is started anew before it
    ),
    max_size=60,
)


@given(STEPS)
def test_a_cause_is_told_at_most_once_an_hour_also_over_restarts_and_again_after_it(
    steps: list[tuple[str, float, bool]],
) -> None:
    limit, now = RateLimit({}), 0.0
    told: dict[str, float] = {}
    for cause, seconds, restarts in steps:
        now += seconds
        if restarts:
            limit = RateLimit(limit.told)
        lets = limit.lets(cause, wall=START + timedelta(seconds=now), monotonic=1000.0 + now)
        quiet = now - told.get(cause, float("-inf"))
        if abs(quiet - QUIET_SECONDS) > 0.01:  # a datetime has microseconds
            assert lets == (quiet >= QUIET_SECONDS)
        if lets:
            told[cause] = now


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=4000), st.floats(min_value=-1e6, max_value=1e6))))
def test_within_a_process_a_wall_clock_that_jumps_changes_nothing(steps: list[tuple[float, float]]) -> None:
    limit, monotonic, wall, told = RateLimit({}), 0.0, START, float("-inf")
    for seconds, jump in steps:
        monotonic += seconds
        wall += timedelta(seconds=seconds + jump)
        lets = limit.lets("stall", wall=wall, monotonic=monotonic)
        assert lets == (monotonic - told >= QUIET_SECONDS)
        if lets:
            told = monotonic


def test_a_time_in_the_future_that_an_earlier_process_wrote_silences_nobody() -> None:
    limit = RateLimit({"stall": START.timestamp() + 5000})
    assert limit.lets("stall", wall=START, monotonic=0)


def test_runs_that_end_differently_are_different_causes() -> None:
    assert decide.completion(0).key != decide.completion(3).key
    assert Occasion(cause=Cause.STALL).key == "stall"


def test_a_failure_is_told_with_its_exit_status_and_reason() -> None:
    found = decide.failure(UnavailableError("the archive does not answer"), asked_to_stop=False)
    assert found == Occasion(cause=Cause.FAILURE, exit_status=69, reason="the archive does not answer")


def test_nobody_is_told_of_a_stop_that_was_asked_for_nor_of_a_second_run() -> None:
    assert decide.failure(StoppedError("Stopped."), asked_to_stop=True) is None
    assert decide.failure(AlreadyRunningError("Another runs."), asked_to_stop=False) is None


def test_what_goes_wrong_while_it_stops_is_told() -> None:
    assert decide.failure(UnavailableError("our port is taken"), asked_to_stop=True) is not None


def test_of_a_defect_the_class_is_told_and_not_the_text() -> None:
    found = decide.failure(ValueError("Doe^Jane"), asked_to_stop=False)
    assert found is not None
    assert found.exit_status == 70
    assert "ValueError" in found.reason
    assert "Doe" not in found.reason


def test_a_stop_that_nobody_asked_for_is_told() -> None:
    assert decide.failure(StoppedError("the store is away"), asked_to_stop=False) is not None


def test_a_full_disk_needs_a_person_and_the_night_does_not() -> None:
    disk = Pause(reason="less than 1.0 GB are free", until=None, at_once=True)
    night = Pause(reason="NightlyOnly", until=START, at_once=False)
    assert decide.pause(disk) == Occasion(cause=Cause.PAUSE, reason="less than 1.0 GB are free")
    assert decide.pause(night) is None
    assert decide.pause(None) is None


def test_an_archive_is_told_once_and_again_after_it_has_sent() -> None:
    watch = TroubleWatch()
    assert not list(watch.look(["", ""]))
    [found] = watch.look(["", "PACS refused 10 retrieves"])
    assert found == Occasion(cause=Cause.ARCHIVE, reason="PACS refused 10 retrieves", number=2)
    assert not list(watch.look(["", "PACS refused 11 retrieves"]))
    assert [occasion.key for occasion in watch.look(["a801", "PACS refused 11 retrieves"])] == ["archive-1"]
    assert not list(watch.look(["a801", ""]))
    assert [occasion.key for occasion in watch.look(["a801", "again"])] == ["archive-2"]


def tallies(**numbers: int) -> Mapping[tuple[str, str], int]:
    subject = {"pending": "row", "querying": "row", "matched": "row", "moving": "study", "listed": "study"}
    subject |= {"received": "instance", "bytes": "instance", "done": "study"}
    return {(subject[name], name): number for name, number in numbers.items()}


STILL = tallies(pending=5, received=10)


def test_a_stall_is_told_once_when_nothing_has_moved_for_the_set_time() -> None:
    watch = StallWatch(600)
    assert watch.look(STILL, now=0, paused=False) is None
    assert watch.look(STILL, now=599, paused=False) is None
    found = watch.look(STILL, now=660, paused=False)
    assert found is not None
    assert found.cause is Cause.STALL
    assert "11 minutes" in found.reason
    assert watch.look(STILL, now=10_000, paused=False) is None


def test_a_second_stall_is_told_after_something_has_moved() -> None:
    watch = StallWatch(600)
    for now in (0, 700):
        watch.look(STILL, now=now, paused=False)
    assert watch.look(tallies(pending=5, received=11), now=800, paused=False) is None
    assert watch.look(tallies(pending=5, received=11), now=1300, paused=False) is None
    assert watch.look(tallies(pending=5, received=11), now=1400, paused=False) is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (tallies(pending=5, querying=0), tallies(pending=0, querying=5)),
        (tallies(listed=3, moving=0), tallies(listed=0, moving=3)),
    ],
)
def test_an_attempt_that_comes_to_nothing_is_no_movement(
    before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]
) -> None:
    watch = StallWatch(600)
    for now in range(0, 600, 100):
        assert watch.look((before, after)[now // 100 % 2], now=now, paused=False) is None
    assert watch.look(before, now=600, paused=False) is not None


@pytest.mark.parametrize("name", ["matched", "done", "received", "bytes"])
def test_what_gets_done_is_movement(name: str) -> None:
    watch = StallWatch(600)
    watch.look(tallies(**{name: 1}), now=0, paused=False)
    watch.look(tallies(**{name: 2}), now=500, paused=False)
    assert watch.look(tallies(**{name: 2}), now=1000, paused=False) is None
    assert watch.look(tallies(**{name: 2}), now=1100, paused=False) is not None


def test_a_pause_does_not_count() -> None:
    watch = StallWatch(600)
    watch.look(STILL, now=0, paused=False)
    assert watch.look(STILL, now=5000, paused=True) is None
    assert watch.look(STILL, now=5500, paused=False) is None
    assert watch.look(STILL, now=5600, paused=False) is not None


def test_zero_minutes_are_never() -> None:
    watch = StallWatch(0)
    watch.look(STILL, now=0, paused=False)
    assert watch.look(STILL, now=1e9, paused=False) is None
