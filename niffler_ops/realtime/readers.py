"""The processes that read received files, and their deaths.

A reader that dies takes with it what the others had too. So all of that is read again file by file, and a
file counts as one that cannot be read only where readers have died at it twice, and could be started at all.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from niffler_ops.clock import Clock, SystemClock, timestamp
from niffler_ops.postprocess.job import Settings
from niffler_ops.processes.workers import Workers
from niffler_ops.realtime.reading import NOT_SENT, Arrival, read_arrivals

MOST_CHUNKS = 8  # that readers have at once: what else has arrived waits on the disk
UNABLE_SECONDS = 5.0  # until readers that cannot be started are tried again
HANGING_SECONDS = 120.0  # for a few headers
MOST_DEATHS = 2  # one may have been an accident
DEADLY = "a reader died at it twice, or did not come back"

log = logging.getLogger(__name__)


class Readers:
    """Has files read. What has been read is fetched by `taken`."""

    def __init__(self, workers: Workers, clock: Clock, *, settings: Settings, pattern: str) -> None:
        self._workers = workers
        self._clock = clock
        self._settings = settings
        self._pattern = pattern
        self._given: dict[str, None] = {}
        self._chunks: dict[object, float] = {}  # since when each is away
        self._suspects: dict[str, None] = {}
        self._deaths: dict[str, int] = defaultdict(int)
        self._arrived: list[Arrival] = []
        self._unable = False  # that readers cannot be started is said once
        self._begin_at = 0.0

    @property
    def unread(self) -> int:
        """Files that were given and are not taken yet."""
        return len(self._given) + len(self._suspects) + len(self._arrived)

    @property
    def has_room(self) -> bool:
        """Whether more may be given."""
        able = self._clock.monotonic() >= self._begin_at
        return able and not self._suspects and len(self._chunks) < MOST_CHUNKS

    def __contains__(self, path: str) -> bool:
        """Whether a file is still to be read."""
        return path in self._given or path in self._suspects

    def waiting(self) -> Iterator[str]:
        """Files that have not been read, the longest waiting one among them."""
        yield from self._given
        yield from islice(self._suspects, 1)

    def give(self, paths: Sequence[str]) -> None:
        """Have them read."""

        def read(arrivals: list[Arrival]) -> None:
            self._arrived += arrivals
            for path in paths:
                self._deaths.pop(path, None)

        self._hand_over(paths, paths, then=read, lost=lambda: self._after_a_death(paths))

    def advance(self) -> None:
        """Look at those that a death left, one by one, and whether a reader hangs."""
        now = self._clock.monotonic()
        if any(now - since > HANGING_SECONDS for since in self._chunks.values()):
            log.warning("A reader does not come back: readers are started again")
            self._chunks = dict.fromkeys(self._chunks, now)
            self._workers.renew()
        elif self._suspects and not self._chunks and now >= self._begin_at:
            path = next(iter(self._suspects))
            del self._suspects[path]
            self.give([path])  # alone, so that a death is this file's

    def taken(self) -> list[Arrival]:
        """What has been read since the last time."""
        arrivals, self._arrived = self._arrived, []
        return arrivals

    def _hand_over(
        self,
        paths: Sequence[str],
        about: Sequence[str],
        *,
        then: Callable[[list[Arrival]], None],
        lost: Callable[[], None],
    ) -> None:
        """Have a reader read `paths`; what it is `about` counts as being read until it is back, or lost."""
        token = object()
        self._chunks[token] = self._clock.monotonic()
        self._given.update(dict.fromkeys(about))

        def back() -> None:
            del self._chunks[token]
            for path in about:
                self._given.pop(path, None)  # one that came anew may be there twice

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
            self._suspects.update(dict.fromkeys(paths))
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
            self._suspects[path] = None

        self._hand_over((), (path,), then=able, lost=unable)

    def _count_death(self, path: str) -> None:
        self._deaths[path] += 1
        if self._deaths[path] < MOST_DEATHS:
            self._suspects[path] = None
            return
        del self._deaths[path]
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
