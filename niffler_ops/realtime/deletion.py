"""Which images may go: only whole series that are read, settled, stored and passed on, the oldest first.

What is not read yet may be of any series: one counts as settled that was before the oldest of it came.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.files import failpoint, remove_empty_folder, rename
from niffler_ops.metadata import Journal
from niffler_ops.realtime.ages import age
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Kept, Record, Series
from niffler_ops.reporting.words import size

FILES_A_TURN = 200
SERIES_A_TURN = 200  # that are looked at
FOLDED_A_TURN = 5
SAY_AGAIN_SECONDS = 3600.0

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Round:
    """One deletion that is under way: what it still has to look at, and what it has come to.

    `unread_since`: when the oldest file came that is not read yet; `held_up`: it has waited so long that
    series stay.
    """

    why: str
    unread_since: datetime | None
    series: Iterator[Series]
    enough: Callable[[], bool]
    pressed: bool
    keep: timedelta
    current: Series | None = None
    deleted_series: int = 0
    deleted_files: int = 0
    deleted_bytes: int = 0
    waiting_series: int = 0
    held_up: bool = False


class Deletion:
    """Deletes a few files a turn, so that nothing else has to wait; one round after another."""

    def __init__(
        self,
        place: Place,
        record: Record,
        journal: Journal,
        clock: Clock,
        *,
        settle: timedelta,
        keep: timedelta,
        is_passed_on: Callable[[Series, bool], bool],
        again: Callable[[Path], None],
        unread_since: Callable[[], datetime | None],
    ) -> None:
        """`is_passed_on` tells whether a series' study was, or by the flag was given up; `again` reads it.

        `unread_since` tells when the oldest file came that is not read yet; None where there is none.
        """
        self._place = place
        self._record = record
        self._journal = journal
        self._clock = clock
        self._settle = settle
        self._keep = keep
        self._is_passed_on = is_passed_on
        self._again = again
        self._unread_since = unread_since
        self._round: Round | None = None
        self._further: dict[str, Callable[[], None]] = {}  # asked for meanwhile, each once
        self._fold_before: datetime | None = None  # what was quiet since is still to be folded
        self._idle_said_at: float | None = None
        self._held_up = False  # which is said once

    @property
    def deleting(self) -> bool:
        """Whether files are being deleted."""
        return self._round is not None

    @property
    def busy(self) -> bool:
        """Whether files are being deleted, or what is known of them made small."""
        return self._round is not None or self._fold_before is not None

    def begin(self, why: str, *, enough: Callable[[], bool] = lambda: False, pressed: bool = False) -> None:
        """Delete what may go, until it is enough; `pressed`: whatever KeepImagesHours says."""
        if self._round is not None:
            self._further.setdefault(why, partial(self.begin, why, enough=enough, pressed=pressed))
            return
        self._round = Round(
            why=why,
            unread_since=self._unread_since(),
            series=self._record.series_by_age(),
            enough=enough,
            pressed=pressed,
            keep=timedelta() if pressed else self._keep,
        )

    def advance(self) -> None:
        """Delete some."""
        current = self._round
        if current is None:
            self._fold_some()
            return
        files, looks = FILES_A_TURN, SERIES_A_TURN
        while files > 0 and looks > 0:
            if current.current is None:
                series = None if current.enough() else next(current.series, None)
                if series is None:
                    self._end(current)
                    return
                looks -= 1
                if self._may_go(series, current):
                    current.current = series
                else:
                    current.waiting_series += 1
            else:
                files -= self._delete(current, current.current, files)

    def _fold_some(self) -> None:
        if self._fold_before is not None and not self._journal.forget_some(
            self._fold_before, most=FOLDED_A_TURN
        ):
            self._fold_before = None

    def _may_go(self, series: Series, current: Round) -> bool:
        """Its facts are in the store, nothing came for a while, and it is old enough."""
        state = self._journal.state(series.series)
        now = self._clock.now()
        return (
            state is not None
            and state.stored
            and age(state.changed_at, now) >= self._settle
            and age(datetime.fromisoformat(series.newest), now) >= max(self._settle, current.keep)
            and self._is_passed_on(series, current.pressed)
            and self._was_settled(series, current, now)
        )

    def _was_settled(self, series: Series, current: Round, now: datetime) -> bool:
        """Whether it was before anything came that is not read yet."""
        if current.unread_since is None:
            return True
        unread = max(now - current.unread_since, timedelta())
        settled = age(datetime.fromisoformat(series.newest), now) >= self._settle + unread
        current.held_up |= not settled and unread > self._settle
        return settled

    def _delete(self, current: Round, series: Series, room: int) -> int:
        """Some files of a series; gives how many were looked at."""
        kept = self._record.files_of_series(series, limit=room)
        if not kept:
            current.current = None
            current.deleted_series += 1
            return 1
        gone = [file for file in kept if self._delete_file(file)]
        length = sum(file.size for file in gone)
        failpoint("deleted")
        with self._record.transaction():
            self._record.forget([file.id for file in kept])
            self._record.count(deleted=len(gone), deleted_bytes=length)
        current.deleted_files += len(gone)
        current.deleted_bytes += length
        return len(kept)

    def _delete_file(self, file: Kept) -> bool:
        """Take it aside and look once more: one that came anew since it was read goes back to be read."""
        path, aside = (
            self._place.storage_folder / file.path,
            self._place.leaving / f"{file.id}-{file.inode}-{file.modified}.dcm",
        )
        try:
            rename(path, aside)
        except FileNotFoundError:
            return False
        status = aside.lstat()
        if (status.st_ino, status.st_mtime_ns) != (file.inode, file.modified):
            self._again(aside)
            return False
        aside.unlink()
        self._remove_empty(path.parent)
        return True

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._place.storage_folder and remove_empty_folder(folder):
            folder = folder.parent

    def _end(self, current: Round) -> None:
        self._round = None
        with self._record.transaction():
            self._record.forget_passed()
        self._fold_before = self._clock.now() - self._settle
        self._say(current)
        if current.held_up and not self._held_up:
            log.warning("Images wait to be read: series stay that were not settled before these came")
        self._held_up = current.held_up
        if self._further:
            self._further.pop(next(iter(self._further)))()

    def _say(self, current: Round) -> None:
        """What it has come to; rounds that are pressed for room and find nothing say so once an hour."""
        if current.pressed and not current.deleted_files:
            now = self._clock.monotonic()
            if self._idle_said_at is not None and now - self._idle_said_at < SAY_AGAIN_SECONDS:
                return
            self._idle_said_at = now
        else:
            self._idle_said_at = None
        log.info(
            "%s: %d images of %d series deleted (%s); %d series stay",
            current.why,
            current.deleted_files,
            current.deleted_series,
            size(current.deleted_bytes),
            current.waiting_series,
        )
