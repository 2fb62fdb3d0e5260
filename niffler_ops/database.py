"""SQLite, once: connections, transactions, named queries, migrations."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from niffler_ops.errors import CannotWriteError

BUSY_SECONDS = 30.0
JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024


class NewerDatabaseError(sqlite3.DatabaseError):
    """A newer release has written it: it is whole, and this one does not know its schema."""


@contextmanager
def writing() -> Iterator[None]:
    """Where files or the database cannot be written, as on a full disk, raise CannotWriteError."""
    try:
        yield
    except BrokenPipeError:  # whoever read the command's output has left
        raise
    except (OSError, sqlite3.OperationalError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else told(error)
        raise CannotWriteError(
            f"Writing failed: {cause}. Nothing reported as done is affected."
            " Mend it, then run the same command again."
        ) from error


@contextmanager
def intact(path: Path, remedy: str) -> Iterator[None]:
    """Where SQLite finds the file damaged, raise CannotWriteError with its name and the remedy.

    The same, with another remedy, where a newer release has written it.
    """
    try:
        yield
    except NewerDatabaseError as error:
        raise CannotWriteError(f"{path}: {error}. It is whole; go on with that release.") from None
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a busy or full one, a defect: classes below it
            raise
        raise CannotWriteError(f"{path}: the database is damaged ({told(error)}). {remedy}") from None


def told(error: Exception) -> str:
    """What SQLite says; of a text that is no UTF-8 it would repeat the text, which may be an identifier."""
    words = str(error)
    return "a text is not UTF-8" if "decode to UTF-8" in words else words


def connect(path: Path, migrations: str = "") -> sqlite3.Connection:
    """A connection for the one writer: WAL, synchronous=FULL, explicit transactions; brought up to date.

    `migrations` is the package that has the numbered scripts.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA journal_size_limit={JOURNAL_SIZE_LIMIT}")
        if migrations:
            migrate(connection, migrations)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, beside a live writer, after a crash, or on a read-only mount.

    After a clean close in a folder that cannot be written, `mode=ro` fails; there is then no -wal
    file, and the database may be read as immutable.
    """
    immutable = not Path(f"{path}-wal").exists()
    for suffix in ("", "&immutable=1") if immutable else ("",):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro{suffix}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            connection.close()
            if suffix or not immutable or not isinstance(error, sqlite3.OperationalError):
                raise
        else:
            return connection
    raise sqlite3.OperationalError(f"cannot open {path}")


def connect_immutable(path: Path) -> sqlite3.Connection:
    """A connection to a database that nobody has open, which leaves no -wal and -shm beside it.

    It takes no locks: the caller looks afterwards whether a writer came meanwhile.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.isolation_level = None
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One durable unit: committed at the end, rolled back on any exception, that of the commit included."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, package: str) -> int:
    """Apply the numbered scripts (001_name.sql …) of a package that are still due; gives the version.

    Each script is atomic: it begins and commits itself, user_version included.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    scripts = sorted(
        (entry for entry in files(package).iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    if version > len(scripts):
        raise NewerDatabaseError(
            f"the database has version {version}, and this program knows {len(scripts)} at most"
        )
    for number, script in enumerate(scripts, start=1):
        if number <= version:
            continue
        body = script.read_text(encoding="utf-8")
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{body}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(scripts)


def latest_version(package: str) -> int:
    """The version that `migrate` brings a database to."""
    return sum(entry.name.endswith(".sql") for entry in files(package).iterdir())


def named_queries(package: str, name: str) -> dict[str, str]:
    """The statements of a .sql file by the name in the `-- name:` line above each."""
    text = (files(package) / name).read_text(encoding="utf-8")
    parts = re.split(r"^-- name:\s*(\w+)\s*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (statement.strip() for statement in parts[1::2]), strict=True))
