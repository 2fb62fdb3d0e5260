"""An open CSV: its delimiter and header, and its records with their lines."""

import csv
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from niffler_ops.config import Config
from niffler_ops.intake.columns import Columns, find_columns
from niffler_ops.intake.survey import Survey, read_survey, refuse
from niffler_ops.intake.values import BLANKS

MAX_LINE = 1_048_576  # characters; a longer line is no CSV
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """An open CSV: its header has been read, its records can be."""

    survey: Survey
    delimiter: str
    header: list[str]
    header_line: int
    columns: Columns
    records: Iterator[tuple[int, list[str] | None]]


@contextmanager
def opened(config: Config) -> Iterator[Table]:
    """The CSV with its header read; InputError also where it changes meanwhile."""
    path = config.csv_file
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            refuse(path, "is a folder" if path.is_dir() else "is not a file")
        with path.open("rb") as data:
            before = os.fstat(data.fileno())
            survey = read_survey(path, data)
            data.seek(0)
            text = io.TextIOWrapper(data, encoding=survey.encoding, newline=survey.newline)
            delimiter, header = _header(path, text)
            text.seek(0)
            records = _records(path, text, delimiter)
            header_line, _ = next(records)
            yield Table(
                survey=survey,
                delimiter=delimiter,
                header=header,
                header_line=header_line,
                columns=find_columns(config, header, header_line),
                records=records,
            )
            after = os.fstat(text.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                refuse(path, "it changed while it was read; start again")
    except OSError as error:
        refuse(path, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        refuse(path, "it changed while it was read; start again")


def _header(path: Path, text: TextIO) -> tuple[str, list[str]]:
    """The delimiter under which the header has the most columns, and these."""
    found: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        text.seek(0)
        cells = next(_records(path, text, delimiter, lenient=True), (1, None))[1]
        if cells is not None:
            found[delimiter] = cells
    if not found:
        refuse(path, "the header's quotes are not closed", 1)
    best = max(found, key=lambda delimiter: len(found[delimiter]))  # the first of equals
    return best, found[best]


def _records(
    path: Path, text: TextIO, delimiter: str, *, lenient: bool = False
) -> Iterator[tuple[int, list[str] | None]]:
    """Each record that is not blank with the line on which it starts; None where its quotes are wrong.

    Quotes that are wrong over more than one line leave open where the next record starts: InputError,
    unless `lenient`.
    """
    reader = csv.reader(_lines(path, text), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not lenient and (reader.line_num > start or "end of data" in str(error)):
                refuse(path, "a quote is opened on this line and not closed as it should be", start)
            yield start, None
            continue
        if len(cells) > 1 or (cells and cells[0].strip(BLANKS)):
            yield start, cells


def _lines(path: Path, text: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(partial(text.readline, MAX_LINE), ""), start=1):
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            refuse(path, f"a line of more than {MAX_LINE} characters", number)
        yield line
