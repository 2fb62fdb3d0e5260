"""An archive that refuses everything is tried ever more slowly, and one that sends again is at once."""

from niffler_ops.stages.breaker import LONGEST_SECONDS, STREAK, Breaker
from tests.support.clock import FakeClock


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.note(fruitless=True, who="PACS", reason="unable to process")


def test_a_few_refusals_are_the_studies_own() -> None:
    breaker = Breaker(5, FakeClock().monotonic)
    for _ in range(5):
        fail(breaker, STREAK - 1)
        breaker.note(fruitless=False, who="PACS", reason="")
    assert not breaker.is_open
    assert not breaker.tries


def test_after_a_streak_single_studies_try_ever_more_slowly() -> None:
    clock = FakeClock()
    breaker = Breaker(5, clock.monotonic)
    fail(breaker, STREAK)
    waits = []
    for _ in range(12):
        assert breaker.tries
        begun = clock.monotonic()
        while breaker.is_open:
            clock.pass_time(1)
        waits.append(clock.monotonic() - begun)
        fail(breaker, 1)
    assert 5 <= waits[0] <= 8
    assert waits == sorted(waits)
    assert waits[-3:] == [LONGEST_SECONDS] * 3


def test_it_closes_with_the_first_that_brings_something() -> None:
    clock = FakeClock()
    breaker = Breaker(5, clock.monotonic)
    fail(breaker, STREAK + 3)
    assert "PACS refused 13 retrieves" in breaker.trouble
    clock.pass_time(1000)
    breaker.note(fruitless=False, who="PACS", reason="")
    assert not breaker.tries
    assert not breaker.trouble
    fail(breaker, STREAK - 1)
    assert not breaker.is_open
