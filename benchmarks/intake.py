"""Import of a long list and its correction: a check of the whole CSV, then every row, all or nothing.

The reference is what the csv module and SQLite need for the same lines without looking at them.
"""

import csv
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

from benchmarks.many_rows import Imported, imported
from benchmarks.rows import Row, by_limit
from benchmarks.setting import Setting
from niffler_ops.config import load
from niffler_ops.intake import read_rows
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger

NAME = "intake"
TITLE = "Import of a list"


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """Seconds and memory; the goals are those of a million rows."""
    rows = setting.many_rows
    mine = imported(setting, rows)
    share = rows / 1_000_000
    yield by_limit(
        f"{rows:,} rows, start included",
        "s",
        [mine.usage.seconds],
        at_most=60 * share,
        reference=_bare_import(setting, mine),
    )
    yield by_limit("memory", "MB", [mine.usage.peak_bytes / 1e6], at_most=300)
    yield by_limit("the same list given again as a corrected one", "s", [_correct(mine)], at_most=60 * share)


def _correct(mine: Imported) -> float:
    config = load(mine.list.with_name("config.json"), None, {})
    with closing(Ledger.open(Layout.found(mine.storage).ledger)) as ledger:
        record = ledger.record()
        if record is None:
            raise RuntimeError(f"nothing was imported: see {mine.storage}")
        begun = time.perf_counter()
        ledger.correct(
            csv_file=mine.list,
            csv_digest=record.csv_digest,
            csv_header=record.csv_header,
            rows=read_rows(config, digest=record.csv_digest),
        )
        return time.perf_counter() - begun


def _bare_import(setting: Setting, mine: Imported) -> float:
    path = setting.new_folder("bare-import") / "bare.sqlite"
    begun = time.perf_counter()
    with closing(sqlite3.connect(path)) as connection, mine.list.open(encoding="utf-8", newline="") as lines:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE list (patient TEXT, accession TEXT)")
        with connection:
            connection.executemany("INSERT INTO list VALUES (?, ?)", csv.reader(lines))
    return time.perf_counter() - begun
