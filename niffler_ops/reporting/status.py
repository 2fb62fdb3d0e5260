"""Where an extraction stands, gathered from its ledger without changing anything."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from niffler_ops.clock import Clock
from niffler_ops.layout import Layout
from niffler_ops.ledger.launches import Launch
from niffler_ops.ledger.reading import not_imported, understood
from niffler_ops.ledger.store import ExtractionRecord, Ledger
from niffler_ops.ledger.watching import newest_problems
from niffler_ops.model import Listing, Shard
from niffler_ops.processes.identity import Identity, is_alive
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.counts import Counts, PostCounts, post_counts, row_counts, study_counts
from niffler_ops.reporting.pace import read_pace
from niffler_ops.reporting.rate import Overall, Rate, eta_seconds, overall
from niffler_ops.stages.windows import Window
from niffler_ops.states import RowState

MAX_PROBLEMS = 1000  # listed; all are counted, and all are in report.csv
LARGEST = 2**53  # of a count
LONGEST_SECONDS = 10**12
NEWEST_PROBLEMS = 10  # of more than these, those that ended last are wanted


class ExtractionState(StrEnum):
    """What an operator wants to know first."""

    RUNNING = "running"  # its supervisor is at work
    PAUSED = "paused"  # its supervisor waits for the night, or for room on a disk
    STOPPED = "stopped"  # ended in order before the end, or never started
    CRASHED = "crashed"  # its supervisor is gone and did not say so
    FINISHED = "finished"  # every row is at its end


LISTS_ONLY = frozenset(json.dumps(str(mode)) for mode in Listing)  # as the ledger has FilePath
AT_WORK = frozenset({ExtractionState.RUNNING, ExtractionState.PAUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessStatus:
    """A process of the latest run; `restarts` counts how often it had to be launched again."""

    role: str
    pid: int
    alive: bool
    restarts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A row that ended otherwise than done, by its line in the CSV."""

    line: int
    outcome: RowState
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Amounts:
    """The numbers of one extraction, or of several together.

    `lists_only`: it asks what there is, and retrieves nothing.
    """

    rows: Counts
    studies: Counts
    unverified: int
    expected: int
    received: int
    bytes_received: int
    rate: Rate
    eta_seconds: int | None
    unexpected_files: int
    lists_only: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Status(Amounts):
    """An extraction at the instant `gathered_at`; times are ISO 8601 or None.

    `created_at`: when its first run began. `shard`: the part of its list that it works on, None for all.
    `csv_digest`: the SHA-256 of the list. `night`: the hours in which the archives may be asked, None for all
    and where no supervisor has told, which the ledger does not know. `problems`: the first by line.
    `newest_problems`: those that ended last, by line; none where there are few, or all ended long ago.
    `stop_reason`: why it ended early, None where somebody asked for that.
    """

    state: ExtractionState
    storage_folder: str
    csv_file: str
    started_at: str | None
    updated_at: str | None
    finished_at: str | None
    pause_reason: str | None
    resumes_at: str | None
    gathered_at: datetime
    processes: tuple[ProcessStatus, ...]
    post: Mapping[str, PostCounts]
    problems: tuple[Problem, ...]
    created_at: str | None = None
    shard: Shard | None = None
    csv_digest: str = ""
    night: Window | None = None
    newest_problems: tuple[Problem, ...] = ()
    stop_reason: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError or TypeError where a time, number or text is none: others may have written it."""
        for moment in (self.created_at, self.started_at, self.updated_at, self.finished_at, self.resumes_at):
            if moment is not None:
                datetime.fromisoformat(moment)
        counted: list[Counts | PostCounts] = [self.rows, self.studies, *self.post.values()]
        for counts in counted:
            _require_counts(*(getattr(counts, field.name) for field in fields(counts)))
        _require_counts(self.unverified, self.expected, self.received, self.bytes_received)
        _require_counts(self.unexpected_files, *(one.pid for one in self.processes))
        _require_counts(*(one.restarts for one in self.processes))
        rate, seconds = self.rate, self.eta_seconds
        for number in (rate.studies_per_hour, rate.instances_per_second, rate.ends_per_second):
            if not math.isfinite(number):
                raise ValueError("a rate that is none")
        if seconds is not None and not 0 <= seconds <= LONGEST_SECONDS:
            raise ValueError("a time that is none")
        texts = [
            self.storage_folder,
            self.csv_file,
            self.pause_reason or "",
            self.stop_reason or "",
            *(one.role for one in self.processes),
        ]
        if not all(isinstance(text, str) for text in (*texts, *(one.reason for one in self.problems))):
            raise TypeError("a text that is none")


def _require_counts(*numbers: int) -> None:
    if not all(type(number) is int and 0 <= number <= LARGEST for number in numbers):
        raise ValueError("a count that is none")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """What one transaction read, and when."""

    at: datetime
    record: ExtractionRecord
    tallies: dict[tuple[str, str], int]
    launches: list[Launch]
    problems: list[tuple[int, RowState, str]]
    newest: list[tuple[int, RowState, str]]
    pace: Rate


def gather(layout: Layout, *, clock: Clock) -> Status:
    """The status of the extraction in this StorageFolder; MissingInputError where there is none to read."""
    with understood(layout.ledger):
        return _gathered(layout, clock)


def _gathered(layout: Layout, clock: Clock) -> Status:
    reading = _read(layout, clock)
    alive = _supervisor_lives(reading)
    while _state(reading, alive=alive) is ExtractionState.CRASHED:
        # It may have ended in order after the ledger was read: what it wrote last is there now.
        before = reading.launches[:1]
        reading = _read(layout, clock)
        alive = _supervisor_lives(reading)
        if reading.launches[:1] == before:
            break
    return _status(reading, _state(reading, alive=alive))


def overall_of(status: Status) -> Overall | None:
    """The rate since the first run began; None of one that was stopped, whose time is not its own."""
    end = status.finished_at if status.state is ExtractionState.FINISHED else status.gathered_at.isoformat()
    if status.created_at is None or end is None or status.state not in {*AT_WORK, ExtractionState.FINISHED}:
        return None
    return overall(
        studies=status.studies.done + status.studies.partial,
        instances=status.received,
        begun=datetime.fromisoformat(status.created_at),
        end=datetime.fromisoformat(end),
    )


def _read(layout: Layout, clock: Clock) -> _Reading:
    now = clock.now()

    def look(ledger: Ledger) -> _Reading:
        record = ledger.record()
        if record is None or not record.imported:
            raise not_imported(layout.ledger)
        tallies = ledger.tallies()
        many = row_counts(tallies).problems > NEWEST_PROBLEMS
        return _Reading(
            at=now,
            record=record,
            tallies=tallies,
            launches=ledger.launches.shown(),
            problems=ledger.rows.problems(MAX_PROBLEMS),
            newest=newest_problems(ledger, limit=NEWEST_PROBLEMS) if many else [],
            pace=read_pace(ledger, record, tallies, now),
        )

    return consult(layout.ledger, look)


def _supervisor_lives(reading: _Reading) -> bool:
    """By identity alone: it records its own end a little before the end of the run."""
    return any(_lives(launch) for launch in reading.launches[:1])


def _lives(launch: Launch) -> bool:
    if launch.pid is None or launch.start_ticks is None or launch.boot_id is None:
        return False
    return is_alive(Identity(pid=launch.pid, start_ticks=launch.start_ticks, boot_id=launch.boot_id))


def _state(reading: _Reading, *, alive: bool) -> ExtractionState:
    state = ExtractionState(reading.record.run_state)
    if state in AT_WORK and not alive:
        return ExtractionState.CRASHED
    return state


def _status(reading: _Reading, state: ExtractionState) -> Status:
    record, tallies = reading.record, reading.tallies
    running = state in AT_WORK
    rows, studies = row_counts(tallies), study_counts(tallies)
    if state is ExtractionState.STOPPED:
        rows, studies = rows.at_rest(), studies.at_rest()
    return Status(
        state=state,
        storage_folder=record.storage_folder,
        csv_file=record.csv_file,
        started_at=record.started_at,
        updated_at=record.updated_at,
        finished_at=record.finished_at,
        pause_reason=record.reason if state is ExtractionState.PAUSED else None,
        stop_reason=record.reason if state is ExtractionState.STOPPED else None,
        resumes_at=record.resumes_at if state is ExtractionState.PAUSED else None,
        gathered_at=reading.at,
        rows=rows,
        studies=studies,
        unverified=tallies.get(("verified", "unverified"), 0),
        expected=tallies.get(("instance", "expected"), 0),
        received=tallies.get(("instance", "received"), 0),
        bytes_received=tallies.get(("instance", "bytes"), 0),
        rate=reading.pace if state is ExtractionState.RUNNING else Rate(),
        eta_seconds=eta_seconds(rows, studies, reading.pace) if running else None,
        processes=_processes(reading.launches, running=running),
        post=post_counts(tallies),
        problems=_problems(reading.problems),
        newest_problems=_problems(sorted(reading.newest)),
        unexpected_files=tallies.get(("unexpected", "files"), 0),
        created_at=record.created_at,
        lists_only=record.configuration.get("FilePath") in LISTS_ONLY,
        shard=_shard(record.configuration.get("Shard", "null")),
        csv_digest=record.csv_digest,
    )


def _problems(rows: Iterable[tuple[int, RowState, str]]) -> tuple[Problem, ...]:
    return tuple(Problem(line=line, outcome=outcome, reason=reason) for line, outcome, reason in rows)


def _shard(value: str) -> Shard | None:
    """As the ledger has the key: JSON, of `K/N` or of null."""
    text = json.loads(value)
    return None if text is None else Shard.parse(text)


def _processes(launches: list[Launch], *, running: bool) -> tuple[ProcessStatus, ...]:
    """The supervisor, the latest storescp, and the tools whose end is not recorded."""
    receivers = [launch for launch in launches if launch.role == "storescp" and launch.pid is not None]
    others = [launch for launch in launches if launch.role not in {"supervisor", "storescp"}]
    return tuple(
        ProcessStatus(
            role=launch.role,
            pid=launch.pid,
            alive=(launch.ended_at is None or (running and launch.role == "supervisor")) and _lives(launch),
            restarts=len(receivers) - 1 if launch.role == "storescp" else 0,
        )
        for launch in (*launches[:1], *receivers[-1:], *others)
        if launch.pid is not None
    )
