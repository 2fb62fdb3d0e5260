"""The throughput of the last minutes, whoever looked how often."""

import pytest

from niffler_ops.reporting.watch.throughput import STEP_SECONDS, STEPS_KEPT, Throughput

NOW = 1_000_000.0


def test_what_ended_before_the_first_look_is_remembered() -> None:
    throughput = Throughput()
    throughput.remember({int(NOW) - 15: 40, int(NOW) - 12: 10, int(NOW) - 25: 30})
    assert throughput.rates(NOW, 4) == [0.0, 3.0, 5.0, 0.0]


def test_what_arrives_between_two_looks_counts_at_the_second() -> None:
    throughput = Throughput()
    throughput.see(NOW, 500)
    assert throughput.rates(NOW + STEP_SECONDS, 2) == [0.0, 0.0], "what was there before is not counted"
    throughput.see(NOW + 1, 520)
    throughput.see(NOW + 2, 550)
    assert throughput.rates(NOW + STEP_SECONDS, 2) == [0.0, 5.0]


def test_what_came_while_nobody_could_look_is_spread() -> None:
    throughput = Throughput()
    throughput.see(NOW + 9, 0)
    throughput.see(NOW + 49, 400)
    assert throughput.rates(NOW + 50, 5) == [0.0, 10.0, 10.0, 10.0, 10.0]


def test_a_step_that_is_not_over_is_not_shown() -> None:
    throughput = Throughput()
    throughput.see(NOW, 0)
    throughput.see(NOW + 5, 100)
    assert throughput.rates(NOW + 5, 2) == [0.0, 0.0]


def test_numbers_that_fall_are_another_extraction() -> None:
    throughput = Throughput()
    throughput.see(NOW, 500)
    throughput.see(NOW + 1, 3)
    throughput.see(NOW + 2, 13)
    assert throughput.rates(NOW + STEP_SECONDS, 1) == [1.0]


def test_a_watch_of_days_keeps_minutes() -> None:
    throughput = Throughput()
    for second in range(0, 10 * STEPS_KEPT * STEP_SECONDS, STEP_SECONDS):
        throughput.see(NOW + second, second)
    assert len(throughput._steps) <= STEPS_KEPT + 1
    assert throughput.rates(NOW + second, 1) == [pytest.approx(1.0)]
