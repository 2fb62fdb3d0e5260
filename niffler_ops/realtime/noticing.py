"""Which files have arrived: inotify tells as they come, and a sweep now and then finds what it missed."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from inotify_simple import INotify, flags

SWEEP_SECONDS = 20.0
ENDING = ".dcm"
LEFT_SECONDS = 120.0
NO_WATCH = -1

_FOLDER_EVENTS = flags.MOVED_TO | flags.CLOSE_WRITE | flags.ONLYDIR
_ROOT_EVENTS = flags.CREATE | flags.MOVED_TO | flags.ONLYDIR


def oldest_in(incoming: Path) -> float | None:
    """When the oldest file came that is there, by the kernel's clock; None where none is."""
    times = []
    for folder in _folders(incoming):
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(incoming / folder) as entries:
            for entry in entries:
                if entry.name.endswith(ENDING):
                    with suppress(FileNotFoundError):
                        times.append(entry.stat(follow_symlinks=False).st_mtime)
    return min(times, default=None)


class Noticing:
    """Watches incoming/ and the folder of each study in it."""

    def __init__(self, incoming: Path) -> None:
        self._incoming = incoming
        self._inotify = INotify()
        self._root = self._watch(str(incoming), _ROOT_EVENTS)
        self._folders: dict[int, str] = {}
        self._sweep_at = 0.0
        self.sweeps = 0

    def close(self) -> None:
        """Watch no more."""
        self._inotify.close()

    def is_due(self, now: float) -> bool:
        """Whether `look` is going to sweep."""
        return now >= self._sweep_at

    def look(self, now: float) -> Iterator[str]:
        """Paths that have arrived since the last time; one may be told twice."""
        overflown = False
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                overflown = True
            elif event.wd == self._root:
                if event.mask & flags.ISDIR:
                    yield from self._enter(event.name)
            elif event.mask & flags.IGNORED:
                self._folders.pop(event.wd, None)
            elif event.wd in self._folders and event.name.endswith(ENDING):
                yield f"{self._folders[event.wd]}/{event.name}"
        if overflown or self.is_due(now):
            self._sweep_at = now + SWEEP_SECONDS
            yield from self.sweep()

    def sweep(self) -> Iterator[str]:
        """Every file that is there; folders that nothing is in go. `sweeps` counts them."""
        self.sweeps += 1
        for name in _folders(self._incoming):
            yield from self._enter(name)
            self._remove_if_left(self._incoming / name)

    def _remove_if_left(self, folder: Path) -> None:
        """Our storescp makes a folder just before it needs it; one that nothing came into for long may go."""
        with suppress(OSError):
            if time.time() - folder.lstat().st_mtime > LEFT_SECONDS:
                folder.rmdir()

    def _enter(self, name: str) -> Iterator[str]:
        """Watch a study's folder, and then look what is in it already."""
        folder = str(self._incoming / name)
        try:
            self._folders[self._watch(folder, _FOLDER_EVENTS)] = folder
            with os.scandir(folder) as entries:
                found = [entry.path for entry in entries if entry.name.endswith(ENDING)]
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from found

    def _watch(self, folder: str, events: flags) -> int:
        """The kernel's number of a watch; where it has none left, the sweep finds what comes."""
        try:
            return int(self._inotify.add_watch(folder, events))
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.ENOMEM}:
                raise
            return NO_WATCH


def _folders(incoming: Path) -> list[str]:
    with os.scandir(incoming) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
