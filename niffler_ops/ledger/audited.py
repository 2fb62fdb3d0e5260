"""What an audit trail tells of an extraction, read from the ledger beside its writer."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from niffler_ops.database import named_queries
from niffler_ops.ledger import reading

LIMIT = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far the ledger is told: ids of the last event and process."""

    event: int = 0
    process: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A supervisor was started."""

    at: str
    pid: int
    user_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """A run ended in order: `finished`, or `stopped` before the end."""

    at: str
    pid: int
    user_id: int
    run_state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Queried:
    """A findscu was started, with its arguments."""

    at: str
    pid: int
    arguments: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrieved:
    """A study came to its end: `done`, `partial` or `failed`; `keys` are of a CSV line that found it."""

    at: str
    state: str
    study_instance_uid: str
    archive: str
    expected: int
    received: int
    keys: Mapping[str, str]


Audited = Started | Stopped | Queried | Retrieved


@cache
def _queries() -> Mapping[str, str]:
    return named_queries("niffler_ops.ledger", "audited.sql")


def read_audited(ledger: Path, after: Position) -> tuple[list[Audited], Position]:
    """What happened after a position, in the order of time, a few hundred at most; and the position behind.

    Raises MissingInputError where the ledger cannot be read.
    """
    with closing(reading.connect(ledger, at_rest=False)) as connection:
        connection.execute("BEGIN")
        processes = _all(connection, "audited_processes", after=after.process, limit=LIMIT)
        events = _all(connection, "audited_events", after=after.event, limit=LIMIT)
        newest = int(connection.execute(_queries()["newest_event"]).fetchone()["id"])
        audited = [*map(_process, processes), *(_event(connection, row) for row in events)]
    position = Position(
        event=events[-1]["id"] if len(events) == LIMIT else newest,
        process=processes[-1]["id"] if processes else after.process,
    )
    return sorted(audited, key=lambda one: one.at), position


def _all(connection: sqlite3.Connection, name: str, **named: object) -> list[sqlite3.Row]:
    return connection.execute(_queries()[name], named).fetchall()


def _process(row: sqlite3.Row) -> Audited:
    if row["role"] == "supervisor":
        return Started(at=row["at"], pid=row["pid"], user_id=row["user_id"])
    return Queried(at=row["at"], pid=row["pid"], arguments=json.loads(row["command"]))


def _event(connection: sqlite3.Connection, row: sqlite3.Row) -> Audited:
    if row["subject"] == "study":
        return Retrieved(
            at=row["at"],
            state=row["to_state"],
            study_instance_uid=row["study_instance_uid"],
            archive=row["archive"],
            expected=row["expected"],
            received=row["received"],
            keys=json.loads(row["keys"] or "{}"),
        )
    [supervisor, *_] = [*_all(connection, "audited_supervisor", at=row["at"]), {"pid": 0, "user_id": 0}]
    return Stopped(
        at=row["at"], pid=supervisor["pid"], user_id=supervisor["user_id"], run_state=row["to_state"]
    )
