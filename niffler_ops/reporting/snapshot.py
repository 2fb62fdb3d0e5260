"""status.json: the status as the supervisor last saw it, for where the ledger cannot be opened.

It holds no identifiers: rows by line, and the UIDs in a reason as hashes. It is replaced as a whole, and
costs no sync: what a power failure leaves of it is found to be no snapshot.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from niffler_ops.clock import Clock, timestamp
from niffler_ops.errors import MissingInputError
from niffler_ops.files import write_private
from niffler_ops.layout import SNAPSHOT, Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.model import Shard
from niffler_ops.processes.identity import Identity, boot_id, identify, is_alive
from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.narration import without_uids
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.standing import Standing, read_standing, read_told, standing_json
from niffler_ops.reporting.status import (
    AT_WORK,
    LONGEST_SECONDS,
    ExtractionState,
    Problem,
    ProcessStatus,
    Status,
    gather,
)
from niffler_ops.reporting.status_json import status_json
from niffler_ops.states import RowState

WRITTEN_EVERY_SECONDS = 5.0
SILENT_AFTER = timedelta(minutes=2)  # seen from another machine, a supervisor that writes nothing is gone
PROBLEMS_KEPT = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A status, and what its supervisor told; `note` says of what age it is, "" where the ledger was read."""

    status: Status
    standing: Standing = field(default_factory=Standing)
    note: str = ""


