"""Records in an SQLite file: a table for each collection, the record as JSON, and columns to search by.

The columns are computed from the JSON, so that the two cannot disagree. WAL, so that many may read beside
the one that writes; not for network file systems. A file that was removed or replaced is written no more: the
one at the path is.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from niffler_ops import database
from niffler_ops.errors import MissingInputError
from niffler_ops.metadata.facts import RECORD_KEYWORDS
from niffler_ops.metadata.folding import Record
from niffler_ops.metadata.opening import connect
from niffler_ops.metadata.stores import (
    MARKS,
    Days,
    StoreReplacedError,
    StoreUnavailableError,
    day_bounds,
    projected,
)

_MOMENTS = tuple(f"{end}_{of}" for of in ("acquisition", "received") for end in ("first", "last"))
_COLUMNS = (*RECORD_KEYWORDS, *_MOMENTS, "instances", "image_types")
_INDEXED = ("StudyInstanceUID", *_MOMENTS)


class SqliteStore:
    """A file, made when the first record is stored; see Store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # which file it is
        self._ready: set[str] = set()

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r})"

    def upsert(self, collection: str, records: Sequence[Record]) -> None:
        """See Store."""
        rows = [
            (record["_id"], json.dumps(record, ensure_ascii=False, allow_nan=False)) for record in records
        ]
        with self._reached():
            connection = self._writer()
            with database.transaction(connection):
                self._prepare(connection, collection)
                connection.executemany(
                    f"INSERT INTO {_quoted(collection)} (_id, record) VALUES (?, ?)"  # noqa: S608 - quoted
                    " ON CONFLICT (_id) DO UPDATE SET record = excluded.record",
                    rows,
                )
            self._ready.add(collection)

    def records(
        self,
        collection: str,
        *,
        first: date | None = None,
        last: date | None = None,
        by: Days = "acquisition",
        fields: Collection[str] | None = None,
    ) -> Iterator[Record]:
        """See Store; raises MissingInputError where the file does not exist."""
        if not self._path.exists():
            raise MissingInputError(f"{self._path}: there is no such store")
        # Two ranges, so that each is found by its index.
        condition, bounds = "TRUE", dict(zip(("least", "less"), day_bounds(first, last), strict=True))
        if first or last:
            ends = (f"({end}_{by} >= :least AND {end}_{by} < :less)" for end in ("first", "last"))
            condition = " OR ".join(ends)
        with self._reached(), closing(database.connect_read_only(self._path)) as connection:
            if not _columns(connection, collection):
                return
            select = f"SELECT record FROM {_quoted(collection)} WHERE {condition}"  # noqa: S608 - quoted
            rows = connection.execute(select, bounds)
            for (text,) in rows:
                yield projected(json.loads(text), fields)

    def mark(self, writer: str) -> int:
        """See Store."""
        with self._reached():
            if not self._path.exists():
                return 0
            connection = self._writer()
            if not _columns(connection, MARKS):
                return 0
            query = f"SELECT number FROM {_quoted(MARKS)} WHERE writer = ?"  # noqa: S608 - quoted
            found = connection.execute(query, (writer,)).fetchone()
            return int(found["number"]) if found else 0

    def set_mark(self, writer: str, number: int, *, instead_of: int) -> None:
        """See Store."""
        table = _quoted(MARKS)
        with self._reached():
            connection = self._writer()
            with database.transaction(connection):
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (writer TEXT PRIMARY KEY, number INTEGER NOT NULL)"
                )
                if not instead_of:
                    begun = f"INSERT OR IGNORE INTO {table} VALUES (?, 0)"  # noqa: S608 - quoted
                    connection.execute(begun, (writer,))
                changed = connection.execute(
                    f"UPDATE {table} SET number = ? WHERE writer = ? AND number = ?",  # noqa: S608 - quoted
                    (number, writer, instead_of),
                )
        if not changed.rowcount:
            raise StoreReplacedError(str(self._path))

    def close(self) -> None:
        """See Store."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _writer(self) -> sqlite3.Connection:
        """A connection to the file at the path, which is made where there is none."""
        if self._connection is not None and _which(self._path) != self._opened:
            self.close()
        if self._connection is None:
            self._connection = connect(self._path)
            self._opened = _which(self._path) or (0, 0)
            self._ready.clear()
        return self._connection

    def _prepare(self, connection: sqlite3.Connection, collection: str) -> None:
        """Make the table, and the columns that a table of an earlier version lacks."""
        if collection in self._ready:
            return
        table = _quoted(collection)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (_id TEXT PRIMARY KEY NOT NULL, record TEXT NOT NULL)"
        )
        for column in [name for name in _COLUMNS if name not in _columns(connection, collection)]:
            connection.execute(
                f"ALTER TABLE {table} ADD COLUMN {column}"
                f" GENERATED ALWAYS AS (json_extract(record, '$.{column}')) VIRTUAL"
            )
        for column in _INDEXED:
            index = _quoted(f"{collection} by {column}")
            connection.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({column})")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else database.told(error)
            raise StoreUnavailableError(f"The metadata store {self._path} cannot be used: {why}") from error


def _which(path: Path) -> tuple[int, int] | None:
    """What tells a file from another at the same path; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _columns(connection: sqlite3.Connection, collection: str) -> set[str]:
    """The columns of a collection's table, computed ones included; none where there is no such table."""
    return {
        row["name"] for row in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (collection,))
    }


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
