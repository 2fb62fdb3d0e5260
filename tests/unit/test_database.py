"""SQLite: transactions, migrations and readers, on real files and beside real processes."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import pytest

from niffler_ops.database import (
    connect,
    connect_immutable,
    connect_read_only,
    intact,
    latest_version,
    migrate,
    named_queries,
    transaction,
)
from niffler_ops.errors import CannotWriteError
from niffler_ops.ledger.reading import MIGRATIONS
from tests.support.processes import KILLED, run_python, running_python

WRITER = """
    import os, signal, sys
    from pathlib import Path
    from niffler_ops.database import connect, transaction
    connection = connect(Path(sys.argv[1]))
    connection.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER)")
    with transaction(connection):
        connection.execute("INSERT INTO numbers VALUES (1)")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO numbers VALUES (2)")
    print("ready", flush=True)
    if sys.argv[2] == "wait":
        signal.pause()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "some.sqlite")) as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        yield connection


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an importable package of migrations, whose name is the package's."""
    folder = tmp_path / f"migrations_{uuid4().hex}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY number")]


def schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 2")]


def interrupt(
    connection: sqlite3.Connection, statement: str, error: type[BaseException] | BaseException
) -> None:
    with transaction(connection):
        connection.execute(statement)
        raise error


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_what_is_committed_is_synced_to_the_disk(database: sqlite3.Connection) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    assert [database.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas] == ["wal", 2, 1]


def test_a_transaction_is_committed_at_its_end(database: sqlite3.Connection) -> None:
    with transaction(database):
        database.execute("INSERT INTO numbers VALUES (1)")
    assert not database.in_transaction
    assert numbers(database) == [1]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, sqlite3.IntegrityError])
