"""Whether new work may begin: by night only where that is asked for, and while there is room on the disks."""

import logging
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.layout import Layout
from niffler_ops.model import FreeSpace
from niffler_ops.stages.windows import Window

LOOK_SECONDS = 1.0
REOPENS_AT = 1.05  # times MinFreeDisk, so that a pause does not flutter
GIGABYTE = 1e9

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """Why nothing new begins, and until when (None: until it is mended); `at_once`: no grace either."""

    reason: str
    until: datetime | None
    at_once: bool


class Gate:
    """Looked at each turn; while there is a pause, stages begin nothing and what runs comes to its end."""

    def __init__(self, config: Config, layout: Layout, clock: Clock) -> None:
        self._config = config
        self._layout = layout
        self._clock = clock
        self._window = Window(start_hour=config.start_hour, end_hour=config.end_hour)
        self._folders = tuple(dict.fromkeys((layout.storage_folder, layout.local)))
        if config.post_processors:
            self._folders += (config.output_folder,)
        self._look_at = 0.0
        self._closed_at = 0.0
        self._asked = False
        self.pause: Pause | None = None

    @property
    def is_open(self) -> bool:
        """Whether new work may begin."""
        return self.pause is None

    @property
    def has_room(self) -> bool:
        """Whether there is room on the disks, whatever the hour."""
        return self.pause is None or not self.pause.at_once

    @property
    def ends_what_runs(self) -> bool:
        """Whether a retrieve that still runs has had its grace."""
        if self.pause is None:
            return False
        return self.pause.at_once or self._clock.monotonic() - self._closed_at > self._config.pause_grace

    def ask_to_pause(self, *, pause: bool) -> None:
        """Somebody wants it to pause, or to go on."""
        self._asked = pause
        self._look_at = 0.0

    def advance(self) -> bool:
        """Look at requests, clock and disks; whether a pause began, changed its reason, or ended."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        before, self.pause = self.pause, self._disk() or self._request() or self._hours()
        if (before and before.reason) == (self.pause and self.pause.reason):
            return False
        if self.pause is None:
            log.info("The pause is over")
            return True
        if before is None:
            self._closed_at = now
        log.warning("Paused: %s", self.pause.reason)
        return True

    def _request(self) -> Pause | None:
        if not self._asked:
            return None
        reason = "niffler-status --pause asked for it; --resume lets it go on"
        return Pause(reason=reason, until=None, at_once=False)

    def _hours(self) -> Pause | None:
        local = self._clock.now().astimezone()
        if not self._config.nightly_only or self._window.is_open(local):
            return None
        until = self._window.opens_at(local)
        reason = f"NightlyOnly allows {self._window}; it goes on by itself at {until:%Y-%m-%d %H:%M}"
        return Pause(reason=reason, until=until, at_once=False)

    def _disk(self) -> Pause | None:
        for folder in self._folders:
            limit, free = room(folder, self._config.min_free_disk)
            enough = limit * (REOPENS_AT if self.pause is not None and self.pause.at_once else 1.0)
            if free < enough:
                reason = (
                    f"less than {limit / GIGABYTE:.1f} GB (MinFreeDisk) are free in {folder};"
                    " it goes on by itself when there is room"
                )
                return Pause(reason=reason, until=None, at_once=True)
        return None


def room(folder: Path, wanted: FreeSpace) -> tuple[float, float]:
    """What is to stay free of a folder's disk, and what is, in bytes; no limit where nobody can tell."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 0.0, 0.0
    return wanted.of(disk.f_blocks * disk.f_frsize), float(disk.f_bavail * disk.f_frsize)
