"""What arrives is read once, journaled, and only then put where it waits for its deletion.

The order makes the invariant: an instance is on the disk until its facts are durable, and a file that was
replaced after it was read is read again.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import compress, islice
from pathlib import Path

from niffler_ops.clock import Clock, SystemClock
from niffler_ops.dicomtools.storescp import is_staged
from niffler_ops.files import StrPath, failpoint, make_private_folder, move
from niffler_ops.metadata import Journal, Reading
from niffler_ops.patterns import md5_text
from niffler_ops.postprocess.job import Settings
from niffler_ops.processes.workers import Workers
from niffler_ops.realtime.noticing import Noticing, oldest_in
from niffler_ops.realtime.place import PRIVATE, Place
from niffler_ops.realtime.readers import Readers
from niffler_ops.realtime.reading import Arrival
from niffler_ops.realtime.record import Record, Waiting

CHUNK = 32
MOST_NOTICED = 50_000  # whose names are kept; the others are found again when these have been read
LINGER_SECONDS = 0.2  # that a few files wait for more, so that one commit serves them all
UNREADABLE = "unreadable"

log = logging.getLogger(__name__)


class Intake:
    """Takes files out of incoming/."""

    def __init__(
        self,
        place: Place,
        record: Record,
        journal: Journal,
        workers: Workers,
        clock: Clock,
        *,
        settings: Settings,
        pattern: str,
    ) -> None:
        self._place = place
        self._record = record
        self._journal = journal
        self._clock = clock
        self._readers = Readers(workers, clock, settings=settings, pattern=pattern)
        self._noticing = Noticing(place.incoming)
        self._noticed: dict[str, None] = {}  # in order, each once
        self._beyond = 0  # about how many more there are, as the latest sweep has seen
        self._due_at = 0.0
        self.last_at: float | None = None

    @property
    def unread(self) -> int:
        """Files that were noticed and are not journaled yet."""
        return len(self._noticed) + self._beyond + self._readers.unread

    def waits_since(self) -> datetime | None:
        """When what waits longest to be read was received; None where nothing does."""
        times = []
        for path in (*self._readers.waiting(), *islice(self._noticed, 1)):
            with suppress(FileNotFoundError):
                times.append(os.lstat(path).st_mtime)
        return SystemClock().at(min(times)) if times else None

    def unread_since(self) -> datetime | None:
        """The same of all that is there, noticed or not, which takes longer."""
        oldest = oldest_in(self._place.incoming)
        return None if oldest is None else SystemClock().at(oldest)

    def forget_taken_away(self) -> None:
        """Files that could not be read, and that somebody has taken away since."""
        kept = self._record.unreadable_files()
        gone = [key for key, path in kept.items() if not os.path.lexists(self._place.storage_folder / path)]
        if gone:
            with self._record.transaction():
                self._record.forget(gone)

    def advance(self, *, sweep: bool = False) -> None:
        """Notice, hand to the readers, and take in what they have read."""
        now = self._clock.monotonic()
        if sweep:
            self._due_at = now
        elif not self._noticed:
            self._due_at = now + LINGER_SECONDS
        self._notice(now, sweep=sweep or (self._beyond > 0 and len(self._noticed) < MOST_NOTICED // 2))
        self._readers.advance()
        enough = 1 if now >= self._due_at else CHUNK
        while len(self._noticed) >= enough and self._readers.has_room:
            chunk = list(islice(self._noticed, CHUNK))
            for path in chunk:
                del self._noticed[path]
            self._readers.give(chunk)
        self._take_in()

    def _notice(self, now: float, *, sweep: bool) -> None:
        """Remember what has arrived: the queue is the folder, and memory holds its beginning."""
        if len(self._noticed) >= MOST_NOTICED and not sweep and not self._noticing.is_due(now):
            return
        sweeps = self._noticing.sweeps
        for path in self._noticing.sweep() if sweep else self._noticing.look(now):
            if self._noticing.sweeps != sweeps:
                sweeps, self._beyond = self._noticing.sweeps, 0
            if path in self._noticed or path in self._readers:
                continue
            if len(self._noticed) < MOST_NOTICED:
                self._noticed[path] = None
            else:
                self._beyond += 1
        if self._noticing.sweeps != sweeps:  # one that has found nothing
            self._beyond = 0

    def again(self, path: StrPath) -> None:
        """Read a file that is not as it was when it was read."""
        self._noticed[os.fspath(path)] = None
        self._due_at = 0.0

    def close(self) -> None:
        """Notice nothing more."""
        self._noticing.close()

    def _take_in(self) -> None:
        arrivals = self._readers.taken()
        if not arrivals:
            return
        self.last_at = self._clock.monotonic()
        readings = [
            Reading(facts=arrival.facts, received=datetime.fromisoformat(arrival.received))
            for arrival in arrivals
            if arrival.facts is not None
        ]
        self._journal.add(readings)
        failpoint("journaled")
        waiting = [_waiting(arrival) for arrival in arrivals]
        self._enter(arrivals, waiting)
        failpoint("recorded")
        for arrival, file in zip(arrivals, waiting, strict=True):
            if file.reason:
                log.warning("A file cannot be read and stays: %s: %s", file.path, file.reason)
            self._put_away(arrival.path, file)

    def _enter(self, arrivals: Sequence[Arrival], waiting: Sequence[Waiting]) -> None:
        """Record and count them; those that a death kept where they were are in the record already."""
        distinct = self._journal.instances()
        with self._record.transaction():
            new = [not self._record.has(file) for file in waiting]
            self._record.add(compress(waiting, new))
            entered = list(compress(arrivals, new))
            self._record.link({link: None for arrival in entered for link in arrival.links})
            self._record.count(
                readings=sum(arrival.facts is not None for arrival in entered),
                bytes=sum(arrival.size for arrival in entered),
            )
            self._record.tally(distinct)
            self._hear(entered)

    def _hear(self, arrivals: Sequence[Arrival]) -> None:
        by_source: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            by_source[arrival.source].append(arrival)
        for source, sent in by_source.items():
            times = sorted(arrival.received for arrival in sent)
            size = sum(arrival.size for arrival in sent)
            self._record.heard(source, instances=len(sent), size=size, first=times[0], last=times[-1])

    def _put_away(self, source: str, file: Waiting) -> None:
        """Move it to where it waits; one that was replaced since it was read is read again there."""
        target = f"{self._place.storage_folder}/{file.path}"
        try:
            if source != target:
                _move(source, target)
        except FileNotFoundError:
            return  # it came twice, and the other one is there already
        if not is_as_read(target, file.inode, file.modified):
            self.again(target)


def _move(source: str, target: str) -> None:
    """The first of a series finds no folder."""
    try:
        move(source, target)
    except FileNotFoundError:
        make_private_folder(Path(target).parent)
        move(source, target)


def is_as_read(path: StrPath, inode: int, modified_ns: int) -> bool:
    """Whether the file is the one that was read."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return True
    return (status.st_ino, status.st_mtime_ns) == (inode, modified_ns)


def _waiting(arrival: Arrival) -> Waiting:
    return Waiting(
        path=_target(arrival),
        study=arrival.study,
        series=arrival.series,
        size=arrival.size,
        received=arrival.received,
        inode=arrival.inode,
        modified=arrival.modified_ns,
        reason=arrival.reason,
    )


def _target(arrival: Arrival) -> str:
    """Where it is to wait, below StorageFolder; what cannot be read waits for somebody to look at it."""
    return arrival.target or f"{PRIVATE}/{UNREADABLE}/{_name(Path(arrival.path))}-{arrival.inode}"


def _name(path: Path) -> str:
    """That of storescp, made of digests of UIDs; of any other, which may name a patient, a digest."""
    study, instance = path.parts[-2:]
    return f"{study}-{instance}" if is_staged(study, instance) else md5_text(str(path))
