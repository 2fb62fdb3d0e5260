"""Opening a ledger to read it; what is wrong with one is told in words, with what can still be done."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from niffler_ops import database
from niffler_ops.errors import MissingInputError

MIGRATIONS = "niffler_ops.ledger.migrations"
# A view may be made to have no end.
_NOT_OURS = "SELECT 1 FROM sqlite_master WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'"
_PRIMARY_CODE = 0xFF  # the low byte of SQLite's extended result codes
_NOT_OPENED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def connect(path: Path, *, at_rest: bool) -> sqlite3.Connection:
    """A connection for a reader; MissingInputError where there is no ledger or it cannot be read."""
    connection = None
    try:
        _require(path)
        connection = database.connect_immutable(path) if at_rest else database.connect_read_only(path)
        with understood(path):
            _check(connection, path)
    except (sqlite3.Error, OSError, MissingInputError) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, MissingInputError) else unreadable(path, error) from None
    return connection


def unreadable(path: Path, error: Exception) -> MissingInputError:
    """What to tell of a ledger that SQLite or the system refuses to read."""
    code = getattr(error, "sqlite_errorcode", -1) & _PRIMARY_CODE
    if isinstance(error, OSError) or code in _NOT_OPENED:
        reason = getattr(error, "strerror", None) or error
        return MissingInputError(
            f"{path}: the ledger cannot be opened ({reason}). Ask as the user who runs the extraction; a copy"
            " of a ledger needs its -wal and -shm beside it, or a folder that can be written."
        )
    if isinstance(error, database.NewerDatabaseError):
        return MissingInputError(
            f"{path}: {error}. It is whole; go on with the newer niffler-cold that wrote it."
        )
    if code in _BUSY:
        return MissingInputError(f"{path}: the ledger is busy ({error}). Ask again in a moment.")
    return MissingInputError(
        f"{path}: the ledger is damaged ({database.told(error)}). The retrieved files are not affected. Keep"
        " the ledger and its -wal; `sqlite3 ledger.sqlite .recover | sqlite3 recovered.sqlite` may save what"
        " it knows, and the same CSV with another StorageFolder starts anew."
    )


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Where values are read that no program of ours writes, the ledger is damaged; they are not repeated."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        damage = f"{type(error).__name__} at one of its values"
        raise unreadable(path, sqlite3.DatabaseError(damage)) from None


def not_imported(path: Path) -> MissingInputError:
    """What to tell of a ledger without an extraction: its first run begins just now, or never got further."""
    return MissingInputError(
        f"{path}: the CSV is not imported yet. If a run has just been started, ask again in a moment; else"
        " it was interrupted at its very start, and the same command begins it again."
    )


def _require(path: Path) -> None:
    if not path.is_file():
        raise MissingInputError(
            f"{path}: no ledger here. Name the StorageFolder of an extraction that was started."
        )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    latest = database.latest_version(MIGRATIONS)
    if version > latest:
        raise MissingInputError(
            f"{path}: the ledger has version {version}, and this program knows {latest} at most. It is whole;"
            " read it with the newer niffler-status that belongs to the niffler-cold it was written by."
        )
    if 0 < version < latest:
        raise MissingInputError(
            f"{path}: the ledger has version {version}, and this program reads {latest}. It is whole; the"
            " same niffler-cold command brings it up to date and continues the extraction."
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        raise not_imported(path)
    if connection.execute(_NOT_OURS).fetchone() is not None:
        raise MissingInputError(f"{path}: it has views, which no ledger of ours has. It is not read.")
    connection.execute("SELECT 1 FROM extraction, tallies LIMIT 1").fetchone()
