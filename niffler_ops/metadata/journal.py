"""What was read of instances and is not yet in the store: durable, whatever ends the process.

An instance that `add` has returned for is never lost. A series stays due until the store has acknowledged
its record; where the process ends in between, the same record is stored again, which changes nothing. What
was acknowledged is marked in store and journal: a store whose mark is older has lost records.

A journal may serve for years. After `forget` a settled series is a few hundred bytes and eight for each
instance, from which a late instance still updates its record and a repeated one is still told.
"""

import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from niffler_ops import database
from niffler_ops.clock import Clock, SystemClock, timestamp
from niffler_ops.files import failpoint
from niffler_ops.metadata.delivery import deliver
from niffler_ops.metadata.featureset import Featureset
from niffler_ops.metadata.folding import Fold
from niffler_ops.metadata.opening import connect
from niffler_ops.metadata.stores import Store
from niffler_ops.metadata.values import Facts

_PACKAGE = "niffler_ops.metadata"
_SERIES_AT_ONCE = 50
_DIGEST_BYTES = 16
_FOLDED_BYTES = 8  # within one series, two in a million instances are alike once in 10^7 such series
_ANY_TIME = "~"  # later than every time

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The facts of an instance, and when it was received, with zone, where that is to be known."""

    facts: Facts
    received: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """What is due: series, instances of theirs in detail, and since when the series unchanged longest is."""

    series: int
    instances: int
    oldest: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesState:
    """How many instances of a series are known, whether the store has them all, and the last change."""

    instances: int
    stored: bool
    changed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A series whose record the store does not take, and why."""

    series: str
    reason: str


