"""Lanes find the best number for archives that behave in different ways, and keep below the limit."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from niffler_ops.stages.tuning import (
    BATCH_SECONDS,
    FIRST_BATCH,
    LONGEST_BATCH,
    SHORTER,
    Batches,
    Tuner,
)

TURN = 0.1


@dataclass
class Simulation:
    """An archive that sends `rate(lanes, seconds)` instances a second."""

    rate: Callable[[int, float], float]
    most: int = 8
    noise: float = 0.0
    work: int = 1000  # lanes that there is work for
    now: float = 100.0
    sent: float = 0.0
    used: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tuner = Tuner(self.most, lambda: self.now)
        self.random = random.Random(1)

    def run(self, seconds: float) -> float:
        """Gives instances a second over this time."""
        until, before = self.now + seconds, self.sent
        factor = 1.0
        while self.now < until:
            if self.noise and int(self.now * 10) % 10 == 0:
                factor = self.random.gauss(1, self.noise)
            self.now += TURN
            at_work = min(self.tuner.lanes, self.work)
            self.sent += max(self.rate(at_work, self.now) * factor, 0) * TURN
            self.tuner.observe(int(self.sent), at_work)
            self.used.append(self.tuner.lanes)
        return (self.sent - before) / seconds


def flat(lanes: int, _now: float) -> float:
    return 200.0 - 5 * lanes


def peaked(lanes: int, _now: float) -> float:
    return {1: 182, 2: 257, 3: 220, 4: 190}.get(lanes, 100)


def rising(lanes: int, _now: float) -> float:
    return 50.0 * lanes


def levelled(lanes: int, _now: float) -> float:
    return 50.0 * min(lanes, 5)


def slow(lanes: int, _now: float) -> float:
    return 0.5 * lanes


@pytest.mark.parametrize(
    ("rate", "best"),
    [(flat, 1), (peaked, 2), (rising, 8), (levelled, 5), (slow, 8)],
    ids=[
        "flat",
        "peaked",
        "rising",
        "levelled",
        "slow",
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_it_comes_near_the_best_number_and_stays(
    rate: Callable[[int, float], float], best: int, noise: float
) -> None:
    archive = Simulation(rate, noise=noise)
    archive.run(1200)
    got = archive.run(3600)
    assert got >= 0.9 * rate(best, 0)
    if not noise:
        held = archive.used[-36000:]
        assert max(set(held), key=held.count) == best
    assert 1 <= min(archive.used) <= max(archive.used) <= 8


def test_a_long_run_loses_little_to_the_best_number_from_its_start_on() -> None:
    assert Simulation(peaked).run(600) >= 0.95 * peaked(2, 0)
    assert Simulation(levelled).run(600) >= 0.9 * levelled(5, 0)


def test_a_short_run_gets_to_many_lanes_soon() -> None:
    archive = Simulation(rising)
    archive.run(9)
    assert archive.tuner.lanes == 8
    assert set(archive.used) == {2, 4, 8}


def test_what_is_not_clear_at_once_gets_its_whole_window() -> None:
    archive = Simulation(lambda lanes, _now: {2: 100.0, 4: 120.0}.get(lanes, 130.0))
    archive.run(10)
    assert archive.tuner.lanes == 4
    archive.run(2)
    assert archive.tuner.lanes == 8


def test_between_a_number_and_twice_as_many_that_are_no_better_it_looks_for_one_more() -> None:
    archive = Simulation(lambda lanes, _now: min(50.0 * lanes, 230.0))
    archive.run(65)
    assert list(dict.fromkeys(archive.used))[:4] == [2, 4, 8, 5]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_it_never_uses_more_than_the_limit(most: int) -> None:
    archive = Simulation(rising, most=most)
    archive.run(900)
    assert max(archive.used) == most
    assert archive.tuner.lanes == most


def test_an_archive_that_changes_is_followed() -> None:
    def noon(lanes: int, now: float) -> float:
        return rising(lanes, now) if now < 2000 else peaked(lanes, now)

    archive = Simulation(noon)
    archive.run(1800)
    assert archive.tuner.lanes == 8
    archive.run(7200)
    assert archive.run(3600) >= 0.85 * peaked(2, 0)


def test_too_little_work_tells_nothing() -> None:
    archive = Simulation(rising, work=1)
    archive.run(900)
    assert set(archive.used) == {2}


def test_trouble_halves_the_lanes_once_and_more_are_tried_again_later() -> None:
    archive = Simulation(rising)
    archive.run(600)
    assert archive.tuner.lanes == 8
    for _ in range(5):  # every lane loses its association at about the same time
        archive.tuner.trouble()
        archive.run(0.5)
    assert archive.tuner.lanes == 4
    assert archive.tuner.why == "a retrieve failed"
    archive.run(25)
    assert archive.tuner.lanes == 4
    archive.run(500)
    assert archive.tuner.lanes == 7
    archive.run(1500)
    assert max(archive.used[-9000:]) == 8


def test_an_archive_that_takes_three_associations_is_seldom_asked_for_more() -> None:
    archive = Simulation(lambda lanes, now: rising(min(lanes, 3), now))
    refused = 0
    for _ in range(3600):
        archive.run(1.0)
        if archive.tuner.lanes > 3:
            refused += 1
            archive.tuner.trouble()
    assert 1 <= refused <= 4
    assert archive.run(3600) >= 0.95 * 150


def test_one_lane_stays_where_everything_fails() -> None:
    archive = Simulation(rising)
    for _ in range(100):
        archive.run(10)
        archive.tuner.trouble()
    assert archive.tuner.lanes == 1


def test_lanes_are_doubled_until_that_is_not_worth_it() -> None:
    archive = Simulation(levelled)
    assert archive.tuner.doubles
    archive.run(60)
    assert not archive.tuner.doubles


def test_batches_last_about_as_long_as_is_good() -> None:
    batches = Batches()
    assert batches.size(short=False) == FIRST_BATCH
    for seconds, size in ((0.05, 300), (0.001, LONGEST_BATCH), (3600, 1), (BATCH_SECONDS / 40, 40)):
        for _ in range(200):
            batches.took(seconds)
        assert batches.size(short=False) == pytest.approx(size, rel=0.05)
        assert batches.size(short=True) == pytest.approx(max(size / SHORTER, 1), abs=6)
    batches.took(0.0)
    assert 1 <= batches.size(short=True) <= batches.size(short=False) <= LONGEST_BATCH
