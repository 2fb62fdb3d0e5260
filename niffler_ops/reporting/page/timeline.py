"""The axis of time that charts share: its columns, its labels, and when nobody was at work."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Self

from niffler_ops.reporting.page.history import History, Turn
from niffler_ops.reporting.page.scales import MINUTE, column_span, time_labels
from niffler_ops.reporting.words import duration
from niffler_ops.states import StudyState

FEWEST_COLUMNS = 12  # so that a short run is not one block
MINUTES_IN_HOUR = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One column: its first minute since 1970, its place from 0 to 1, and the hours of it that are over."""

    begin: int
    left: float
    right: float
    hours: float
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """Columns of equal span; minutes are since 1970."""

    first: int
    span: int
    columns: Sequence[Span]
    labels: Sequence[tuple[float, str]]
    bands: Sequence[tuple[float, float]]
    words: str

    @classmethod
    def of(cls, history: History, now_minute: int | None) -> Self:
        """From the first end in the history to the last, or to now."""
        return cls.over(min(history.minutes), max(*history.minutes, now_minute or 0), history.turns)

    @classmethod
    def over(cls, first: int, last: int, turns: Sequence[Turn] = ()) -> Self:
        """From one minute to another; `turns` tell when the run was at work."""
        span = column_span(last - first + 1)
        shift = _local_shift(first) if span > MINUTES_IN_HOUR else 0
        begin = (first + shift) // span * span - shift
        number = max((last - begin) // span + 1, FEWEST_COLUMNS)
        end = begin + number * span

        def place(minute: float) -> float:
            return min(max((minute - begin) / (end - begin), 0.0), 1.0)

        return cls(
            first=begin,
            span=span,
            columns=[
                Span(
                    begin=minute,
                    left=place(minute),
                    right=place(minute + span),
                    hours=max(min(last + 1 - minute, span), 1) / MINUTES_IN_HOUR,
                    words=f"{datetime.fromtimestamp(minute * MINUTE).astimezone():%Y-%m-%d %H:%M}",
                )
                for minute in range(begin, end, span)
            ],
            labels=[(place(minute), text) for minute, text in time_labels(begin, end)],
            bands=[(place(a), place(b)) for a, b in _rests(turns, begin, last)],
            words=duration(timedelta(minutes=last - first + 1)),
        )

    @property
    def shading(self) -> str:
        """What the bands mean, where there are some."""
        return " Shaded: paused or stopped." if self.bands else ""

    def column_of(self, minute: int) -> int:
        """Where the column begins that has this minute."""
        return minute - (minute - self.first) % self.span

    def sums(self, minutes: Mapping[int, Counter[StudyState]]) -> dict[int, Counter[StudyState]]:
        """Counts by minute brought together by column."""
        sums: dict[int, Counter[StudyState]] = {}
        for minute, counts in minutes.items():
            sums.setdefault(self.column_of(minute), Counter()).update(counts)
        return sums


def _rests(turns: Sequence[Turn], begin: int, last: int) -> Iterator[tuple[int, int]]:
    """From when to when the run was not at work, between two times that it was."""
    for turn, following in pairwise([*turns, Turn(last, "")]):
        if turn.state != "running" and following.minute > max(turn.minute, begin):
            yield turn.minute, following.minute


def _local_shift(minute: int) -> int:
    """Minutes by which this machine's zone is ahead of UTC, so that days begin at midnight."""
    offset = datetime.fromtimestamp(minute * MINUTE).astimezone().utcoffset()
    return int(offset.total_seconds()) // MINUTE if offset else 0