class Snapshots:
    """A display of the supervisor: replaces status.json every few seconds, and never stops the run."""

    def __init__(self, layout: Layout, clock: Clock, standing: Callable[[], Standing] = Standing) -> None:
        """`standing` gives what the supervisor knows beside the ledger."""
        self._layout = layout
        self._clock = clock
        self._standing = standing
        self._due = clock.monotonic()
        self._complained = False

    def show(self, _ledger: Ledger) -> None:
        """Write when it is time; the ledger is read as every other reader does."""
        if self._clock.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write now, as at the end of a run; what cannot be written is logged once."""
        self._due = self._clock.monotonic() + WRITTEN_EVERY_SECONDS
        try:
            status, standing = gather(self._layout, clock=self._clock), self._standing()
            status = replace(status, night=standing.night)
            write_snapshot(self._layout, status, identify(os.getpid()), standing)
        except (OSError, sqlite3.Error, MissingInputError) as error:
            if not self._complained:
                log.warning("%s: not brought up to date: %s", self._layout.snapshot, error)
            self._complained = True


def write_snapshot(
    layout: Layout, status: Status, supervisor: Identity | None, standing: Standing | None = None
) -> None:
    """Replace status.json; `supervisor` tells a reader on the same machine whether it still lives."""
    content = status_json(replace(status, problems=status.problems[:PROBLEMS_KEPT]))
    for problem in content["problems"]:
        problem["reason"] = without_uids(problem["reason"])
    content["standing"] = standing_json(standing or Standing())
    content["snapshot"] = {
        "written_at": timestamp(status.gathered_at),
        "supervisor": None
        if supervisor is None
        else {
            "pid": supervisor.pid,
            "start_ticks": supervisor.start_ticks,
            "boot_id": supervisor.boot_id,
        },
    }
    path = layout.snapshot
    temporary = path.with_name(f".{SNAPSHOT}.part")
    write_private(temporary, json.dumps(content, indent=1).encode("utf-8", "replace"))
    temporary.replace(path)  # no step of the extraction, so no failpoint of files.rename


def look(layout: Layout, *, clock: Clock) -> Seen:
    """The status from the ledger, or where that is out of reach here from status.json.

    Out of reach: on a read-only mount after a crash, or in a LedgerFolder of another machine. A ledger that
    can be opened and is damaged is told. Raises MissingInputError.
    """
    try:
        return with_standing(layout, gather(layout, clock=clock))
    except MissingInputError as error:
        if not _out_of_reach(layout):
            raise
        try:
            status = read_snapshot(layout, clock=clock)
        except MissingInputError:
            raise error from None
        age = f"{status.gathered_at.astimezone():%Y-%m-%d %H:%M:%S %z}"
        return with_standing(layout, status, f"as of {age}, from {layout.snapshot}, because {error}")


def with_standing(layout: Layout, status: Status, note: str = "") -> Seen:
    """A status with what its supervisor told of it."""
    standing = read_standing(layout, SNAPSHOT, status)
    told = replace(status, night=standing.night, eta_seconds=_at_least(status, standing.limit))
    return Seen(status=told, standing=standing, note=note)


def _at_least(status: Status, limit: float | None) -> int | None:
    """The time that is left, where archives are held to a limit: of late they may have been quicker."""
    if status.eta_seconds is None or limit is None:
        return status.eta_seconds
    seconds = round(max(status.expected - status.received, 0) / limit)
    return min(max(status.eta_seconds, seconds), LONGEST_SECONDS)


def read_snapshot(layout: Layout, *, clock: Clock) -> Status:
    """What status.json says; `gathered_at` is when it was written. MissingInputError where there is none.

    Of one that was at work and is no more, the state is `crashed`: on the same machine its supervisor does
    not live any more, on another one it has written nothing for SILENT_AFTER.
    """
    path = layout.snapshot
    try:
        content = read_told(layout, SNAPSHOT)
        status = _status(content)
        supervisor = _identity(content["snapshot"]["supervisor"])
    except OSError as error:
        raise MissingInputError(f"{path}: it cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MissingInputError(f"{path}: it is no status that this program wrote.") from None
    if status.state in AT_WORK and not _at_work(supervisor, clock.now() - status.gathered_at):
        return replace(
            status,
            state=ExtractionState.CRASHED,
            pause_reason=None,
            resumes_at=None,
            rate=Rate(),
            eta_seconds=None,
            processes=tuple(replace(process, alive=False) for process in status.processes),
        )
    return status


def _out_of_reach(layout: Layout) -> bool:
    try:
        layout.ledger.stat()
    except FileNotFoundError:
        return layout.ledger_folder is not None
    except OSError:
        return True
    # By the real and the effective user: asked for the latter, an older libc does not look at the mount.
    return not all(os.access(layout.local, os.W_OK, effective_ids=effective) for effective in (False, True))


def _at_work(supervisor: Identity | None, age: timedelta) -> bool:
    if supervisor is not None and supervisor.boot_id == boot_id():
        return is_alive(supervisor)
    return age < SILENT_AFTER


def _identity(content: Mapping[str, Any] | None) -> Identity | None:
    return None if content is None else Identity(**content)


def _status(content: Mapping[str, Any]) -> Status:
    extraction, studies = content["extraction"], dict(content["studies"])
    unverified = studies.pop("unverified")
    return Status(
        state=ExtractionState(extraction["state"]),
        storage_folder=extraction["storage_folder"],
        csv_file=extraction["csv_file"],
        started_at=extraction["started_at"],
        updated_at=extraction["updated_at"],
        finished_at=extraction["finished_at"],
        pause_reason=extraction["pause_reason"],
        resumes_at=extraction["resumes_at"],
        stop_reason=extraction.get("stop_reason"),
        gathered_at=datetime.fromisoformat(content["snapshot"]["written_at"]),
        rows=_counts(content["rows"]),
        studies=_counts(studies),
        unverified=unverified,
        expected=content["instances"]["expected"],
        received=content["instances"]["received"],
        bytes_received=content["bytes_received"],
        rate=Rate(
            studies_per_hour=content["rate"]["studies_per_hour"],
            instances_per_second=content["rate"]["instances_per_second"],
        ),
        eta_seconds=content["eta_seconds"],
        processes=tuple(ProcessStatus(**process) for process in content["processes"]),
        post={name: PostCounts(**_without_total(post)) for name, post in content["post"].items()},
        problems=tuple(
            Problem(line=problem["line"], outcome=RowState(problem["outcome"]), reason=problem["reason"])
            for problem in content["problems"]
        ),
        unexpected_files=content["unexpected_files"],
        created_at=extraction.get("created_at"),
        lists_only=extraction.get("lists_only", False),
        shard=Shard.parse(extraction["shard"]) if extraction.get("shard") else None,
        csv_digest=extraction.get("csv_digest", ""),
    )


def _counts(content: Mapping[str, int]) -> Counts:
    return Counts(**_without_total(content))


def _without_total(content: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in content.items() if name != "total"}
