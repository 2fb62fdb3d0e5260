"""The tables of OutputFolder, put together from what the jobs left; one writer at a time."""

import csv
import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil

from niffler_ops.files import make_private_folder, write_durable
from niffler_ops.metadata import fragments_in, survey, write_csv, write_parquet
from niffler_ops.metadata.table import cell, read_rows
from niffler_ops.metadata.values import Value
from niffler_ops.postprocess.job import Processor, Settings
from niffler_ops.postprocess.linking import linked
from niffler_ops.postprocess.places import Places

MAPPING = ("png", "SOPInstanceUID", "frame")
FAILURES = ("processor", "file", "SOPInstanceUID", "rule", "reason")
LINKING = ("attribute", "original", "pseudonym")
ROWS_AT_ONCE = 1000
_HALF = re.compile(r"\.(?:metadata|mapping|failures)\.(?:csv|parquet)\.([0-9]+)\.part", re.ASCII)


def write_tables(settings: Settings) -> None:
    """Bring every table up to date; those without a fragment are left alone."""
    places = Places.of(settings)
    make_private_folder(places.output)
    _remove_halves(places.output)
    metadata = _metadata(places)
    if metadata:
        columns = survey(metadata)
        names = columns.common() if settings.common else columns.names()
        write_csv(places.table("metadata"), metadata, names)
        if settings.parquet:
            write_parquet(places.table("metadata").with_suffix(".parquet"), metadata, names)
    mapping = _fragments(places, "mapping")
    if mapping:
        write_csv(places.table("mapping"), mapping, survey(mapping).names(MAPPING))
    linking, failures = linked(places.private), _fragments(places, "failures")
    if linking or metadata or mapping or failures:
        write_csv(places.table("failures"), failures, FAILURES)
    if linking:
        write_durable(places.table("linking"), _distinct(linking, places.private))


def _remove_halves(folder: Path) -> None:
    """What a writer of ours that was killed has left; one that lives is left alone."""
    for left in folder.glob(".*.part"):
        found = _HALF.fullmatch(left.name)
        if found is not None and not psutil.pid_exists(int(found[1])):
            left.unlink(missing_ok=True)


def _fragments(places: Places, table: str) -> list[Path]:
    return [path for processor in Processor for path in fragments_in(places.fragments(table, processor))]


def _metadata(places: Places) -> list[Path]:
    """A line for each file, though both `metadata` and `png` leave one: that of `metadata`."""
    own = fragments_in(places.fragments("metadata", Processor.METADATA))
    names = {path.name for path in own}
    further = fragments_in(places.fragments("metadata", Processor.PNG))
    return own + [path for path in further if path.name not in names]


def _distinct(fragments: list[Path], folder: Path) -> Iterator[bytes]:
    """The lines of linking.csv, each once and in order, whatever their number: sorted on the disk."""
    scratch = folder / "linking.sqlite"
    scratch.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(scratch, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(
                "CREATE TABLE links (attribute, original, pseudonym,"
                " PRIMARY KEY (attribute, original, pseudonym)) WITHOUT ROWID"
            )
            connection.execute("BEGIN")
            rows = (tuple(_text(row.get(name)) for name in LINKING) for row in read_rows(fragments))
            connection.executemany("INSERT OR IGNORE INTO links VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
            yield from _lines(connection.execute("SELECT * FROM links ORDER BY attribute, original"))
    finally:
        scratch.unlink(missing_ok=True)


def _text(value: Value) -> str:
    """A text that SQLite takes: names of files may be no UTF-8."""
    return str(value or "").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _lines(rows: sqlite3.Cursor) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(LINKING)
    while batch := rows.fetchmany(ROWS_AT_ONCE):
        writer.writerows([[cell(value) for value in row] for row in batch])
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "replace")
