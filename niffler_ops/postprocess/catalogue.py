"""What DICOM there is in a folder, and which studies of it have been worked on: kept from run to run."""

import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from pydicom import dcmread

from niffler_ops.database import connect, transaction
from niffler_ops.postprocess.reading import is_of_the_disk, quietly

IDENTITY = ["StudyInstanceUID"]
PREAMBLE, MAGIC = 128, b"DICM"
AT_ONCE = 500
WITHOUT = "without-study"
UNOPENED = "unopened"

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path     BLOB PRIMARY KEY,       -- below the folder, as the file system has it
    size     INTEGER NOT NULL,
    modified INTEGER NOT NULL,       -- nanoseconds
    study    TEXT NOT NULL,          -- what it is grouped by: a digest of the Study Instance UID
    dicom    INTEGER NOT NULL,       -- 0: another kind of file
    seen     INTEGER NOT NULL        -- the latest run that found it
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_study ON files (study, path) WHERE dicom;
CREATE TABLE IF NOT EXISTS done (
    study     TEXT NOT NULL,
    processor TEXT NOT NULL,
    signature TEXT NOT NULL,         -- of its files and the settings
    held      INTEGER NOT NULL,
    PRIMARY KEY (study, processor)
) WITHOUT ROWID;
"""


class Study(NamedTuple):
    """The files of one study, absolute and in order; `signature` changes where they or the settings do."""

    name: str
    files: tuple[str, ...]
    signature: str


class Catalogue:
    """The catalogue of one folder; one process writes it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        (latest,) = connection.execute("SELECT coalesce(max(seen), 0) FROM files").fetchone()
        self._run = int(latest)
        self.closed_folders = 0  # that could not be looked into
        self.unopened: list[tuple[str, str]] = []  # files that could not be read, and why: not remembered

    @classmethod
    def open(cls, path: Path, folder: Path) -> Self:
        """The catalogue at `path` of what is in `folder`."""
        connection = connect(path)
        connection.execute("PRAGMA synchronous=NORMAL")  # what is lost is found again
        connection.executescript(SCHEMA)
        return cls(connection, folder)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def scan(self, *, except_for: Sequence[Path], progress: Callable[[int], None]) -> int:
        """Look at every file that is new or has changed; gives the number of DICOM files.

        Links are not followed. `except_for` are folders that are left out.
        """
        found = 0
        self._run += 1
        with transaction(self._connection):
            for entry in _files(self._folder, frozenset(map(str, except_for)), self._is_closed):
                found += self._look_at(entry)
                if found % AT_ONCE == 0:
                    progress(found)
            self._connection.execute("DELETE FROM files WHERE seen <> ?", (self._run,))
        progress(found)
        return found

    def names(self) -> list[str]:
        """What the studies are grouped by, in order."""
        rows = self._connection.execute("SELECT DISTINCT study FROM files WHERE dicom ORDER BY study")
        return [name for (name,) in rows]

    def study(self, name: str, settings: str) -> Study:
        """One of them; `settings` is what results depend on besides the files."""
        digest, files = hashlib.sha256(settings.encode()), []
        query = "SELECT path, size, modified FROM files WHERE study = ? AND dicom ORDER BY path"
        for path, size, modified in self._connection.execute(query, (name,)):
            files.append(str(self._folder / os.fsdecode(path)))
            digest.update(path + f"\0{size} {modified}".encode())
        return Study(name=name, files=tuple(files), signature=digest.hexdigest())

    def is_done(self, study: Study, processor: str) -> bool:
        """Whether it was worked on as it is now."""
        query = "SELECT 1 FROM done WHERE study = ? AND processor = ? AND signature = ?"
        return (
            self._connection.execute(query, (study.name, processor, study.signature)).fetchone() is not None
        )

    def done(self, study: Study, processor: str, *, held: int) -> None:
        """It has been worked on; `held` of its files came to nothing."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO done (study, processor, signature, held) VALUES (?, ?, ?, ?)",
                (study.name, processor, study.signature, held),
            )

    def held(self, processor: str) -> int:
        """How many files came to nothing, in this run or before."""
        query = (
            "SELECT coalesce(sum(held), 0) FROM done WHERE processor = ?"
            " AND study IN (SELECT study FROM files WHERE dicom)"
        )
        return int(self._connection.execute(query, (processor,)).fetchone()[0])

    def _is_closed(self) -> None:
        self.closed_folders += 1

    def _look_at(self, entry: os.DirEntry[str]) -> bool:
        try:
            return self._is_dicom(entry)
        except FileNotFoundError:
            return False  # it has gone since the folder was listed
        except OSError as error:
            self.unopened.append((entry.path, error.strerror or type(error).__name__))
            return False

    def _is_dicom(self, entry: os.DirEntry[str]) -> bool:
        status = entry.stat(follow_symlinks=False)
        path = os.fsencode(os.path.relpath(entry.path, self._folder))
        query = "SELECT dicom FROM files WHERE path = ? AND size = ? AND modified = ?"
        known = self._connection.execute(query, (path, status.st_size, status.st_mtime_ns)).fetchone()
        if known is not None:
            self._connection.execute("UPDATE files SET seen = ? WHERE path = ?", (self._run, path))
            return bool(known["dicom"])
        study = _study_of(entry.path)
        self._connection.execute(
            "INSERT OR REPLACE INTO files (path, size, modified, study, dicom, seen)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (path, status.st_size, status.st_mtime_ns, study or WITHOUT, study is not None, self._run),
        )
        return study is not None


def holds_dicom(folder: Path, *, except_for: Sequence[Path], progress: Callable[[], None]) -> bool:
    """Whether it is worth a catalogue: there is a DICOM file, or one that cannot be read just now."""
    for entry in _files(folder, frozenset(map(str, except_for)), lambda: None):
        progress()
        try:
            if _study_of(entry.path) is not None:
                return True
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def _files(
    folder: Path, left_out: frozenset[str], is_closed: Callable[[], None]
) -> Iterator[os.DirEntry[str]]:
    """Regular files at any depth, in the order of their names; no link is followed."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        is_closed()
        return
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            if entry.path not in left_out:
                yield from _files(Path(entry.path), left_out, is_closed)
        elif entry.is_file(follow_symlinks=False):
            yield entry


def _study_of(path: str) -> str | None:
    """What the file is grouped by; None where it is no DICOM file. OSError where it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or stream.read(PREAMBLE + 4)[PREAMBLE:] != MAGIC:
            return None
        stream.seek(0)
        try:
            with quietly():
                header = dcmread(stream, stop_before_pixels=True, specific_tags=IDENTITY)
                uid = str(header.get("StudyInstanceUID", "") or "")
        except Exception as error:
            if is_of_the_disk(error):
                raise
            uid = ""
    return hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()[:26] if uid else WITHOUT
