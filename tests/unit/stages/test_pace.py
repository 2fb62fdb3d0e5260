"""What comes from an archive stays below its limit on average, and nothing waits for ever."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.config.rates import Hourly
from niffler_ops.model import HourlyLimit
from niffler_ops.stages.pace import CREDIT_SECONDS, Pace
from tests.support.clock import FakeClock

TURN = 0.25


def limit(value: object) -> HourlyLimit:
    return Hourly(0.1, 100_000, "instances a second").read(value)


def retrieve(
    pace: Pace, clock: FakeClock, studies: list[int], seconds: float, *, fast: int = 400
) -> list[int]:
    """Ask for studies of so many instances, one after another, as the pace allows; instances by turn."""
    waiting, sending, came, by_turn = list(studies), 0, 0, []
    for _ in range(int(seconds / TURN)):
        clock.pass_time(TURN)
        pace.observe(came)
        budget = pace.budget(sending)
        while waiting and (budget is None or budget > 0):
            sending += waiting[0]
            budget = None if budget is None else budget - waiting[0]
            waiting.pop(0)
        now = min(sending, int(fast * TURN))
        sending, came = sending - now, came + now
        by_turn.append(now)
    return by_turn


@given(
    rate=st.floats(0.5, 200),
    studies=st.lists(st.integers(1, 2000), min_size=1, max_size=50),
)
def test_the_average_is_kept_but_for_what_is_saved_up_and_one_study(rate: float, studies: list[int]) -> None:
    clock = FakeClock()
    by_turn = retrieve(Pace(limit(rate), clock), clock, studies * 5, 400)
    for begin in range(0, len(by_turn), 97):
        for end in (begin + 240, begin + 1200):
            came, seconds = sum(by_turn[begin:end]), len(by_turn[begin:end]) * TURN
            assert came <= rate * (seconds + CREDIT_SECONDS) + max(studies)


@given(rate=st.floats(1, 200), studies=st.lists(st.integers(1, 50), min_size=500, max_size=500))
def test_the_limit_is_used_where_there_is_enough_to_do(rate: float, studies: list[int]) -> None:
    clock = FakeClock()
    by_turn = retrieve(Pace(limit(rate), clock), clock, studies, 200)
    enough = min(rate * (200 - CREDIT_SECONDS), sum(studies))
    assert sum(by_turn) >= 0.9 * enough - 50


def test_nothing_waits_for_ever_however_large_a_study_is() -> None:
    clock = FakeClock()
    by_turn = retrieve(Pace(limit(1), clock), clock, [500, 500, 3], 1200)
    assert sum(by_turn) == 1003
    first, second = (
        next(n for n in range(len(by_turn)) if sum(by_turn[: n + 1]) > enough) for enough in (0, 500)
    )
    assert 400 <= (second - first) * TURN <= 520


def test_no_limit_holds_nobody() -> None:
    clock = FakeClock()
    for none in (None, limit({"2-3": 1})):
        assert none is None or none.at(clock.now().astimezone().hour) is None
        assert sum(retrieve(Pace(none, clock), clock, [1000] * 10, 30)) == 10_000


def test_the_limit_follows_the_hour() -> None:
    clock = FakeClock()
    hour = clock.now().astimezone().hour
    pace = Pace(limit({f"{hour}-{(hour + 1) % 24}": 4}), clock)
    assert sum(retrieve(pace, clock, [10] * 1000, 60)) <= 4 * (60 + CREDIT_SECONDS) + 10
    clock.pass_time(timedelta(hours=1).total_seconds())
    pace.observe(5000)
    assert pace.budget(0) is None
