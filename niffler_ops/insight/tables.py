"""Tables as they leave: values for people and programs, CSV, and text on a terminal."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from niffler_ops.metadata.table import cell
from niffler_ops.metadata.values import Value

_INTERNAL = "device"  # by which tables are grouped; serial number and station name tell the same
_DIGITS = 2
_GAP = "  "


class Counted:
    """Tables that pass, and how many rows they had."""

    def __init__(self, tables: Iterable[pd.DataFrame]) -> None:
        self._tables, self.rows = tables, 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for table in self._tables:
            self.rows += len(table)
            yield table

    def all(self) -> pd.DataFrame:
        """As one table, from which empty ones have no say in the types of columns."""
        found = list(self)
        filled = [table for table in found if len(table)]
        return pd.concat(filled, ignore_index=True) if filled else found[0]


def columns(table: pd.DataFrame) -> list[str]:
    """The columns that are shown."""
    return [str(name) for name in table.columns if name != _INTERNAL]


def rows(table: pd.DataFrame) -> Iterator[list[Value]]:
    """The values: days and times as ISO 8601 to the second, numbers to two digits, nothing as None."""
    shown = [table[name].astype(object) for name in columns(table)]
    for values in zip(*shown, strict=True):
        yield [
            _day(value) if name == "date" else _value(value)
            for name, value in zip(columns(table), values, strict=True)
        ]


def csv_chunks(tables: Iterable[pd.DataFrame]) -> Iterator[bytes]:
    """Tables of the same columns as one CSV; what a spreadsheet would run as a formula is made harmless."""
    begun = False
    for table in tables:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        if not begun:
            writer.writerow(columns(table))
            begun = True
        writer.writerows([cell(value) for value in row] for row in rows(table))
        yield buffer.getvalue().encode("utf-8", "replace")


def text(table: pd.DataFrame) -> str:
    """The table in columns of text, numbers to the right."""
    names, lines = columns(table), [list(map(display, row)) for row in rows(table)]
    widths = [max(map(len, column)) for column in zip(names, *lines, strict=True)]
    right = [pd.api.types.is_numeric_dtype(table[name].dtype) for name in names]
    return "".join(
        _GAP.join(
            part.rjust(width) if to_right else part.ljust(width)
            for part, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        + "\n"
        for line in [names, *lines]
    )


def display(value: Value) -> str:
    """A value for people; control characters of whoever wrote the header do not reach a terminal."""
    written = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in written)


def _value(value: Any) -> Value:
    if pd.isna(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, bool):
        return "yes" if value else None
    return round(value, _DIGITS) if isinstance(value, float) else value


def _day(value: Any) -> Value:
    return None if pd.isna(value) else f"{value:%Y-%m-%d}"
