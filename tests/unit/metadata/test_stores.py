"""Which store a URL means, and that nothing but the store ever sees who logs in."""

import logging
import sqlite3
import stat
import time
import traceback
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from niffler_ops.errors import ConfigurationError, MissingInputError, NifflerError
from niffler_ops.metadata import StoreUnavailableError, open_store, shown, store_url
from niffler_ops.metadata.stores import day_bounds

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url", ["", "sqlite:///", "sqlite://x", "postgres://h/db", "/a/path", "mongodb:/h/db"]
)
def test_what_names_no_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match="sqlite:///PATH"):
        open_store(url)


def test_relative_and_absolute_sqlite_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///a/x%20.sqlite", f"sqlite:///{tmp_path}/b.sqlite"):
        with closing(open_store(url)) as store:
            store.upsert("default", [{"_id": "1"}])
    assert (tmp_path / "a" / "x%20.sqlite").exists()
    assert stat.S_IMODE((tmp_path / "b.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_a_store_is_made_when_something_is_stored_and_not_when_it_is_read(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/x.sqlite")) as store:
        with pytest.raises(MissingInputError):
            list(store.records("default"))
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"this is no database" * 100, None])
def test_an_sqlite_file_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.sqlite"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with closing(open_store(f"sqlite:///{path}")) as store:
        with pytest.raises(StoreUnavailableError, match=r"x\.sqlite") as caught:
            store.upsert("default", [{"_id": "1"}])
        with pytest.raises(StoreUnavailableError):
            list(store.records("default"))
    assert caught.value.retriable
    assert caught.value.exit_status == 75


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://user:{SECRET}@127.0.0.1:1/db?serverSelectionTimeoutMS=50",
        f"mongodb://user:{SECRET}@127.0.0.1:1/db?authSource=admin&serverSelectionTimeoutMS=50",
        f"mongodb+srv://user:{SECRET}@nowhere.invalid/db?serverSelectionTimeoutMS=50&timeoutMS=500",
    ],
)
def test_a_server_that_is_not_there_is_told_without_who_logs_in(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "niffler_ops")
    with closing(open_store(url)) as store:
        with pytest.raises(StoreUnavailableError) as stored:
            store.upsert("default", [{"_id": "1"}])
        with pytest.raises(StoreUnavailableError) as read:
            list(store.records("default"))
        told = f"{store!r} {store}" + "".join(
            "".join(traceback.format_exception(caught.value)) for caught in (stored, read)
        )
    assert SECRET not in told + caplog.text
    assert "user" not in told
    assert "127.0.0.1:1/db" in told or "nowhere.invalid/db" in told


def test_a_server_is_looked_for_as_long_as_selection_may_take_and_not_as_an_operation_may() -> None:
    began = time.monotonic()
    with closing(open_store("mongodb://127.0.0.1:1/db?serverSelectionTimeoutMS=50&timeoutMS=20000")) as store:
        with pytest.raises(StoreUnavailableError, match="no server answers"):
            store.upsert("default", [{"_id": "1"}])
        with pytest.raises(StoreUnavailableError, match="no server answers"):
            list(store.records("default"))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://user:{SECRET}@host",
        f"mongodb://user:{SECRET}@host/",
        f"mongodb://user:p@{SECRET}@host/db",
        f"mongodb://user:p/{SECRET}@host/db",
        f"mongodb://user:p?{SECRET}@host/db",
        f"mongodb://user:{SECRET}:x@host/db",
        f"mongodb://user@{SECRET}:port/db",
        f"mongodb://user:{SECRET}@host:port/db",
        f"mongodb://user:{SECRET}@host/db?w=0",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)
    told = "".join(traceback.format_exception(caught.value))
    assert f":{SECRET}" not in told
    assert f"user:{SECRET}" not in shown(url)


def test_what_is_shown_of_a_url() -> None:
    assert shown(f"mongodb://u:{SECRET}@a:1,b:2/db?authSource=x") == "mongodb://a:1,b:2/db"
    assert shown("mongodb+srv://u:p%40@a/db") == "mongodb+srv://a/db"
    assert shown(f"mongodb://u:p?x@{SECRET} q/db") == "mongodb://…"
    assert shown("sqlite:////a/b") == "sqlite:////a/b"


def test_the_url_of_the_environment_serves_where_none_is_set() -> None:
    environment = {"MONGO_URI": f"user:{SECRET}@host:27017"}
    assert store_url("sqlite:///x", environment) == "sqlite:///x"
    assert store_url("", environment) == (f"mongodb://user:{SECRET}@host:27017/ScannersInfo?authSource=admin")
    assert store_url("", {"MONGO_URI": "mongodb+srv://host/db?x=y"}) == "mongodb+srv://host/db?x=y"
    assert store_url("", {"MONGO_URI": "user:p@host/db"}) == "mongodb://user:p@host/db"
    assert store_url("", {}) == ""


def test_the_url_in_a_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text(f"mongodb://user:{SECRET}@host/db\n", encoding="utf-8")
    path.chmod(0o600)
    assert store_url(f"file://{path}", {}) == f"mongodb://user:{SECRET}@host/db"
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600") as caught:
        store_url(f"file://{path}", {})
    assert SECRET not in str(caught.value)
    path.chmod(0o600)
    path.write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="one line"):
        store_url(f"file://{path}", {})
    with pytest.raises(NifflerError, match="No such file"):
        store_url(f"file://{path}.gone", {})


def test_days() -> None:
    assert day_bounds(date(2024, 2, 28), date(2024, 2, 29)) == ("2024-02-28", "2024-03-01")
    assert day_bounds(None, None) == ("", "~")
    assert day_bounds(None, date.max) == ("", "~")


def test_columns_to_search_by_and_those_of_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path)) as older:
        older.execute('CREATE TABLE "default" (_id TEXT PRIMARY KEY NOT NULL, record TEXT NOT NULL)')
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.upsert("default", [{"_id": "1", "Modality": "CT", "image_types": ["A\\B"], "instances": 4}])
    with closing(sqlite3.connect(path)) as user:
        found = user.execute('SELECT Modality, image_types, instances, StationName FROM "default"').fetchone()
    assert found == ("CT", '["A\\\\B"]', 4, None)
