"""The ledger as a whole: opening it, its transactions, and the extraction's own record."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from niffler_ops import database
from niffler_ops.clock import Clock, SystemClock, timestamp
from niffler_ops.files import failpoint
from niffler_ops.ledger import reading
from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.ledger.correction import Correction, correct
from niffler_ops.ledger.handovers import SUBJECT, Handovers
from niffler_ops.ledger.instances import Instances
from niffler_ops.ledger.launches import Launches
from niffler_ops.ledger.passing import Passing
from niffler_ops.ledger.rows import Rows
from niffler_ops.ledger.studies import Studies
from niffler_ops.model import CsvRow
from niffler_ops.states import HANDOVER_ENDS, STUDY_ENDS, HandoverState, RowState, StudyState

IMPORT_CACHE_KIB = 64 * 1024  # keys come in no order, and a page of their index that is not here is read anew

_BEGUN: Mapping[str, frozenset[str]] = {
    "row": frozenset({RowState.QUERYING, RowState.MATCHED}),
    "study": frozenset(set(StudyState) - STUDY_ENDS),
}

_HANDOVERS_OPEN = frozenset(set(HandoverState) - HANDOVER_ENDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractionRecord:
    """What the ledger remembers of the extraction itself; times are ISO 8601 or None.

    `reason`: why it pauses, or why its last run ended early where nobody asked for that.
    """

    configuration: Mapping[str, str]
    storage_folder: str
    csv_file: str
    csv_digest: str
    csv_header: tuple[str, ...]
    imported: bool
    created_at: str
    run_state: str
    started_at: str | None
    updated_at: str | None
    finished_at: str | None
    reason: str | None
    resumes_at: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentEnds:
    """Studies that reached their end lately, those `retrieved` whole or in part, and their instances.

    `looked_from` is the time of the oldest event that was looked at.
    """

    ended: int
    retrieved: int
    received: int
    looked_from: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseBegan:
    """The event with which a pause began."""

    event: int
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BadEnd:
    """A row that did not become done, at its `event`; `studies` are the UIDs of those to blame."""

    event: int
    line: int
    state: RowState
    reason: str
    studies: tuple[str, ...]


class Ledger:
    """The one writer's view; every change happens inside `transaction()`."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        shared = LedgerConnection(connection, clock)
        self._shared = shared
        self.rows = Rows(shared)
        self.studies = Studies(shared, self.rows)
        self.instances = Instances(shared)
        self.launches = Launches(shared)
        self.passing = Passing(shared)
        self.handovers = Handovers(shared)

    @classmethod
    def open(cls, path: Path, clock: Clock | None = None) -> "Ledger":
        """The ledger for its one writer, made or migrated as needed."""
        return cls(database.connect(path, "niffler_ops.ledger.migrations"), clock or SystemClock())

    @classmethod
    def open_read_only(cls, path: Path, *, at_rest: bool = False) -> "Ledger":
        """The ledger for readers, who keep their transactions short.

        `at_rest`: nobody has it open, so nothing is left beside it; the caller looks whether it stayed so.
        Raises MissingInputError where there is none or it is damaged.
        """
        return cls(reading.connect(path, at_rest=at_rest), SystemClock())

    def close(self) -> None:
        """Close the connection; open statements end."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable unit of changes."""
        with database.transaction(self._connection):
            yield
            failpoint("commit-before")
        failpoint("commit-after")

    @contextmanager
    def _large_cache(self) -> Iterator[None]:
        """For a transaction that writes as many rows as the CSV has lines."""
        usual = self._connection.execute("PRAGMA cache_size").fetchone()[0]
        self._connection.execute(f"PRAGMA cache_size={-IMPORT_CACHE_KIB}")
        try:
            yield
        finally:
            self._connection.execute(f"PRAGMA cache_size={usual}")
            self._connection.execute("PRAGMA shrink_memory")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads that agree with each other."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def record(self) -> ExtractionRecord | None:
        """The extraction's own record; None before `create`."""
        row = self._shared.one("extraction")
        if row is None:
            return None
        return ExtractionRecord(
            configuration=json.loads(row["configuration"]),
            storage_folder=row["storage_folder"],
            csv_file=row["csv_file"],
            csv_digest=row["csv_digest"],
            csv_header=tuple(json.loads(row["csv_header"])),
            imported=bool(row["imported"]),
            created_at=row["created_at"],
            run_state=row["run_state"],
            started_at=row["started_at"],
            updated_at=row["updated_at"],
            finished_at=row["finished_at"],
            reason=row["pause_reason"],
            resumes_at=row["resumes_at"],
        )

    def create(
        self,
        *,
        configuration: Mapping[str, str],
        storage_folder: Path,
        csv_file: Path,
        csv_digest: str,
        csv_header: tuple[str, ...],
        rows: Iterable[CsvRow],
    ) -> None:
        """Record the extraction and import every line of the CSV, all or nothing."""
        with self._large_cache(), self.transaction():
            self._shared.run(
                "create_extraction",
                configuration=json.dumps(dict(configuration), sort_keys=True),
                storage_folder=str(storage_folder),
                csv_file=str(csv_file),
                csv_digest=csv_digest,
                csv_header=json.dumps(csv_header),
                now=self._now(),
            )
            self.rows.import_rows(rows)
            self._shared.run("import_complete", now=self._now())
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def correct(
        self, *, csv_file: Path, csv_digest: str, csv_header: tuple[str, ...], rows: Iterable[CsvRow]
    ) -> Correction:
        """Take a corrected CSV in place of the one before, all or nothing."""
        with self._large_cache(), self.transaction():
            correction = correct(self._shared, self.rows, rows)
            self._shared.run(
                "csv_changed",
                csv_file=str(csv_file),
                csv_digest=csv_digest,
                csv_header=json.dumps(csv_header),
                now=self._now(),
            )
        return correction

    def run_started(self) -> None:
        """A supervisor works on the extraction from now on."""
        self._shared.run("run_started", now=self._now())

    def run_ended(self, run_state: str, reason: str | None = None) -> None:
        """The run ended in order: `stopped` or `finished`; `reason` where nobody asked it to stop."""
        self._shared.run("run_ended", run_state=run_state, reason=reason, now=self._now())

    def pause(self, reason: str, *, until: datetime | None) -> None:
        """Nothing new begins, for this reason, until then (None: until it is mended)."""
        resumes_at = None if until is None else timestamp(until)
        self._shared.run("run_paused", reason=reason, resumes_at=resumes_at, now=self._now())

    def go_on(self) -> None:
        """The pause is over."""
        self._shared.run("run_goes_on", now=self._now())

    def asked(self, reason: str) -> None:
        """Somebody asked the run for something: an event that leaves its state as it is."""
        self._shared.run("run_asked", reason=reason)

    def touch(self) -> None:
        """The supervisor was alive just now."""
        self._shared.run("run_touched", now=self._now())

    def shorten_waits(self, most: float) -> int:
        """The clock was set back: nothing waits for more than `most` seconds; gives how much did."""
        latest = self._shared.now_seconds() + most
        return sum(
            self._shared.run(query, latest=latest).rowcount
            for query in (
                "shorten_waits_of_rows",
                "shorten_waits_of_found",
                "shorten_waits_of_listed",
                "shorten_waits_of_handovers",
            )
        )

    def tallies(self) -> dict[tuple[str, str], int]:
        """Numbers by subject and name, kept by triggers: 0.1 ms whatever the number of rows."""
        return {(row["subject"], row["name"]): row["number"] for row in self._shared.all("tallies")}

    def count_unexpected(self, files: int) -> None:
        """Add to the number of files that went to unexpected/."""
        self._shared.run("count_unexpected", files=files)

    def latest_pause(self, *, events: int) -> PauseBegan | None:
        """When the latest pause began, whatever its causes since, as far as the newest `events` tell."""
        row = self._shared.one("latest_pause", events=events)
        return None if row is None else PauseBegan(event=row["id"], at=row["at"])

    def recent_ends(self, *, since: str, events: int, last: int | None = None) -> RecentEnds:
        """Studies that ended after `since` (ISO 8601, UTC), as far as the newest `events` tell.

        With `last` only what had happened at the event with this id.
        """
        last = self.last_event() if last is None else last
        row = self._shared.one("recent_ends", since=since, events=events, last=last)
        assert row is not None  # noqa: S101 - an aggregate always gives a row
        return RecentEnds(
            ended=row["ended"],
            retrieved=row["retrieved"],
            received=row["received"],
            looked_from=row["looked_from"],
        )

    def last_event(self) -> int:
        """The id of the newest event; 0 where there is none."""
        row = self._shared.one("last_event")
        return 0 if row is None else int(row["id"])

    def bad_ends(self, *, after: int, limit: int) -> list[BadEnd]:
        """Rows that became partial, failed or not_found after the event with this id, oldest first."""
        return [
            BadEnd(
                event=row["event"],
                line=row["line"],
                state=RowState(row["state"]),
                reason=row["reason"],
                studies=tuple(row["uids"].split(",")) if row["uids"] else (),
            )
            for row in self._shared.all("bad_ends", after=after, limit=limit)
        ]

    def report_rows(self) -> Iterator[sqlite3.Row]:
        """Every row by line with what its studies came to, streamed."""
        return self._shared.run("report_rows")

    def open_work(self, *, last_line: int | None = None) -> bool:
        """Whether any row is not at its end; with `last_line` those up to this line of the CSV."""
        tallies = self.tallies()
        work = tallies["row", RowState.PENDING] or any(
            number and name in _BEGUN.get(subject, frozenset()) for (subject, name), number in tallies.items()
        )
        return bool(work) and (last_line is None or self.rows.open_up_to(last_line))

    def open_handovers(self) -> bool:
        """Whether a post-processor has work left."""
        return any(
            number and subject.startswith(SUBJECT) and name in _HANDOVERS_OPEN
            for (subject, name), number in self.tallies().items()
        )

    def open_queries(self, *, last_line: int | None = None) -> bool:
        """Whether any row is still to be asked for."""
        tallies = self.tallies()
        return bool(tallies["row", RowState.QUERYING]) or self._pending(tallies, last_line)

    def answered_studies(self) -> Iterator[sqlite3.Row]:
        """In the CFIND modes: each study with its lines and attributes, streamed."""
        return iter(self._shared.run("answered_studies"))

    def answered_series(self) -> Iterator[sqlite3.Row]:
        """In CFIND-DETAILED: each series with its attributes, streamed."""
        return iter(self._shared.run("answered_series"))

    def seconds_of_moves(self) -> float:
        """How long movescu processes have run together, in seconds."""
        row = self._shared.one("seconds_of_moves")
        return 0.0 if row is None else float(row[0])

    def _pending(self, tallies: Mapping[tuple[str, str], int], last_line: int | None) -> bool:
        pending = bool(tallies["row", RowState.PENDING])
        return pending and (last_line is None or self.rows.pending_up_to(last_line))

    def _now(self) -> str:
        return timestamp(self._clock.now())