class Journal:
    """A queue in an SQLite file, for the one thread that made it; of several processes, one may flush."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._connection = connect(path, f"{_PACKAGE}.migrations")
        self._queries = database.named_queries(_PACKAGE, "journal.sql")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, readings: Iterable[Reading]) -> int:
        """Take in instances, durably; gives how many are new.

        Of one that is in its series already the facts are replaced, unless they are folded, and the first
        time of reception stays.
        """
        by_series: dict[str, list[Reading]] = {}
        for reading in readings:
            by_series.setdefault(str(reading.facts["SeriesInstanceUID"]), []).append(reading)
        if not by_series:
            return 0
        with database.transaction(self._connection):
            self._connection.execute(self._queries["next_revision"])
            revision = int(self._one("last_revision")["last"])
            new = sum(self._add(uid, members, revision) for uid, members in by_series.items())
            self._connection.execute(self._queries["instances_added"], (new,))
            return new

    def flush(
        self, store: Store, featuresets: Sequence[Featureset], *, changed_before: datetime | None = None
    ) -> int:
        """Store the records of all series that are due, in a collection for each featureset; gives how many.

        With `changed_before` only those that were quiet since. Where the store was lost, or is an older copy,
        all series are due. Raises what the store raises where it cannot be used; what is not acknowledged
        stays due. What it refuses is among `refusals` until it changes, or is tried again.
        """
        mark = self._agreed(store)
        limits = {
            "last": self._one("last_revision")["last"],
            "changed_before": _ANY_TIME if changed_before is None else timestamp(changed_before),
            "most": _SERIES_AT_ONCE,
        }
        number, after = 0, {"revision": 0, "id": 0}
        while due := self._all("to_store", limits | after):
            with self._snapshot():
                folds = {series["id"]: self._fold(series["id"]) for series in due}
            refused = deliver(store, featuresets, folds)
            if len(refused) < len(due):
                mark = self._mark(store, mark)
            failpoint("journal-acknowledged")
            self._delivered([dict(series) for series in due], refused, mark)
            number, after = number + len(due) - len(refused), dict(due[-1])
        return number

    def forget(self, changed_before: datetime) -> int:
        """Fold the instances of stored series that were quiet since; gives how many series."""
        number = 0
        while folded := self.forget_some(changed_before):
            number += folded
        return number

    def forget_some(self, changed_before: datetime, *, most: int = _SERIES_AT_ONCE) -> int:
        """The same for so many series at most; 0 where none is left."""
        limits = {"changed_before": timestamp(changed_before), "most": most}
        with database.transaction(self._connection):
            quiet = self._all("to_fold", limits)
            for series in quiet:
                self._forget(series["id"])
        return len(quiet)

    def store_again(self) -> int:
        """Make every series due: for a store that was lost, or a new featureset; gives how many were not."""
        with database.transaction(self._connection):
            return self._connection.execute(self._queries["store_again"]).rowcount

    def aim(self, destination: str) -> int:
        """Name where records go from now on; where that is new, as `store_again`."""
        with database.transaction(self._connection):
            if self._one("totals")["destination"] == destination:
                return 0
            self._connection.execute(self._queries["set_destination"], (destination,))
            return self._connection.execute(self._queries["store_again"]).rowcount

    def try_refused_again(self) -> None:
        """Make due what the store has refused."""
        with database.transaction(self._connection):
            self._connection.execute(self._queries["try_refused_again"])

    def refused(self) -> int:
        """How many series' records the store has refused."""
        return int(self._one("refusal_count")["series"])

    def instances(self) -> int:
        """How many instances were ever taken in, each counted once for each series that it came under."""
        return int(self._one("totals")["instances"])

    def backlog(self) -> Backlog:
        """What is due."""
        found = self._one("backlog")
        oldest = None if found["oldest"] is None else datetime.fromisoformat(found["oldest"])
        return Backlog(series=found["series"], instances=found["instances"], oldest=oldest)

    def state(self, series_instance_uid: str) -> SeriesState | None:
        """What is known of a series, or None where nothing is."""
        found = self._connection.execute(self._queries["state"], (series_instance_uid,)).fetchone()
        if found is None:
            return None
        return SeriesState(
            instances=found["detailed"] + (found["digests"] or 0) // _FOLDED_BYTES,
            stored=bool(found["stored"]),
            changed_at=datetime.fromisoformat(found["changed_at"]),
        )

    def _agreed(self, store: Store) -> int:
        """The store's mark. One that is behind ours makes everything due, one ahead is taken over.

        It is ahead where we were killed between the two.
        """
        known = self._one("acknowledged")
        mark = store.mark(known["writer"])
        if mark < known["acknowledged"]:
            series = self.store_again()
            if series:
                log.warning("The store was lost or is an older copy: %d series are stored again", series)
        elif mark > known["acknowledged"]:
            with database.transaction(self._connection):
                self._connection.execute(self._queries["set_acknowledged"], (mark,))
        return mark

    def _mark(self, store: Store, before: int) -> int:
        """Mark in the store that it has what it was given now; no number is ever given twice."""
        known = self._one("acknowledged")
        number = int(max(known["acknowledged"], before)) + 1
        store.set_mark(known["writer"], number, instead_of=before)
        return number

    def _delivered(self, due: Sequence[dict[str, int]], refused: Mapping[int, str], mark: int) -> None:
        with database.transaction(self._connection):
            self._connection.execute(self._queries["set_acknowledged"], (mark,))
            for series in due:
                reason = refused.get(series["id"])
                query = "stored" if reason is None else "refused"
                self._connection.execute(self._queries[query], series | {"reason": reason})

    def _add(self, uid: str, readings: Sequence[Reading], revision: int) -> int:
        now = timestamp(self._clock.now())
        found = self._connection.execute(self._queries["series_of"], (uid,)).fetchone()
        if found is None:
            added = self._connection.execute(self._queries["add_series"], (uid, revision, now))
            series, folded = added.lastrowid, b""
        else:
            series, folded = found["id"], found["folded_digests"] or b""
        size = _FOLDED_BYTES
        digests = frozenset(folded[start : start + size] for start in range(0, len(folded), size))
        changes = [self._take(series, reading, digests) for reading in readings]
        if any(change is not None for change in changes):
            number = sum(change or 0 for change in changes)
            changed = {"id": series, "revision": revision, "now": now, "added": number}
            self._connection.execute(self._queries["series_changed"], changed)
            return number
        return 0

    def _take(self, series: int | None, reading: Reading, folded: frozenset[bytes]) -> int | None:
        """1 for a new instance, 0 for a changed one, None where nothing changes."""
        uid = str(reading.facts["SOPInstanceUID"]).encode()
        key = hashlib.blake2b(uid, digest_size=_DIGEST_BYTES).digest()
        if key[:_FOLDED_BYTES] in folded:
            return None
        facts = json.dumps(reading.facts, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        known = self._connection.execute(self._queries["known_instance"], (series, key)).fetchone()
        if known is None:
            received = None if reading.received is None else timestamp(reading.received)
            self._connection.execute(self._queries["add_instance"], (series, key, facts, received))
            return 1
        if known["facts"] == facts:
            return None
        self._connection.execute(self._queries["change_instance"], (facts, series, key))
        return 0

    def _fold(self, series: int) -> Fold:
        fold = Fold(self._connection.execute(self._queries["folded"], (series,)).fetchone()["folded"])
        for instance in self._connection.execute(self._queries["instances"], (series,)):
            fold.add(json.loads(instance["facts"]), instance["received"])
        return fold

    def _forget(self, series: int) -> None:
        folded = {"id": series, "folded": self._fold(series).state(), "digests": self._digests(series)}
        self._connection.execute(self._queries["fold"], folded)
        self._connection.execute(self._queries["drop_instances"], (series,))

    def _digests(self, series: int) -> bytes:
        before = self._connection.execute(self._queries["folded"], (series,)).fetchone()["folded_digests"]
        instances = self._connection.execute(self._queries["instances"], (series,))
        return (before or b"") + b"".join(instance["digest"][:_FOLDED_BYTES] for instance in instances)

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """What is read inside belongs together, whatever another process changes meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def _one(self, name: str) -> Any:
        return self._connection.execute(self._queries[name]).fetchone()

    def _all(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        return self._connection.execute(self._queries[name], parameters).fetchall()


def read_refusals(path: Path, most: int) -> list[Refusal]:
    """Series whose records the store has refused, the one unchanged longest first; changes nothing."""
    queries = database.named_queries(_PACKAGE, "journal.sql")
    try:
        with closing(database.connect_read_only(path)) as connection:
            rows = connection.execute(queries["refusals"], (most,)).fetchall()
    except sqlite3.OperationalError:  # it is not made yet, or was made by an earlier version
        return []
    return [Refusal(series=row["uid"], reason=row["refusal"]) for row in rows]