def test_a_transaction_leaves_nothing_behind_after_an_exception(
    database: sqlite3.Connection, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        interrupt(database, "INSERT INTO numbers VALUES (1)", error)
    assert not database.in_transaction
    assert numbers(database) == []


def test_the_reason_is_told_when_sqlite_has_rolled_back_by_itself(database: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="the reason"):
        interrupt(database, "ROLLBACK", ValueError("the reason"))  # as SQLite does when the disk is full


def test_a_commit_that_fails_leaves_no_open_transaction(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    database.execute(
        "CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(sqlite3.IntegrityError), transaction(database):
        database.execute("INSERT INTO children VALUES (1)")  # found at the commit
    assert not database.in_transaction
    with transaction(database):
        database.execute("INSERT INTO numbers VALUES (1)")
    assert numbers(database) == [1]


def test_a_full_disk_leaves_the_database_as_it_was_and_usable(database: sqlite3.Connection) -> None:
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"), transaction(database):
        database.executemany("INSERT INTO numbers VALUES (?)", ((number,) for number in range(100_000)))
    assert not database.in_transaction
    assert numbers(database) == []


def test_migrations_are_applied_once_in_the_order_of_their_numbers(
    database: sqlite3.Connection, scripts: Path
) -> None:
    (scripts / "002_second.sql").write_text("INSERT INTO made VALUES (2);")
    (scripts / "001_first.sql").write_text("CREATE TABLE made (number INTEGER); -- no newline at the end")
    assert migrate(database, scripts.name) == migrate(database, scripts.name) == 2
    assert version(database) == latest_version(scripts.name) == 2
    (scripts / "003_third.sql").write_text("INSERT INTO made VALUES (3);")
    assert migrate(database, scripts.name) == 3
    assert [row[0] for row in database.execute("SELECT number FROM made")] == [2, 3]


def test_a_migration_that_fails_midway_leaves_version_schema_and_content_as_before(
    database: sqlite3.Connection, scripts: Path
) -> None:
    (scripts / "001_first.sql").write_text("CREATE TABLE kept (number INTEGER);")
    (scripts / "002_second.sql").write_text(
        "CREATE TABLE half (number INTEGER); INSERT INTO numbers VALUES (7); SELECT nonsense;"
    )
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        migrate(database, scripts.name)
    assert not database.in_transaction
    assert version(database) == 1
    assert {row[1] for row in schema(database)} == {"kept", "numbers"}
    assert numbers(database) == []


def test_a_database_of_a_newer_program_is_refused(database: sqlite3.Connection, scripts: Path) -> None:
    database.execute("PRAGMA user_version = 1")
    with pytest.raises(sqlite3.DatabaseError, match="version 1, and this program knows 0"):
        migrate(database, scripts.name)


def test_a_database_of_a_newer_program_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "receiver.sqlite"
    with closing(connect(path, MIGRATIONS)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(CannotWriteError, match=r"version 99.* It is whole") as caught, intact(path, "Away."):
        connect(path, MIGRATIONS)
    assert "Away" not in str(caught.value)


def test_a_migrated_ledger_has_the_schema_of_its_scripts(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "migrated.sqlite")) as migrated:
        assert migrate(migrated, MIGRATIONS) == latest_version(MIGRATIONS) == version(migrated)
        with closing(sqlite3.connect(":memory:")) as plain:
            for script in sorted(files(MIGRATIONS).iterdir(), key=lambda entry: entry.name):
                if script.name.endswith(".sql"):
                    plain.executescript(script.read_text(encoding="utf-8"))
            assert schema(migrated) == schema(plain)
        assert migrated.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_reader_sees_what_is_committed_beside_a_live_writer(tmp_path: Path) -> None:
    path = tmp_path / "some.sqlite"
    with running_python(WRITER, path, "wait"), closing(connect_read_only(path)) as reader:
        assert numbers(reader) == [1]


def test_a_reader_sees_what_a_killed_writer_committed(tmp_path: Path) -> None:
    path = tmp_path / "some.sqlite"
    assert run_python(WRITER, path, "die").returncode == KILLED
    assert path.with_name("some.sqlite-wal").stat().st_size
    with closing(connect_read_only(path)) as reader:
        assert numbers(reader) == [1]
    with closing(connect(path)) as writer:
        assert numbers(writer) == [1]


def test_a_reader_sees_everything_after_a_clean_end(tmp_path: Path) -> None:
    path = tmp_path / "some.sqlite"
    with closing(connect(path)) as writer:
        writer.execute("CREATE TABLE numbers (number INTEGER)")
        writer.execute("INSERT INTO numbers VALUES (1)")
    assert not path.with_name("some.sqlite-wal").exists()
    with closing(connect_read_only(path)) as reader:
        assert numbers(reader) == [1]
    with closing(connect_immutable(path)) as reader:
        assert numbers(reader) == [1]


READER_AS_NOBODY = """
    import os, sys
    import urllib.parse  # which Python 3.13 imports late, and perhaps from where nobody may read
    from pathlib import Path
    from niffler_ops.database import connect_read_only
    if os.getuid() == 0:
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
    print(connect_read_only(Path(sys.argv[1])).execute("SELECT count(*) FROM numbers").fetchone()[0])
"""


def test_a_reader_needs_no_permission_to_write_after_a_clean_end() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "some.sqlite"
        with closing(connect(path)) as writer:
            writer.execute("CREATE TABLE numbers (number INTEGER)")
        path.chmod(0o444)
        path.parent.chmod(0o555)
        done = run_python(READER_AS_NOBODY, path)
        path.parent.chmod(0o700)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_a_reader_cannot_change_anything(database: sqlite3.Connection, tmp_path: Path) -> None:
    with (
        closing(connect_read_only(tmp_path / "some.sqlite")) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("INSERT INTO numbers VALUES (1)")
    assert numbers(database) == []


def test_opening_to_read_never_makes_a_database(tmp_path: Path) -> None:
    for opening in (connect_read_only, connect_immutable):
        with pytest.raises(sqlite3.OperationalError):
            opening(tmp_path / "absent.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_special_characters_is_no_uri_syntax(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=rw#b%41 c.sqlite"
    with closing(connect(path)) as writer:
        writer.execute("CREATE TABLE numbers (number INTEGER)")
    for opening in (connect_read_only, connect_immutable):
        with closing(opening(path)) as reader:
            assert numbers(reader) == []


def test_named_queries_are_the_statements_between_their_names(scripts: Path) -> None:
    (scripts / "queries.sql").write_text("-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT 2\n")
    assert named_queries(scripts.name, "queries.sql") == {"one": "SELECT 1", "two": "-- why\nSELECT 2"}
