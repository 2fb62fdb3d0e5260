"""How an extraction went over time, read from the ledger's events a piece at a time."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from niffler_ops.layout import Layout
from niffler_ops.ledger.page import query
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.states import StudyState

EVENTS_AT_ONCE = 100_000  # about 0.1 s, so that a writer's log never waits long for a reader
ATTEMPTS_AT_ONCE = 50_000
MINUTE = 60
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # seconds: the classes of durations
ACCOMPANYING = frozenset(
    {"DOC", "KO", "OT", "PR", "REG", "SEG", "SR"}
)  # beside images, not the kind of a study


@dataclass(frozen=True, slots=True)
class Ends:
    """Studies of one minute (since 1970) that ended alike, and their instances."""

    minute: int
    state: StudyState
    modality: str
    studies: int
    instances: int


@dataclass(frozen=True, slots=True)
class Turn:
    """From this minute (since 1970) on the run was in this state."""

    minute: int
    state: str


class Attempt(NamedTuple):
    """A study given to a movescu; times in seconds, `ended` None while it is asked for."""

    id: int
    archive: str
    lane: int
    charged: int
    started: float
    ended: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    extraction: str
    event: int
    last_event: int
    ends: Sequence[Ends]
    turns: Sequence[Turn]
    attempts: Sequence[Attempt]


class History:
    """What ended when; `advance` brings it forward. A study that is taken up again counts at each end."""

    def __init__(self) -> None:
        self._forget("")

    def _forget(self, extraction: str) -> None:
        self._extraction = extraction
        self._event = self._attempt = self.unread = 0
        self._lane_free: dict[tuple[str, int], float] = {}
        self.minutes: dict[int, Counter[StudyState]] = {}
        self.instances: Counter[int] = Counter()
        self.days: dict[date, Counter[tuple[str, StudyState]]] = {}
        self.turns: list[Turn] = []
        self.durations = [0] * (len(STEPS) + 1)

    def advance(self, layout: Layout) -> bool:
        """Read the next piece in one short transaction; gives whether there is more."""
        after, attempt = self._event, self._attempt
        piece = consult(layout.ledger, lambda ledger: _piece(ledger, after, attempt))
        if piece.extraction != self._extraction:  # another one stands there now, or this is the first look
            self._forget(piece.extraction)
            if after or attempt:
                return True
        self._fold(piece)
        return self.unread > 0 or (len(piece.attempts) == ATTEMPTS_AT_ONCE and self._attempt > attempt)

    def _fold(self, piece: _Piece) -> None:
        self._event, self.unread = piece.event, piece.last_event - piece.event
        for ends in piece.ends:
            self.minutes.setdefault(ends.minute, Counter())[ends.state] += ends.studies
            self.instances[ends.minute] += ends.instances
            day = datetime.fromtimestamp(ends.minute * MINUTE).astimezone().date()
            self.days.setdefault(day, Counter())[ends.modality, ends.state] += ends.studies
        self.turns += piece.turns
        for attempt in piece.attempts:
            if attempt.ended is None:
                break  # looked at again, with those behind it, when it has ended
            self._attempt = attempt.id
            self._measure(attempt, attempt.ended)

    def _measure(self, attempt: Attempt, ended: float) -> None:
        """The studies of one movescu follow one another: each begins when the one before it has ended."""
        lane = (attempt.archive, attempt.lane)
        began = max(attempt.started, self._lane_free.get(lane, 0.0))
        self._lane_free[lane] = ended
        if attempt.charged:
            self.durations[bisect_left(STEPS, ended - began)] += 1


def modality(values: str) -> str:
    """A study's kind, of modalities joined by backslash: the first with images; "" where none is told."""
    names = sorted(filter(None, (name.strip() for name in values.split("\\"))))
    return next((name for name in names if name not in ACCOMPANYING), names[0] if names else "")


def _piece(ledger: Ledger, after: int, attempt: int) -> _Piece:
    record = ledger.record()
    last = ledger.last_event()
    span = {"after": after, "up_to": min(after + EVENTS_AT_ONCE, last)}
    return _Piece(
        extraction=record.created_at if record else "",
        event=max(span["up_to"], 0),
        last_event=last,
        ends=[
            Ends(
                row["minute"],
                StudyState(row["state"]),
                modality(row["modalities"]),
                row["studies"],
                row["instances"],
            )
            for row in query(ledger, "ends", **span)
        ],
        turns=[Turn(row["minute"], row["state"]) for row in query(ledger, "turns", **span)],
        attempts=[
            Attempt._make(row) for row in query(ledger, "attempts", after=attempt, limit=ATTEMPTS_AT_ONCE)
        ],
    )
