"""Without a terminal: lines at changes and from time to time, and an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from niffler_ops.errors import MissingInputError
from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.picture import Picture
from niffler_ops.reporting.watch.plain import watch_plainly
from niffler_ops.reporting.watch.signs import Signs


@dataclass(frozen=True, kw_only=True)
class Told:
    line: str
    at_work: bool = True
    told_at_once: str = ""
    title: str = ""

    def sections(self, width: int, signs: Signs) -> Sequence[Section]:
        raise NotImplementedError


class Machine:
    """A clock that moves on while one sleeps, and something to look at."""

    def __init__(self, *looks: Told | MissingInputError) -> None:
        self._looks = list(looks)
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 5, 1, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def look(self) -> Picture:
        found = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(found, MissingInputError):
            raise found
        return found


def lines(*looks: Told | MissingInputError) -> list[tuple[float, str]]:
    machine = Machine(*looks)
    told: list[tuple[float, str]] = []

    def tell(text: str) -> None:
        assert text.endswith("\n")
        told.append((machine.seconds, text.split("  ", 1)[1].rstrip("\n")))

    watch_plainly(machine, machine, tell, sleep=machine.sleep)
    return told


def test_what_is_over_is_told_once() -> None:
    assert lines(Told(line="finished", at_work=False)) == [(0, "finished")]


def test_numbers_that_change_are_told_every_ten_seconds() -> None:
    looks = [Told(line=f"{number} rows") for number in range(25)]
    told = lines(*looks, Told(line="end", at_work=False, told_at_once="finished"))
    assert told == [(0, "0 rows"), (10, "10 rows"), (20, "20 rows"), (25, "end")]


def test_a_new_problem_or_state_is_told_at_once() -> None:
    told = lines(
        Told(line="a"),
        Told(line="b", told_at_once="a problem"),
        Told(line="c", told_at_once="a problem"),
        Told(line="d", told_at_once="crashed", at_work=False),
    )
    assert told == [(0, "a"), (1, "b"), (3, "d")]


def test_that_nothing_changes_is_told_each_minute() -> None:
    told = lines(*[Told(line="waits")] * 125, Told(line="waits", at_work=False))
    assert told == [(0, "waits"), (60, "waits"), (120, "waits")]


def test_a_name_cannot_command_the_terminal() -> None:
    assert lines(Told(line="/data/\x1b[2J\nx", at_work=False)) == [(0, "/data/ [2J x")]


def test_a_ledger_that_cannot_be_read_for_a_moment_is_waited_for() -> None:
    busy = MissingInputError("busy")
    assert lines(Told(line="a"), *[busy] * 20, Told(line="b", at_work=False)) == [(0, "a"), (21, "b")]


def test_one_that_stays_away_ends_it() -> None:
    with pytest.raises(MissingInputError):
        lines(Told(line="a"), MissingInputError("damaged"))


def test_one_that_is_not_there_ends_it_at_once() -> None:
    with pytest.raises(MissingInputError):
        lines(MissingInputError("no ledger here"))
