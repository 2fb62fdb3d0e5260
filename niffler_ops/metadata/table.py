"""Tables put together from fragments: a JSON Lines file for each batch, one line a row.

Fragments are written by workers side by side, each as a whole, and replaced when a batch is done again. The
table is made from all of them in two passes, so that it needs the memory of its columns and not of its rows.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from niffler_ops.errors import NifflerError
from niffler_ops.files import write_durable
from niffler_ops.metadata.folding import plain
from niffler_ops.metadata.values import Value

SUFFIX = ".jsonl"
FIRST_COLUMNS = ("SOPInstanceUID",)

_CHUNK = 1024 * 1024
INTEGER, NUMBER, TEXT = "integer", "number", "text"
_FORMULA = re.compile(r"[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]")
_NUMBERS = re.compile(r"([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)?", re.ASCII)


class DamagedFragmentError(NifflerError):
    """A fragment is not as it was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What fragments hold: in how many rows each column has a value, what kind of values, how many rows."""

    rows: int
    filled: Counter[str] = field(default_factory=Counter)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def names(self, first: Sequence[str] = FIRST_COLUMNS) -> list[str]:
        """All columns: these first, where they are there, and the others by name."""
        leading = [name for name in first if name in self.filled]
        return leading + sorted(self.filled.keys() - set(leading))

    def common(self, first: Sequence[str] = FIRST_COLUMNS) -> list[str]:
        """Those that have a value in every row."""
        return [name for name in self.names(first) if self.filled[name] == self.rows]


def write_fragment(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """Write the rows of a batch, durably and as a whole, replacing those written before."""
    write_durable(path, (f"{json.dumps(row, allow_nan=False)}\n".encode() for row in rows))


def fragments_in(folder: Path) -> list[Path]:
    """The fragments of a folder, in the order of their names."""
    return sorted(folder.glob(f"[!.]*{SUFFIX}"))


def survey(fragments: Iterable[Path]) -> Columns:
    """Which columns there are."""
    rows, filled, kinds = 0, Counter[str](), dict[str, str]()
    for row in read_rows(fragments):
        rows += 1
        filled.update(row.keys())
        for name, value in row.items():
            if kinds.get(name) != TEXT:
                kinds[name] = _wider(kinds.get(name), value)
    return Columns(rows=rows, filled=filled, kinds=kinds)


def write_csv(path: Path, fragments: Sequence[Path], columns: Sequence[str] | None = None) -> int:
    """Write a CSV table, durably and as a whole; gives the number of rows.

    Without `columns`, all there are: SOPInstanceUID and the others by name. The same fragments in the same
    order give the same bytes. UTF-8; several values stand with a backslash between them, sequences as JSON.
    A text that a spreadsheet would run as a formula has an apostrophe before it; numbers never have.
    """
    names = survey(fragments).names() if columns is None else list(columns)
    written = _Written()
    write_durable(path, written.chunks(names, read_rows(fragments)))
    return written.rows


def read_rows(fragments: Iterable[Path]) -> Iterator[dict[str, Value]]:
    """The rows of all fragments, without empty values."""
    for path in fragments:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield _row(line, path, number)


def cell(value: Value) -> str:
    """A value as it stands in a CSV file."""
    text = plain(value)
    if not isinstance(text, str):
        return str(text)
    if _FORMULA.match(text) and not all(map(_NUMBERS.fullmatch, text.split("\\"))):
        return f"'{text}"
    return text


class _Written:
    """A CSV in pieces of about a megabyte, counting its rows."""

    def __init__(self) -> None:
        self.rows = 0

    def chunks(self, names: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> Iterator[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(map(cell, names))
        places = {name: place for place, name in enumerate(names)}
        for row in rows:
            cells = [""] * len(names)
            for name in row.keys() & places.keys():
                cells[places[name]] = cell(row[name])
            writer.writerow(cells)
            self.rows += 1
            if buffer.tell() > _CHUNK:
                yield buffer.getvalue().encode("utf-8", "replace")
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue().encode("utf-8", "replace")


def _row(line: bytes, path: Path, number: int) -> dict[str, Value]:
    try:
        row: Any = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise DamagedFragmentError(f"{path}, line {number}: no row of a table; remove the file and run again")
    return {name: value for name, value in row.items() if value not in (None, "", [])}


def _wider(kind: str | None, value: Value) -> str:
    """The kind of a column so far, and of one more value."""
    if isinstance(value, int) and kind in (None, INTEGER):
        return INTEGER
    return NUMBER if isinstance(value, int | float) else TEXT
