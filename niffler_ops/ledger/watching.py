"""What goes on just now, read from a ledger that others write; callers hold the transaction."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from niffler_ops.database import named_queries
from niffler_ops.ledger.store import Ledger
from niffler_ops.states import RowState

EVENTS_LOOKED_AT = 5_000
PROBLEM_EVENTS = 20_000  # a row and its studies have about ten


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedLane:
    """A movescu that runs: the study whose turn it is, `since` when (ISO 8601), and how many are left."""

    archive: str
    lane: int
    study_instance_uid: str
    received: int
    expected: int
    since: str
    studies: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedEvent:
    """Something that ended or has a reason; `line` is that of a row, `processor` of a handover."""

    at: str
    subject: str
    state: str
    reason: str
    line: int | None
    processor: str | None
    study_instance_uid: str | None


def lanes(ledger: Ledger) -> list[WatchedLane]:
    """The lanes that retrieve, by archive and number."""
    return [
        WatchedLane(
            archive=row["archive"],
            lane=row["lane"],
            study_instance_uid=row["study_instance_uid"],
            received=row["received"],
            expected=row["expected"],
            since=row["since"],
            studies=row["studies"],
        )
        for row in _run(ledger, "lanes")
    ]


def newest_events(ledger: Ledger, *, limit: int) -> list[WatchedEvent]:
    """The newest events that somebody may want to see, the newest first; not looked for further back."""
    return [
        WatchedEvent(
            at=row["at"],
            subject=row["subject"],
            state=row["to_state"],
            reason=row["reason"],
            line=row["line"],
            processor=row["processor"],
            study_instance_uid=row["study_instance_uid"],
        )
        for row in _run(ledger, "newest_events", events=EVENTS_LOOKED_AT, limit=limit)
    ]


def newest_problems(ledger: Ledger, *, limit: int) -> list[tuple[int, RowState, str]]:
    """Line, state and reason of the rows that ended last otherwise than done, the newest first.

    They are looked for among the newest events only, and no longer than until there are enough.
    """
    found: dict[int, tuple[int, RowState, str]] = {}
    for row in ledger._connection.execute(_queries()["newest_problems"], {"events": PROBLEM_EVENTS}):
        found.setdefault(row["line"], (row["line"], RowState(row["state"]), row["reason"]))
        if len(found) == limit:
            break
    return list(found.values())


def arrived(ledger: Ledger, *, since: str, events: int) -> dict[int, int]:
    """Instances by the second (since 1970) in which their study ended; `since` is ISO 8601, in UTC."""
    return {row["second"]: row["instances"] for row in _run(ledger, "arrived", since=since, events=events)}


def _run(ledger: Ledger, name: str, **parameters: object) -> list[sqlite3.Row]:
    return ledger._connection.execute(_queries()[name], parameters).fetchall()  # of this room, and only read


@cache
def _queries() -> Mapping[str, str]:
    return named_queries("niffler_ops.ledger", "watching.sql")
