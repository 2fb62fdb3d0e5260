"""Senders that usually send and do not: reported once, until they are heard again.

Two rules, as some senders keep hours and others do not. An hour of the week is usual for a sender that sent
in it in three of four of the last eight weeks. Who keeps hours is silent when it has missed some of its usual
ones; anybody is when nothing came for three times the longest pause. Nights and weekends have no usual hours
to miss. Hours are those of UTC: summer time moves habits by one hour only.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

LEAST_INSTANCES = 50
LEAST_SECONDS = 3600.0
TIMES_ITS_GAP = 3.0

HOURS_OF_WEEK = 168
WEEKS = 8  # as many as habits have bits
_REMEMBERED = WEEKS * HOURS_OF_WEEK
MOST_MISSED = 6  # usual hours: half a day of a clinic
LEAST_MISSED = 3  # of a sender with few usual hours
MISSED_OF_WEEK = 8  # between them, one in so many of the hours of a week in which it was heard

log = logging.getLogger(__name__)

Habits: TypeAlias = Mapping[int, tuple[int, int]]  # slot to hour and weeks, as the record has them


def hour_of(moment: str) -> int:
    """Whole hours since 1970."""
    return _hour(datetime.fromisoformat(moment))


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def silent(
    sources: Iterable[Mapping[str, Any]], habits: Iterable[Mapping[str, Any]], now: datetime
) -> frozenset[str]:
    """The AE titles of the senders that are silent."""
    known: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for row in habits:
        known[row["aet"]][row["hour"] % HOURS_OF_WEEK] = row["hour"], row["weeks"]
    return frozenset(source["aet"] for source in sources if is_silent(source, known[source["aet"]], now))


def is_silent(source: Mapping[str, Any], habits: Habits, now: datetime) -> bool:
    """Whether it has sent before, and nothing for an hour and for longer than either rule allows."""
    quiet = (now - datetime.fromisoformat(source["last_at"])).total_seconds()
    if source["instances"] < LEAST_INSTANCES or quiet <= LEAST_SECONDS:
        return False
    return bool(quiet > TIMES_ITS_GAP * source["longest_gap"]) or _has_missed(source, habits, now)


def _has_missed(source: Mapping[str, Any], habits: Habits, now: datetime) -> bool:
    """Whether as many usual hours have passed since it was heard as tell that it is gone."""
    first, last = hour_of(source["first_at"]), hour_of(source["last_at"])
    lately = sum(last - heard < _REMEMBERED for heard, _ in habits.values())
    enough = min(MOST_MISSED, max(LEAST_MISSED, lately // MISSED_OF_WEEK))
    passed = range(last + 1, min(_hour(now), last + _REMEMBERED))
    missed = (hour for hour in passed if _is_usual(hour, habits, first))
    return sum(1 for _ in islice(missed, enough)) == enough


def _is_usual(hour: int, habits: Habits, first: int) -> bool:
    """Whether a sender that was heard first in an hour sent in three of four of the weeks before this one."""
    weeks = min(WEEKS, (hour - first) // HOURS_OF_WEEK)
    heard, bits = habits.get(hour % HOURS_OF_WEEK, (hour, 0))
    ago = (hour - heard) // HOURS_OF_WEEK
    if weeks < 1 or ago < 1:
        return False
    times = ((bits << (ago - 1)) & ((1 << weeks) - 1)).bit_count()
    return times * 4 >= weeks * 3


class Silence:
    """Remembers whose silence was reported."""

    def __init__(self) -> None:
        self._reported: frozenset[str] = frozenset()

    def look(self, sources: list[dict[str, Any]], habits: Iterable[Mapping[str, Any]], now: datetime) -> None:
        """Report who has fallen silent."""
        quiet = silent(sources, habits, now)
        for source in sources:
            if source["aet"] in quiet - self._reported:
                log.warning("Nothing has come from %s since %s", source["aet"], source["last_at"])
        self._reported = quiet
