"""How a receiver stands: read from its record, also while it runs and after it crashed."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from niffler_ops import database
from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.processes.identity import Identity, is_alive
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.silence import silent
from niffler_ops.reporting.words import counted, size
from niffler_ops.terminal import printable

if TYPE_CHECKING:
    from niffler_ops.metadata import Refusal

SHOWN = 100
NAMED = 5  # for people; the JSON has more

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiverStatus:
    """What the record says; `state` is `running`, `stopped` or `crashed`."""

    gathered_at: datetime
    state: str
    receiver: Mapping[str, Any]
    counts: Mapping[str, int]
    waiting: Mapping[str, Any]
    sources: tuple[Mapping[str, Any], ...]
    unreadable: tuple[Mapping[str, Any], ...]
    unreadable_files: int
    refused: "tuple[Refusal, ...]"
    processes: tuple[Mapping[str, Any], ...]

    @property
    def storage_folder(self) -> str:
        """Where it receives into."""
        return str(self.receiver["storage_folder"])


def is_receiver(place: Place) -> bool:
    """Whether a receiver has worked in the folder."""
    return os.path.exists(place.record)  # noqa: PTH110 - Path.exists raises where it may not look


def gather(place: Place, clock: Clock) -> ReceiverStatus:
    """Read the record. MissingInputError where it cannot be read."""
    from niffler_ops.metadata import read_refusals  # noqa: PLC0415  its import takes longer than others may wait

    def read(connection: sqlite3.Connection, queries: Mapping[str, str]) -> ReceiverStatus:
        return _read(connection, queries, clock.now(), tuple(read_refusals(place.journal, SHOWN)))

    return consult(place, read)


def consult(place: Place, read: Callable[[sqlite3.Connection, Mapping[str, str]], Answer]) -> Answer:
    """What is read of the record in one short transaction. MissingInputError where it cannot be read."""
    queries = database.named_queries("niffler_ops.realtime", "queries.sql")
    try:
        with closing(database.connect_read_only(place.record)) as connection:
            connection.execute("BEGIN")
            return read(connection, queries)
    except sqlite3.DatabaseError as error:
        raise MissingInputError(f"{place.record}: it cannot be read ({database.told(error)})") from None


def _read(
    connection: sqlite3.Connection, queries: Mapping[str, str], now: datetime, refused: "tuple[Refusal, ...]"
) -> ReceiverStatus:
    def rows(name: str, *parameters: object) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(queries[name], parameters)]

    receiver = rows("receiver")
    if not receiver:
        raise MissingInputError("the receiver has not been started yet")
    processes = [_process(row) for row in rows("shown_processes")]
    alive = any(process["role"] == "supervisor" and process["alive"] for process in processes)
    state = receiver[0]["run_state"]
    sources = rows("sources")
    quiet = silent(sources, rows("habits"), now)
    return ReceiverStatus(
        gathered_at=now,
        state="crashed" if state == "running" and not alive else state,
        receiver=receiver[0],
        counts={row["name"]: row["number"] for row in rows("counts")},
        waiting=rows("files_waiting")[0],
        sources=tuple(source | {"silent": source["aet"] in quiet} for source in sources),
        unreadable=tuple(rows("unreadable", SHOWN)),
        unreadable_files=rows("unreadable_count")[0]["files"],
        refused=refused,
        processes=tuple(processes),
    )


def _process(row: Mapping[str, Any]) -> dict[str, Any]:
    alive = (
        row["ended_at"] is None
        and row["pid"] is not None
        and is_alive(Identity(pid=row["pid"], start_ticks=row["start_ticks"], boot_id=row["boot_id"]))
    )
    return {"role": row["role"], "pid": row["pid"], "alive": alive, "restarts": row["restarts"]}


def status_json(status: ReceiverStatus) -> dict[str, Any]:
    """The object of `niffler-status --json` for a receiver."""
    receiver = status.receiver
    return {
        "receiver": {
            "state": status.state,
            "storage_folder": receiver["storage_folder"],
            "local_entities": receiver["local_entities"].split(", "),
            "store": receiver["store"],
            "store_reason": receiver["store_reason"],
            "started_at": receiver["started_at"],
            "updated_at": receiver["updated_at"],
            "next_deletion": receiver["deletes_at"],
            "pressure": receiver["pressure"],
        },
        "instances": {"received": status.counts["received"], "repeated": status.counts["repeated"]},
        "bytes_received": status.counts["bytes"],
        "rate": {"instances_per_second": receiver["rate"]},
        "backlog": {
            "unread_files": receiver["unread"],
            "unstored_series": receiver["unstored"],
            "lag_seconds": receiver["lag"],
        },
        "waiting": {"files": status.waiting["files"], "bytes": status.waiting["bytes"]},
        "deleted": {"files": status.counts["deleted"], "bytes": status.counts["deleted_bytes"]},
        "unreadable": {
            "files": status.unreadable_files,
            "first": [{"path": row["path"], "reason": row["reason"]} for row in status.unreadable],
        },
        "refused": [{"series": one.series, "reason": one.reason} for one in status.refused],
        "sources": list(status.sources),
        "processes": list(status.processes),
    }


def status_text(status: ReceiverStatus) -> str:
    """The same in words, for a terminal."""
    receiver, counts = status.receiver, status.counts
    lines = [
        _fact("Receiver", receiver["storage_folder"], receiver["local_entities"]),
        _fact("State", status.state, f"last entry {_time(receiver['updated_at'])}"),
        _fact("Store", receiver["store"], receiver["store_reason"]),
        _fact("Received", *_amount(counts["received"], counts["bytes"]), f"{receiver['rate']:,.1f} a second"),
        _fact(
            "Backlog",
            f"{receiver['unread']:,} files not read",
            f"{receiver['unstored']:,} series not stored",
            f"{receiver['lag']:,.0f} s behind",
        ),
        _fact(
            "Waiting",
            *_amount(status.waiting["files"], status.waiting["bytes"]),
            f"next deletion {_time(receiver['deletes_at'])}",
        ),
        _fact("Deleted", *_amount(counts["deleted"], counts["deleted_bytes"])),
    ]
    if receiver["pressure"]:
        lines.append(_fact("Disk", receiver["pressure"]))
    if status.unreadable_files:
        lines.append(_fact("Unreadable", f"{status.unreadable_files:,} files, which are never deleted"))
        lines += [f"{'':12}{one['path']}: {printable(one['reason'])}" for one in status.unreadable[:NAMED]]
    if status.refused:
        lines.append(
            _fact("Refused", f"{len(status.refused):,} series by the store", status.refused[0].reason)
        )
    lines += [
        f"From {source['aet']:16} {source['instances']:,} instances, last {_time(source['last_at'])}"
        + (" - silent" if source["silent"] else "")
        for source in status.sources
    ]
    return "\n".join(lines) + "\n"


def _fact(label: str, *texts: str) -> str:
    return f"{label:12}" + ", ".join(text for text in texts if text)


def _amount(instances: int, length: int) -> tuple[str, str]:
    return counted(instances, "instance"), size(length)


def _time(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if text else "unknown"
