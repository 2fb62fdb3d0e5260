"""report.csv: what became of each line of the CSV."""

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from niffler_ops.files import write_durable
from niffler_ops.ledger.store import Ledger

LINE = "line"
OUTCOME = (
    "state",
    "reason",
    "studies",
    "instances_expected",
    "instances_received",
    "verified",
    "archive",
    "mismatches",
    "study_instance_uids",
)
PREFIX = "niffler_"
CHUNK_LINES = 1000


def write_report(ledger: Ledger, path: Path, header: Sequence[str]) -> None:
    """Replace the report: the file line, the user's own columns under `header`, and the outcome.

    UTF-8, commas, lines ending in LF; several values in one cell are joined by `;`. The user's cells
    stand exactly as in their file, so that the report can be joined with it: one that a spreadsheet
    takes for a formula (beginning with = + - @) is not altered, as in the file itself. A rejected line
    is brought to as many columns as the header has.
    """
    write_durable(path, _chunks(_lines(ledger, header)))


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """The report's header; ours give way to the user's by a prefix."""
    taken = {name.strip().casefold() for name in header}
    line, *outcome = (_free(name, taken) for name in (LINE, *OUTCOME))
    return (line, *header, *outcome)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = PREFIX + name
    return name


def _lines(ledger: Ledger, header: Sequence[str]) -> Iterator[tuple[object, ...]]:
    yield column_names(header)
    for row in ledger.report_rows():
        yield (row["line"], *_cells(row, len(header)), *_outcome(row))


def _cells(row: sqlite3.Row, width: int) -> list[str]:
    cells: list[str] = json.loads(row["cells"])
    return (cells + [""] * (width - len(cells)))[:width]


def _outcome(row: sqlite3.Row) -> tuple[object, ...]:
    return (
        row["state"],
        row["reason"],
        row["studies"],
        row["expected"],
        row["received"],
        _joined(row["verified"]),
        _joined(row["archives"]),
        row["mismatches"],
        _joined(row["uids"]),
    )


def _joined(values: str | None) -> str:
    """What SQLite joined by commas, which neither UIDs nor our words hold, in an order that stays."""
    return ";".join(sorted(values.split(","))) if values else ""


def _chunks(lines: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    """Encoded lines, many at a time: memory stays the same whatever the number of rows."""
    buffer = _Buffer()
    writer = csv.writer(buffer)  # its CRLF makes it quote both CR and LF
    for number, line in enumerate(lines, start=1):
        writer.writerow(line)
        if number % CHUNK_LINES == 0:
            yield buffer.take()
    yield buffer.take()


class _Buffer:
    """Collects what csv writes, one call a line, and ends the lines in LF."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        """Keep one line."""
        self._lines.append(line.removesuffix("\r\n") + "\n")

    def take(self) -> bytes:
        """What was kept since the last time."""
        text = "".join(self._lines)
        self._lines.clear()
        return text.encode("utf-8")
