"""The rows of a CSV: one streaming pass to check, one to import."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from niffler_ops.config import Config
from niffler_ops.errors import InputError
from niffler_ops.intake.cells import cell_reader
from niffler_ops.intake.survey import refuse
from niffler_ops.intake.table import Table, opened
from niffler_ops.intake.values import BLANKS
from niffler_ops.model import CsvRow, KeyColumn
from niffler_ops.querying import level_of, vr_of
from niffler_ops.sheet import own_cells, own_columns

_SHORTENED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]{1,3}")
MAX_LISTED = 10_000  # refused lines kept in memory; the number counts them all


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvSummary:
    """What one pass over the CSV found.

    `rows` counts all queries, `keywords` are the attributes that they ask for. `rejected_count` counts those
    refused; `rejected` lists them with line and reason, at most MAX_LISTED. `header` holds the header's
    cells without those that a sheet added. `digest` is the SHA-256 of the file's bytes.
    """

    rows: int
    keywords: tuple[str, ...]
    rejected: tuple[tuple[int, str], ...]
    rejected_count: int
    digest: str
    delimiter: str
    header: tuple[str, ...]
    encoding: str
    warnings: tuple[str, ...]


def check(config: Config) -> CsvSummary:
    """Read the whole CSV once; InputError where nothing of it can be used."""
    rejected: list[tuple[int, str]] = []
    rows = refused = 0
    shortened: tuple[int, str] | None = None
    warnings: list[str] = []
    with opened(config) as table:
        warnings += table.columns.warnings
        if table.survey.not_utf8_line is not None:
            warnings.append(
                f"{config.csv_file}:{table.survey.not_utf8_line}: the text is not UTF-8 and is read as "
                "Windows-1252; non-ASCII ids may be misread"
            )
        for row in _rows(config, table):
            if not rows and _looks_like_query(config, table, row):
                warnings.append(
                    f"{config.csv_file}:{table.header_line}: the first line looks like a query; it is taken "
                    "as the header and not asked for"
                )
            rows += 1
            shortened = shortened or _shortened(row)
            if row.refused is not None:
                refused += 1
                if len(rejected) < MAX_LISTED:
                    rejected.append((row.line, row.refused))
    if shortened is not None:
        line, keyword = shortened
        warnings.append(
            f"{config.csv_file}:{line}: {keyword} is a number that a spreadsheet has shortened, as 9.1E+12"
            " is: export it again with that column as text"
        )
    if not rows and config.shard is not None:
        refuse(config.csv_file, f"no line of it belongs to shard {config.shard}; fewer shards would do")
    if rows == refused:
        _no_good_row(config.csv_file, rejected, refused)
    return CsvSummary(
        rows=rows,
        keywords=tuple(column.keyword for column in table.columns.keys),
        rejected=tuple(rejected),
        rejected_count=refused,
        digest=table.survey.digest,
        delimiter=table.delimiter,
        header=tuple(table.header[: own_columns(table.header)]),
        encoding=table.survey.encoding,
        warnings=tuple(warnings),
    )


def read_rows(config: Config, *, digest: str | None = None) -> Iterator[CsvRow]:
    """The rows of the CSV in its order, refused ones included, a constant number of them in memory.

    InputError as for `check`, and where the file is not that with `digest`.
    """
    with opened(config) as table:
        if digest not in (None, table.survey.digest):
            refuse(config.csv_file, "it has changed since it was checked; start again")
        yield from _rows(config, table)


def _shortened(row: CsvRow) -> tuple[int, str] | None:
    """The line and attribute of an identifier that a spreadsheet has made a number with an exponent."""
    for keyword, value in row.keys.items():
        if "E+" in value and _SHORTENED.fullmatch(value):
            return row.line, keyword
    return None


def _no_good_row(path: Path, rejected: list[tuple[int, str]], refused: int) -> NoReturn:
    if not refused:
        refuse(path, "there is no line after the header")
    texts = [f"{path}: none of its {refused} lines can be asked for:"]
    texts += [f"{path}:{line}: {reason}" for line, reason in rejected]
    if refused > len(rejected):
        texts.append(f"{path}: and {refused - len(rejected)} more")
    raise InputError("\n".join(texts))


def _rows(config: Config, table: Table) -> Iterator[CsvRow]:
    """The rows of an open CSV that are ours."""
    shard = config.shard
    for row in _all_rows(config, table):
        if shard is None or shard.holds(_query(row)):
            yield row


def _query(row: CsvRow) -> Iterator[str]:
    """What a row asks for, in whatever order its columns are; of a refused one what it holds."""
    if row.keys:
        return (f"{keyword}={value}" for keyword, value in sorted(row.keys.items()))
    return iter(row.values)


def _all_rows(config: Config, table: Table) -> Iterator[CsvRow]:
    keys_of_row = _key_reader(config, table.columns.keys)
    named = [index for index, cell in enumerate(table.header) if cell.strip(BLANKS)]
    fewest = 1 + max([*named, *(column.index for column in table.columns.keys)])
    most, own = len(table.header), own_columns(table.header)
    for line, cells in table.records:
        if cells is None:
            yield CsvRow(line=line, values=(), keys={}, refused="its quotes, line breaks or length are wrong")
            continue
        reasons = [] if fewest <= len(cells) <= most else _shape_problems(cells, fewest, most)
        if table.survey.holds_nul and "\0" in "".join(cells):
            reasons.append("it holds a NUL character")
        keys = keys_of_row(cells, reasons) if not reasons else {}
        yield CsvRow(
            line=line,
            values=own_cells(cells, own, most),
            keys={} if reasons else keys,
            refused="; ".join(reasons) if reasons else None,
        )


def _key_reader(
    config: Config, columns: Sequence[KeyColumn]
) -> Callable[[list[str], list[str]], dict[str, str]]:
    """What turns the cells of a line into its keys, adding the reasons for which that cannot be."""
    readers = [
        (column.index, column.keyword, column.optional, cell_reader(config, column)) for column in columns
    ]
    study_level = {column.keyword for column in columns if level_of(column.keyword) == "STUDY"}
    names = ", ".join(column.name for column in columns if column.keyword in study_level)

    def read_keys(cells: list[str], reasons: list[str]) -> dict[str, str]:
        keys = {}
        for index, keyword, optional, read in readers:
            value = cells[index].strip(BLANKS)
            if value or not optional:
                try:
                    keys[keyword] = read(value)
                except ValueError as problem:
                    reasons.append(str(problem))
        if not reasons and study_level.isdisjoint(keys):
            reasons.append(f"it has no value for any key of patient or study level ({names})")
        return keys

    return read_keys


def _shape_problems(cells: list[str], fewest: int, most: int) -> list[str]:
    """Missing or further cells shift the others; empty ones at the end, as spreadsheets have, do not."""
    if len(cells) >= fewest and not any(cell.strip(BLANKS) for cell in cells[most:]):
        return []
    return [f"it has {len(cells)} columns, the header has {most if len(cells) > most else fewest}"]


def _looks_like_query(config: Config, table: Table, first: CsvRow) -> bool:
    """Whether the header's key cells are values rather than names."""
    if config.keys_in_header:
        return False
    for column in table.columns.keys:
        cell = table.header[column.index].strip(BLANKS)
        if vr_of(column.keyword) == "DA":
            try:
                cell_reader(config, column)(cell)
            except ValueError:
                return False
            continue
        below = "".join(first.values[column.index : column.index + 1])
        if not re.search("[0-9]", cell) or _shape(cell) != _shape(below):
            return False
    return True


def _shape(cell: str) -> str:
    """What an id looks like: letters and digits told apart, their numbers not."""
    return re.sub("[A-Za-z]+", "A", re.sub("[0-9]+", "9", cell.strip(BLANKS)))
