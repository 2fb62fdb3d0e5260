"""SQLite databases and Parquet tables in the output: every row."""

import importlib
import sqlite3
from contextlib import closing
from pathlib import Path

from niffler_ops.audit.model import Channel
from niffler_ops.audit.records import search_record
from niffler_ops.audit.searching import Place, Search

_ROWS = 1000


def search_sqlite(path: Path, where: str, search: Search) -> None:
    """Search every row of every table; raises sqlite3.Error where it is damaged."""
    # Without a write-ahead log nothing needs to be recovered, and a read-only folder is no obstacle.
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as connection:
        connection.text_factory = lambda content: content.decode("utf-8", "replace")
        names = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        for number, (name, definition) in enumerate(names.fetchall(), start=1):
            place = Place(channel=Channel.RECORD, where=where, place=f"table {number}")
            search.text(definition, place)
            _search_table(connection, name, place, search)


def _search_table(connection: sqlite3.Connection, name: str, place: Place, search: Search) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    rows = connection.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - a quoted name of the file's own
    columns = [column[0] for column in rows.description]
    for number, row in enumerate(rows, start=1):
        here = Place(channel=place.channel, where=place.where, place=f"{place.place}, row {number}")
        search_record(dict(zip(columns, row, strict=True)), here, search)


def search_parquet(path: Path, where: str, search: Search) -> None:
    """Search every row; raises ImportError without pyarrow, and its errors where the file is damaged."""
    pq = importlib.import_module("pyarrow.parquet")  # an optional package, and a slow one to import

    number = 0
    with pq.ParquetFile(path) as table:
        for batch in table.iter_batches(batch_size=_ROWS):
            for record in batch.to_pylist():
                number += 1
                place = Place(channel=Channel.CELL, where=where, place=f"row {number}")
                search_record(record, place, search)
