"""The same tables as Parquet, which keeps numbers as numbers; needs the package pyarrow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

from niffler_ops.errors import ConfigurationError
from niffler_ops.files import replacing
from niffler_ops.metadata.folding import plain
from niffler_ops.metadata.table import INTEGER, NUMBER, TEXT, read_rows, survey
from niffler_ops.metadata.values import Value

# What is held of one row group. Small groups cost memory too: pyarrow remembers every column of each.
_MOST_CELLS = 8_000_000
_MOST_VALUES = 500_000


def write_parquet(path: Path, fragments: Sequence[Path], columns: Sequence[str] | None = None) -> int:
    """Write a Parquet table of the same columns and rows as `write_csv`; gives the number of rows.

    A column is of 64-bit integers or floats where all its values are, else of text. Raises
    ConfigurationError where pyarrow is not installed.
    """
    arrow, parquet = _pyarrow()
    found = survey(fragments)
    names = found.names() if columns is None else list(columns)
    kinds = {name: found.kinds.get(name, TEXT) for name in names}
    types = {INTEGER: arrow.int64(), NUMBER: arrow.float64(), TEXT: arrow.string()}
    schema = arrow.schema([(name, types[kinds[name]]) for name in names])
    with (
        replacing(path) as stream,
        parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        for columns_of_group in _groups(read_rows(fragments), kinds):
            arrays = [
                arrow.array(values, types[kind])
                for values, kind in zip(columns_of_group, kinds.values(), strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
    return found.rows


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional dependency
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "Parquet needs the package pyarrow, which is not installed: pip install 'niffler-ops[parquet]'"
        ) from error
    return pa, parquet


def _groups(rows: Iterable[Mapping[str, Value]], kinds: Mapping[str, str]) -> Iterator[Iterable[list[Value]]]:
    """The values of so many rows, column by column; each column is let go once it was asked for."""
    columns: dict[str, list[Value]] = {name: [] for name in kinds}
    number = values = 0
    for row in rows:
        for name in row.keys() & columns.keys():
            _put(columns[name], number, _typed(row[name], kinds[name]))
        number, values = number + 1, values + len(row)
        if values >= _MOST_VALUES or number * len(columns) >= _MOST_CELLS:
            yield _filled(columns, number)
            number = values = 0
    yield _filled(columns, number)


def _put(column: list[Value], place: int, value: Value) -> None:
    column.extend(repeat(None, place - len(column)))
    column.append(value)


def _filled(columns: dict[str, list[Value]], rows: int) -> Iterator[list[Value]]:
    for name, column in columns.items():
        column.extend(repeat(None, rows - len(column)))
        columns[name] = []
        yield column


def _typed(value: Value, kind: str) -> Value:
    return value if value is None or kind != TEXT else str(plain(value))
