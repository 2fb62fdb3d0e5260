"""What arrives is read once, journaled, and only then put where it waits for its deletion.

The order makes the invariant: an instance is on the disk until its facts are durable, and a file that was
replaced after it was read is read again.
"""

import logging
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from niffler_ops.clock import Clock, SystemClock, timestamp
from niffler_ops.files import failpoint, make_private_folder, move
from niffler_ops.metadata import Journal, Reading
from niffler_ops.postprocess.job import Settings
from niffler_ops.processes.workers import Workers
from niffler_ops.realtime.noticing import Noticing
from niffler_ops.realtime.place import PRIVATE, Place
from niffler_ops.realtime.reading import NOT_SENT, Arrival, read_arrivals
from niffler_ops.realtime.record import Record, Waiting

CHUNK = 32
LINGER_SECONDS = 0.2  # that a few files wait for more, so that one commit serves them all
MOST_CHUNKS = 8  # that readers have at once: what else has arrived waits on the disk
UNABLE_SECONDS = 5.0  # until readers that cannot be started are tried again
UNREADABLE = "unreadable"
DEADLY = "a reader died at it twice"

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
        self._workers = workers
        self._clock = clock
        self._settings = settings
        self._pattern = pattern
        self._noticing = Noticing(place.incoming)
        self._noticed: dict[str, None] = {}  # in order, each once
        self._due_at = 0.0
        self._at_readers: set[str] = set()
        self._chunks = 0
        self._deaths: dict[str, int] = defaultdict(int)
        self._unable = False  # that readers cannot be started is said once
        self._begin_at = 0.0
        self._suspects: deque[str] = deque()
        self._arrived: list[Arrival] = []
        self.last_at: float | None = None

    @property
    def unread(self) -> int:
        """Files that were noticed and are not journaled yet."""
        return len(self._noticed) + len(self._suspects) + len(self._at_readers) + len(self._arrived)

    def waits_since(self) -> datetime | None:
        """When what waits longest to be read was received; None where nothing does."""
        times = []
        for path in (*self._at_readers, *islice(self._noticed, 1), *islice(self._suspects, 1)):
            with suppress(FileNotFoundError):
                times.append(os.lstat(path).st_mtime)
        return SystemClock().at(min(times)) if times else None

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
        suspects = set(self._suspects)
        for path in self._noticing.sweep() if sweep else self._noticing.look(now):
            if path not in self._at_readers and path not in suspects:
                self._noticed[path] = None
        if now < self._begin_at:
            self._take_in()
            return
        if self._suspects and not self._chunks:
            self._submit([self._suspects.popleft()])  # alone, so that a death is this file's
        enough = 1 if now >= self._due_at else CHUNK
        while len(self._noticed) >= enough and not self._suspects and self._chunks < MOST_CHUNKS:
            chunk = list(self._noticed)[:CHUNK]
            for path in chunk:
                del self._noticed[path]
            self._submit(chunk)
        self._take_in()

    def again(self, path: Path) -> None:
        """Read a file that is not as it was when it was read."""
        self._noticed[str(path)] = None
        self._due_at = 0.0

    def close(self) -> None:
        """Notice nothing more."""
        self._noticing.close()

    def _submit(self, paths: Sequence[str]) -> None:
        def read(arrivals: list[Arrival]) -> None:
            self._arrived += arrivals

        self._hand_over(paths, paths, then=read, lost=lambda: self._after_a_death(paths))

    def _hand_over(
        self,
        paths: Sequence[str],
        about: Sequence[str],
        *,
        then: Callable[[list[Arrival]], None],
        lost: Callable[[], None],
    ) -> None:
        """Have a reader read `paths`; what it is `about` counts as being read until it is back, or lost."""
        self._chunks += 1
        self._at_readers.update(about)

        def back() -> None:
            self._chunks -= 1
            self._at_readers.difference_update(about)

        def read(arrivals: list[Arrival]) -> None:
            back()
            then(arrivals)

        def died() -> None:
            back()
            lost()

        self._workers.submit(read_arrivals, list(paths), self._settings, self._pattern, then=read, lost=died)

    def _after_a_death(self, paths: Sequence[str]) -> None:
        """One by one, so that only the file that readers die at is left out."""
        if len(paths) > 1 or self._chunks:
            self._suspects.extend(paths)
            return
        (path,) = paths
        self._prove(path)

    def _prove(self, path: str) -> None:
        """Have a reader do nothing: only where one can, a death is the file's."""

        def able(_nothing: list[Arrival]) -> None:
            if self._unable:
                log.info("Readers can be started again")
            self._unable = False
            self._count_death(path)

        def unable() -> None:
            if not self._unable:
                log.warning(
                    "Readers cannot be started, as where memory is short: files wait, and are tried again"
                )
            self._unable = True
            self._begin_at = self._clock.monotonic() + UNABLE_SECONDS
            self._suspects.appendleft(path)

        self._hand_over((), (path,), then=able, lost=unable)

    def _count_death(self, path: str) -> None:
        self._deaths[path] += 1
        if self._deaths[path] < 2:  # noqa: PLR2004 - once may have been an accident
            self._suspects.appendleft(path)
            return
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return
        self._arrived.append(
            Arrival(
                path=path,
                size=status.st_size,
                inode=status.st_ino,
                modified_ns=status.st_mtime_ns,
                received=timestamp(SystemClock().at(status.st_mtime)),
                source=NOT_SENT,
                reason=DEADLY,
            )
        )

    def _take_in(self) -> None:
        if not self._arrived:
            return
        arrivals, self._arrived = self._arrived, []
        self.last_at = self._clock.monotonic()
        readings = [
            Reading(facts=arrival.facts, received=datetime.fromisoformat(arrival.received))
            for arrival in arrivals
            if arrival.facts is not None
        ]
        self._journal.add(readings)
        failpoint("journaled")
        self._enter(arrivals)
        failpoint("recorded")
        for arrival in arrivals:
            if arrival.reason:
                log.warning("A file cannot be read and stays: %s: %s", _target(arrival), arrival.reason)
            self._put_away(arrival)

    def _enter(self, arrivals: Iterable[Arrival]) -> None:
        """Record and count them; those that a death kept where they were are in the record already."""
        distinct = self._journal.instances()
        with self._record.transaction():
            new = [arrival for arrival in arrivals if not self._record.has(_waiting(arrival))]
            self._record.add(map(_waiting, new))
            self._record.link({link: None for arrival in new for link in arrival.links})
            self._record.count(
                readings=sum(arrival.facts is not None for arrival in new),
                bytes=sum(arrival.size for arrival in new),
            )
            self._record.tally(distinct)
            self._hear(new)

    def _hear(self, arrivals: Iterable[Arrival]) -> None:
        by_source: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            by_source[arrival.source].append(arrival)
        for source, sent in by_source.items():
            times = sorted(arrival.received for arrival in sent)
            size = sum(arrival.size for arrival in sent)
            self._record.heard(source, instances=len(sent), size=size, first=times[0], last=times[-1])

    def _put_away(self, arrival: Arrival) -> None:
        """Move it to where it waits; one that was replaced since it was read is read again there."""
        source, target = Path(arrival.path), self._place.storage_folder / _target(arrival)
        try:
            make_private_folder(target.parent)
            if source != target:
                move(source, target)
        except FileNotFoundError:
            return  # it came twice, and the other one is there already
        if not is_as_read(target, arrival.inode, arrival.modified_ns):
            self.again(target)


def is_as_read(path: Path, inode: int, modified_ns: int) -> bool:
    """Whether the file is the one that was read."""
    try:
        status = path.lstat()
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
    return arrival.target or f"{PRIVATE}/{UNREADABLE}/{_name(arrival.path).replace('/', '-')}-{arrival.inode}"


def _name(path: str) -> str:
    """Digests of UIDs, as storescp was told to name files: nothing of a header."""
    return "/".join(Path(path).parts[-2:])
