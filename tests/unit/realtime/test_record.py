"""What is known of the files on the disk without reading all of them."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from niffler_ops import database
from niffler_ops.clock import timestamp
from niffler_ops.realtime import record as module
from niffler_ops.realtime.record import Record, Series, Waiting
from tests.support.clock import FakeClock

BY_SERIES = """
SELECT series, study, min(received) AS oldest, max(received) AS newest, count(*) AS files, sum(size) AS bytes
FROM files WHERE series <> '' GROUP BY study, series ORDER BY oldest, study, series
"""


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with closing(Record(tmp_path / "receiver.sqlite", FakeClock())) as made:
        yield made


def waiting(path: int, study: int, series: int, second: int, *, size: int = 1) -> Waiting:
    received = timestamp(FakeClock().now() + timedelta(seconds=second))
    known = {"study": f"study{study}", "series": f"series{series}"} if series else {"study": "", "series": ""}
    return Waiting(path=f"{path}.dcm", size=size, received=received, inode=1, modified=1, **known)


def counted(path: Path) -> list[Series]:
    """The series as all files have them."""
    with closing(database.connect_read_only(path)) as connection:
        return [Series(**dict(row)) for row in connection.execute(BY_SERIES)]


def test_series_are_known_as_their_files_come_are_replaced_and_go(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SERIES_AT_ONCE", 3)
    chance = random.Random(17)
    for _ in range(12):
        come = [
            waiting(
                chance.randrange(60), chance.randrange(3), chance.randrange(5), chance.randrange(99), size=s
            )
            for s in range(8)
        ]
        with record.transaction():
            record.add(come)
            record.forget([chance.randrange(1, 400) for _ in range(8)])
        assert list(record.series_by_age()) == counted(tmp_path / "receiver.sqlite")


def test_a_record_of_before_knows_its_series_too(tmp_path: Path) -> None:
    scripts = sorted(files("niffler_ops.realtime.migrations").iterdir(), key=lambda script: script.name)
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for script in [one for one in scripts if one.name < "004"]:
            connection.executescript(script.read_text() if script.name.endswith(".sql") else "")
        connection.executemany(
            "INSERT INTO files (path, study, series, size, received, inode, modified) VALUES (?,?,?,7,?,1,1)",
            [(f"{n}", "study", f"{n % 3 or ''}", f"2024-03-01T00:00:0{n}.000+00:00") for n in range(9)],
        )
        connection.execute("PRAGMA user_version = 3")
        connection.commit()
    with closing(Record(path, FakeClock())) as record:
        assert list(record.series_by_age()) == counted(path)
        assert [series.files for series in record.series_by_age()] == [3, 3]


def test_no_query_reads_all_files(record: Record, tmp_path: Path) -> None:
    with record.transaction():
        record.add([waiting(1, 1, 1, 1)])
    queries = database.named_queries("niffler_ops.realtime", "queries.sql")
    with closing(database.connect_read_only(tmp_path / "receiver.sqlite")) as connection:
        connection.execute("PRAGMA automatic_index = 0")
        for name, query in queries.items():
            wanted = dict.fromkeys(query.replace("(", " ").replace(")", " ").replace(",", " ").split(), None)
            named = {word[1:]: "[]" for word in wanted if word.startswith(":")}
            values: object = named or [None] * query.count("?")
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()  # type: ignore[arg-type]
            steps = [row["detail"] for row in plan]
            scans = [
                step for step in steps if step.startswith("SCAN files") and "files_unreadable" not in step
            ]
            assert not scans, f"{name}: {steps}"
