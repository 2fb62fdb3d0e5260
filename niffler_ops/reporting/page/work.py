"""What is going on: lanes, how the archives answer, and what happened last."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.dicomtools.failures import status_text
from niffler_ops.layout import Layout
from niffler_ops.ledger import watching
from niffler_ops.ledger.page import query
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.narration import short_name
from niffler_ops.reporting.page.words import told
from niffler_ops.terminal import printable

ANSWERS_COUNTED = 1000
EVENTS_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """An association that retrieves: `study` of `studies` in its batch is under way."""

    archive: str
    number: int
    study: str
    studies: int
    received: int
    expected: int
    since: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """How often an archive answered alike among its newest retrieves; `good` where all was sent."""

    archive: str
    answer: str
    good: bool
    number: int
    latest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something reached its end, or the run changed its state."""

    at: str
    subject: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a page tells of the work itself."""

    lanes: Sequence[Lane]
    answers: Sequence[Answers]
    events: Sequence[Event]


def read_work(layout: Layout, *, identifiers: bool) -> Work:
    """Read in one short transaction; MissingInputError where the ledger cannot be read."""

    def look(ledger: Ledger) -> Work:
        newest = watching.newest_events(ledger, limit=EVENTS_SHOWN)
        return Work(
            lanes=[_lane(lane, identifiers=identifiers) for lane in watching.lanes(ledger)],
            answers=[_answers(row) for row in query(ledger, "answers", limit=ANSWERS_COUNTED)],
            events=[_event(event, identifiers=identifiers) for event in newest],
        )

    return consult(layout.ledger, look)


def _lane(lane: watching.WatchedLane, *, identifiers: bool) -> Lane:
    return Lane(
        archive=printable(lane.archive),
        number=lane.lane,
        study=_study(lane.study_instance_uid, identifiers=identifiers),
        studies=lane.studies,
        received=lane.received,
        expected=lane.expected,
        since=lane.since,
    )


def _answers(row: sqlite3.Row) -> Answers:
    status: int | None = row["status"]
    return Answers(
        archive=printable(row["archive"]),
        answer="no final answer" if status is None else status_text(status),
        good=status == 0,
        number=row["number"],
        latest=row["latest"],
    )


def _event(event: watching.WatchedEvent, *, identifiers: bool) -> Event:
    return Event(
        at=event.at,
        subject=_subject(event, identifiers=identifiers),
        state=event.state,
        reason=told(event.reason, identifiers=identifiers),
    )


def _subject(event: watching.WatchedEvent, *, identifiers: bool) -> str:
    if event.subject == "row":
        return "a withdrawn line" if event.line is None else f"line {event.line}"
    if event.study_instance_uid is None:
        return event.subject
    study = f"study {_study(event.study_instance_uid, identifiers=identifiers)}"
    return f"{printable(event.processor)} of {study}" if event.processor else study


def _study(uid: str, *, identifiers: bool) -> str:
    return printable(uid) if identifiers else short_name(uid)
