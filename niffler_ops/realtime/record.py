"""The receiver's record: which files wait, who sends, what was passed on, what was launched."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from niffler_ops import database
from niffler_ops.clock import Clock, minute_of, timestamp
from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.ledger.launches import Launches
from niffler_ops.realtime.ages import AHEAD
from niffler_ops.realtime.silence import hour_of

_PACKAGE = "niffler_ops.realtime"


class Waiting(NamedTuple):
    """A file that was read: where it stands below StorageFolder, of which series, and when it was received.

    Without a study and series it could not be read, for a `reason`. The order is that of `add_file`.
    """

    path: str
    study: str
    series: str
    size: int
    received: str
    inode: int
    modified: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A file on the disk, as it was when it was read."""

    id: int
    path: str
    size: int
    inode: int
    modified: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a receiver stands: instances a second in the last minute, what is unread, what is not stored.

    `lag` is in seconds: how long the oldest of it waits. `store_reason`: why the store cannot be used.
    """

    rate: float
    unread: int
    unstored: int
    lag: float
    store_reason: str
    deletes_at: str | None
    pressure: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The files of one series that are on the disk; times of reception are ISO 8601 in UTC."""

    series: str
    study: str
    oldest: str
    newest: str
    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A study that a post-processor is to have: how many files there are, and when the newest came."""

    processor: str
    study: str
    files: int
    newest: str


SERIES_AT_ONCE = 200
HISTORY_MINUTES = 7 * 24 * 60


class Record:
    """The one writer's view; changes happen inside `transaction()`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._connection = database.connect(path, f"{_PACKAGE}.migrations")
        self._queries = database.named_queries(_PACKAGE, "queries.sql")
        self.launches = Launches(LedgerConnection(self._connection, clock))
        self._counted = self._counts()  # as the history has them

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        """One durable unit of changes."""
        return database.transaction(self._connection)

    def make(self, storage_folder: Path, local_entities: str) -> None:
        """Name the receiver, the first time."""
        self._run(
            "make_receiver",
            storage_folder=str(storage_folder),
            local_entities=local_entities,
            now=self._now(),
        )

    def started(self, *, local_entities: str, store: str) -> None:
        """A run begins; `store` is its URL as it may be shown."""
        self._run("started", now=self._now(), local_entities=local_entities, store=store)

    def stopped(self) -> None:
        """The run has ended in order."""
        self._run("stopped", now=self._now())

    def nightly_at(self) -> datetime | None:
        """When the nightly deletion was done last, at first when the receiver was made."""
        found = self._all("receiver")
        return datetime.fromisoformat(found[0]["nightly_at"]) if found and found[0]["nightly_at"] else None

    def nightly_done(self) -> None:
        """The nightly deletion has come to its end."""
        self._run("nightly_done", now=self._now())

    def fingerprint(self) -> str:
        """That of the secret that records are made with; "" until it is known."""
        found = self._all("receiver")
        return str(found[0]["fingerprint"]) if found else ""

    def keep_fingerprint(self, fingerprint: str) -> None:
        """From now on no other secret is taken."""
        self._run("keep_fingerprint", fingerprint=fingerprint)

    def touch(self, standing: Standing) -> None:
        """It is at work, and how it stands."""
        self._run("touched", now=self._now(), **asdict(standing))
        self._remember(standing)

    def _remember(self, standing: Standing) -> None:
        """What has come and gone since the last time belongs to this minute."""
        minute = minute_of(self._clock.now())
        counts = self._counts()
        since = {name: counts[name] - self._counted[name] for name in ("received", "bytes", "deleted_bytes")}
        self._counted = counts
        behind = {"lag": standing.lag, "unread": standing.unread, "unstored": standing.unstored}
        self._run("remember", minute=minute, **since, **behind)
        self._connection.execute(self._queries["forget_history"], (minute - HISTORY_MINUTES,))

    def has(self, file: Waiting) -> bool:
        """Whether this very file is recorded already."""
        return bool(self._all("same_file", file.path, file.inode, file.modified))

    def add(self, files: Iterable[Waiting]) -> None:
        """Files that were read, or could not be; of several with one path the last is there."""
        last = {file.path: file for file in files}
        self._connection.executemany(self._queries["forget_path"], [(path,) for path in last])
        self._connection.executemany(self._queries["add_file"], last.values())

    def link(self, links: Iterable[tuple[str, str, str]]) -> None:
        """The way back from pseudonyms: attribute, original, pseudonym."""
        self._connection.executemany(self._queries["add_link"], links)

    def count(self, **numbers: int) -> None:
        """Add to counts by name."""
        for name, number in numbers.items():
            if number:
                self._run("count", name=name, number=number)

    def tally(self, distinct: int) -> None:
        """So many of all readings are distinct instances; the others came again."""
        self._run("tally", distinct=distinct)

    def received(self) -> int:
        """How many distinct instances were received, ever."""
        return self._counts()["received"]

    def heard(self, aet: str, *, instances: int, size: int, first: str, last: str) -> None:
        """So many instances came from a sender, the first and last at these times."""
        self._run("seen_source", aet=aet, instances=instances, bytes=size, first=first, last=last)
        for hour in sorted({hour_of(first), hour_of(last)}):
            self._run("seen_hour", aet=aet, hour=hour)

    def sources(self) -> list[dict[str, Any]]:
        """Who sends, by AE title."""
        return [dict(row) for row in self._all("sources")]

    def habits(self) -> list[dict[str, Any]]:
        """In which hours of the week they send."""
        return [dict(row) for row in self._all("habits")]

    def series_by_age(self) -> Iterator[Series]:
        """The series that are on the disk, the one that came first first; looked up some at a time."""
        after = ("", "", "")
        while found := [Series(**dict(row)) for row in self._all("series_by_age", *after, SERIES_AT_ONCE)]:
            yield from found
            after = (found[-1].oldest, found[-1].study, found[-1].series)

    def files_of_series(self, series: Series, *, limit: int) -> list[Kept]:
        """Its files that were there when it was looked up, the one that came first first."""
        found = self._all("files_of_series", series.study, series.series, series.newest, limit)
        return [Kept(**dict(row)) for row in found]

    def files_of_study(self, study: str) -> list[str]:
        """Where its files stand."""
        return [row["path"] for row in self._all("files_of_study", study)]

    def forget(self, ids: Sequence[int]) -> None:
        """Files that are gone."""
        self._connection.executemany(self._queries["forget_file"], [(one,) for one in ids])

    def unreadable(self) -> int:
        """How many files cannot be read."""
        return int(self._all("unreadable_count")[0]["files"])

    def unreadable_files(self) -> dict[int, str]:
        """Where they stand, by the id of each."""
        return {row["id"]: row["path"] for row in self._all("unreadable_files")}

    def studies_due(self, processors: Sequence[str], *, until: datetime, most: int) -> list[Due]:
        """Studies that nothing came to since then, and that a post-processor has not had as they are now."""
        ahead = timestamp(self._clock.now() + AHEAD)
        asked = {
            "processors": json.dumps(processors),
            "until": timestamp(until),
            "ahead": ahead,
            "most": most,
        }
        rows = self._connection.execute(self._queries["studies_due"], asked)
        return [Due(**dict(row)) for row in rows]

    def study_on_disk(self, study: str) -> tuple[int, str]:
        """How many files of a study there are, and when the newest came."""
        (row,) = self._all("study_on_disk", study)
        return row["files"], row["newest"]

    def passed_of(self, study: str) -> dict[str, dict[str, Any]]:
        """What of a study was passed on, by post-processor."""
        return {row["processor"]: dict(row) for row in self._all("passed_of_study", study)}

    def pass_on(self, due: Due, *, attempts: int, failed: str) -> None:
        """A post-processor has worked on a study as it was then, or was given up."""
        self._run("pass", **asdict(due), attempts=attempts, failed=failed)

    def forget_passed(self) -> None:
        """Of studies that are gone."""
        self._run("forget_passed")

    def _counts(self) -> dict[str, int]:
        return {row["name"]: row["number"] for row in self._all("counts")}

    def _run(self, query: str, **named: object) -> None:
        self._connection.execute(self._queries[query], named)

    def _all(self, name: str, *positional: object) -> list[Any]:
        return self._connection.execute(self._queries[name], positional).fetchall()

    def _now(self) -> str:
        return timestamp(self._clock.now())
