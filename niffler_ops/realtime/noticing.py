"""Which files have arrived: inotify tells as they come, and a sweep now and then finds what it missed."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from inotify_simple import INotify, flags

from niffler_ops.files import is_left, remove_empty_folder
from niffler_ops.realtime import parts

SWEEP_SECONDS = 20.0
NO_WATCH = -1

_FOLDER_EVENTS = flags.MOVED_TO | flags.CLOSE_WRITE | flags.ONLYDIR
_ROOT_EVENTS = flags.CREATE | flags.MOVED_TO | flags.ONLYDIR


def oldest_in(incoming: Path) -> float | None:
    """When the oldest file came that is there, by the kernel's clock; None where none is."""
    times = []
    for path in _files(str(incoming)):
        with suppress(FileNotFoundError):
            times.append(os.lstat(path).st_mtime)
    return min(times, default=None)


class Noticing:
    """Watches incoming/ and the folder of each study in it.

    What somebody else put there, under whatever name and however deep, is found by the sweep.
    """

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
            elif event.wd in self._folders and not event.mask & flags.ISDIR and _is_whole(event.name):
                yield f"{self._folders[event.wd]}/{event.name}"
        if overflown or self.is_due(now):
            self._sweep_at = now + SWEEP_SECONDS
            yield from self.sweep()

    def sweep(self) -> Iterator[str]:
        """Every file that is there; folders that nothing is in go. `sweeps` counts them."""
        self.sweeps += 1
        files, folders = _listed(str(self._incoming))
        yield from files
        for folder in folders:
            is_empty = True
            for path in self._enter(Path(folder).name):
                is_empty = False
                yield path
            if is_empty:
                _remove_if_left(folder)

    def _enter(self, name: str) -> Iterator[str]:
        """Watch a study's folder, and then look what is in it already."""
        folder = str(self._incoming / name)
        try:
            self._folders[self._watch(folder, _FOLDER_EVENTS)] = folder
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from _files(folder)

    def _watch(self, folder: str, events: flags) -> int:
        """The kernel's number of a watch; where it has none left, the sweep finds what comes."""
        try:
            return int(self._inotify.add_watch(folder, events))
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.ENOMEM}:
                raise
            return NO_WATCH


def _is_whole(name: str) -> bool:
    """Whether nobody writes to it any more: a storescp renames what it has received."""
    return not name.endswith(parts.ENDING)


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """The whole files and the folders that are in it."""
    files, folders = [], []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_file() and _is_whole(entry.name):
                files.append(entry.path)
    return files, folders


def _files(folder: str) -> Iterator[str]:
    """The whole files in it, however deep."""
    files, folders = _listed(folder)
    yield from files
    for inner in folders:
        yield from _files(inner)


def _remove_if_left(folder: str) -> None:
    """Our storescp makes a folder just before it needs it; one that nothing came into for long may go."""
    _, folders = _listed(folder)
    for inner in folders:
        _remove_if_left(inner)
    if is_left(folder):
        remove_empty_folder(Path(folder))
