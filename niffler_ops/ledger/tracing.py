"""Everything that the ledger knows of one row, for those who ask why it is as it is; read only."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from niffler_ops.database import named_queries
from niffler_ops.ledger.passing import Passed, Subject, Why
from niffler_ops.ledger.store import Ledger
from niffler_ops.states import HandoverState, RowState, StudyState

EVENTS_AT_ONCE = 200_000  # of all rows, looked through in some 50 ms


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedRow:
    """A row; the columns are described in the schema. `same_line` is that of the row that is asked for it."""

    id: int
    line: int
    keys: Mapping[str, str]
    same_line: int | None
    state: RowState
    reason: str
    attempts: int
    mismatches: int
    untold: int
    not_before: float
    archive: str
    unqueried: bool
    passed: Mapping[str, Passed]


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedAttempt:
    """One retrieve of a study; `ended_at` is None while it runs, `status` where no final response came."""

    archive: str
    lane: int
    level: str
    started_at: str
    ended_at: str | None
    status: int | None
    completed: int | None
    failed: int | None
    warning: int | None
    charged: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedHandover:
    """What a post-processor makes of a study."""

    processor: str
    state: HandoverState
    reason: str
    attempts: int
    not_before: float
    files: int
    held: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedStudy:
    """A study; `missing` are the first of the SOP Instance UIDs that were promised and are not on disk."""

    id: int
    study_instance_uid: str
    archive: str
    whole: bool
    state: StudyState
    reason: str
    promised_by: str | None
    expected: int
    received: int
    surplus: int
    bytes: int
    attempts: int
    not_before: float
    verified: str | None
    series: tuple[str, ...]
    missing: tuple[str, ...]
    attempted: tuple[TracedAttempt, ...]
    handovers: tuple[TracedHandover, ...]
    passed: Mapping[str, Passed]


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedEvent:
    """A change of state of a row or a study; `before` is None where it began."""

    at: str
    subject: str
    subject_id: int
    before: str | None
    after: str
    reason: str


@cache
def _queries() -> Mapping[str, str]:
    return named_queries("niffler_ops.ledger", "tracing.sql")


class Tracing:
    """Reads through a ledger that was opened for reading."""

    def __init__(self, ledger: Ledger) -> None:
        self._connection: sqlite3.Connection = ledger._connection  # of this room, and only read

    def row(self, line: int) -> TracedRow | None:
        """The row on this line of the CSV; None where there is none."""
        found = self._one("row_of_line", line)
        if found is None:
            return None
        return TracedRow(
            id=found["id"],
            line=found["line"],
            keys=json.loads(found["keys"] or "{}"),
            same_line=found["same_line"],
            state=RowState(found["state"]),
            reason=found["reason"],
            attempts=found["attempts"],
            mismatches=found["mismatches"],
            untold=found["untold"],
            not_before=found["not_before"],
            archive=found["archive"],
            unqueried=bool(found["unqueried"]),
            passed=self._passed("row", found["id"]),
        )

    def lines(self) -> tuple[int, int] | None:
        """The first and the last line that is a row; None where there is none."""
        first, last = self._one("first_line"), self._one("last_line")
        if first is None or last is None or first["line"] is None:
            return None
        return first["line"], last["line"]

    def studies(self, row_id: int, *, limit: int, missing: int) -> list[TracedStudy]:
        """The first `limit` studies that a row matched, each with so many `missing` instances at most."""
        return [self._study(row, missing) for row in self._run("studies_of_row", row_id, limit)]

    def number_of_studies(self, row_id: int) -> int:
        """How many studies a row matched."""
        found = self._one("count_studies_of_row", row_id)
        return 0 if found is None else int(found[0])

    def last_event(self) -> int:
        """The id of the newest event."""
        found = self._one("last_event")
        return 0 if found is None else int(found[0])

    def events(self, row_id: int, study_ids: Sequence[int], *, after: int, upto: int) -> list[TracedEvent]:
        """The events of a row and its studies with an id above `after` and up to `upto`, oldest first."""
        parameters = {
            "after": after,
            "upto": upto,
            "row_id": row_id,
            "study_ids": json.dumps(list(study_ids)),
            "ids": json.dumps([row_id, *study_ids]),
        }
        return [
            TracedEvent(
                at=event["at"],
                subject=event["subject"],
                subject_id=event["subject_id"],
                before=event["from_state"],
                after=event["to_state"],
                reason=event["reason"],
            )
            for event in self._connection.execute(_queries()["events"], parameters)
        ]

    def latest_command(self, role: str, *words: str) -> tuple[str, ...]:
        """The newest command of this role that holds these words one after another; () for none."""
        parameters = {"role": role, "words": json.dumps(list(words))[1:-1]}
        found = self._connection.execute(_queries()["latest_command"], parameters).fetchone()
        return () if found is None else tuple(json.loads(found["command"]))

    def _study(self, row: sqlite3.Row, missing: int) -> TracedStudy:
        study_id = row["id"]
        return TracedStudy(
            id=study_id,
            study_instance_uid=row["study_instance_uid"],
            archive=row["archive"],
            whole=bool(row["whole"]),
            state=StudyState(row["state"]),
            reason=row["reason"],
            promised_by=row["promised_by"],
            expected=row["expected"],
            received=row["received"],
            surplus=row["surplus"],
            bytes=row["bytes"],
            attempts=row["attempts"],
            not_before=row["not_before"],
            verified=row["verified"],
            series=tuple(series[0] for series in self._run("series_of_study", study_id)),
            missing=tuple(instance[0] for instance in self._run("missing_of_study", study_id, missing)),
            attempted=tuple(_attempt(attempt) for attempt in self._run("attempts_of_study", study_id)),
            handovers=tuple(_handover(handover) for handover in self._run("handovers_of_study", study_id)),
            passed=self._passed("study", study_id),
        )

    def _passed(self, subject: Subject, subject_id: int) -> dict[str, Passed]:
        parameters = {"subject": subject, "subject_id": subject_id}
        rows = self._connection.execute(_queries()["passed"], parameters)
        return {row["archive"]: Passed(why=Why(row["why"]), reason=row["reason"]) for row in rows}

    def _run(self, name: str, *parameters: object) -> Iterator[sqlite3.Row]:
        return iter(self._connection.execute(_queries()[name], parameters))

    def _one(self, name: str, *parameters: object) -> sqlite3.Row | None:
        return next(self._run(name, *parameters), None)


def _attempt(row: sqlite3.Row) -> TracedAttempt:
    return TracedAttempt(
        archive=row["archive"],
        lane=row["lane"],
        level=row["level"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        status=row["status"],
        completed=row["completed"],
        failed=row["failed"],
        warning=row["warning"],
        charged=bool(row["charged"]),
        reason=row["reason"],
    )


def _handover(row: sqlite3.Row) -> TracedHandover:
    return TracedHandover(
        processor=row["processor"],
        state=HandoverState(row["state"]),
        reason=row["reason"],
        attempts=row["attempts"],
        not_before=row["not_before"],
        files=row["files"],
        held=row["held"],
    )
