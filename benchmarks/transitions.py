"""Transitions of the ledger against bare SQLite with the same durability, in groups of several sizes.

Ours are guarded, keep the tallies and write an event each; the reference only sets a number in a table
without an index. Both commit with synchronous=FULL, so that a group of one measures the disk.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

from benchmarks.rows import Row, alternately, by_limit, by_ratio
from benchmarks.setting import Setting, settle
from niffler_ops import database
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.model import CsvRow

NAME = "transitions"
TITLE = "Transitions of the ledger, synchronous=FULL"
GROUPS = {1: 400, 10: 4000, 100: 20_000}  # and how many rows pass in them


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """By the size of the group; the goal is one of grouping."""
    for group, rows in GROUPS.items():
        number = rows // 4 if setting.quick else rows
        pairs = alternately(
            1 if setting.quick else 3,
            partial(_ours, setting, number, group),
            partial(_bare, setting, number, group),
        )
        row = by_ratio(f"{group} in a commit", "transitions/s", pairs)
        if group == max(GROUPS):
            row = by_limit(
                row.what, row.unit, [ours for ours, _ in pairs], at_least=5000, reference=row.reference
            )
        yield row


def _ours(setting: Setting, rows: int, group: int) -> float:
    layout = Layout(setting.new_folder("ledger"))
    layout.private.mkdir()
    with closing(Ledger.open(layout.ledger)) as ledger:
        ledger.create(
            configuration={},
            storage_folder=layout.storage_folder,
            csv_file=layout.storage_folder / "list.csv",
            csv_digest="",
            csv_header=("AccessionNumber",),
            rows=(
                CsvRow(line=line, values=(str(line),), keys={"AccessionNumber": str(line)})
                for line in range(2, rows + 2)
            ),
        )
        settle()
        begun = time.perf_counter()
        for _ in range(rows // group):
            with ledger.transaction():
                claimed = ledger.rows.claim(group)
            with ledger.transaction():
                for row in claimed:
                    ledger.rows.not_found(row.id, "the archive has no match")
        return 2 * rows / (time.perf_counter() - begun)


def _bare(setting: Setting, rows: int, group: int) -> float:
    with closing(database.connect(setting.new_folder("bare-ledger") / "bare.sqlite")) as connection:
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, state INTEGER NOT NULL)")
        with database.transaction(connection):
            connection.executemany("INSERT INTO rows VALUES (?, 0)", ((row,) for row in range(rows)))
        settle()
        begun = time.perf_counter()
        for start in range(0, rows, group):
            for state in (1, 2):
                with database.transaction(connection):
                    for row in range(start, start + group):
                        _set(connection, row, state)
        return 2 * rows / (time.perf_counter() - begun)


def _set(connection: sqlite3.Connection, row: int, state: int) -> None:
    connection.execute("UPDATE rows SET state = ? WHERE id = ?", (state, row))
