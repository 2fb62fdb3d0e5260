"""The same tables as Parquet, which keeps numbers as numbers; needs the package pyarrow."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from niffler_ops.errors import ConfigurationError
from niffler_ops.files import PRIVATE_FILE, rename, sync_file_system
from niffler_ops.metadata.folding import plain
from niffler_ops.metadata.table import INTEGER, NUMBER, TEXT, read_rows, survey
from niffler_ops.metadata.values import Value

_CELLS_AT_ONCE = 2_000_000
_MOST_ROWS_AT_ONCE = 50_000


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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, PRIVATE_FILE), "wb") as stream:
            with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
                for batch in _batches(read_rows(fragments), len(names)):
                    arrays = [
                        arrow.array([_typed(row.get(name), kind) for row in batch], types[kind])
                        for name, kind in kinds.items()
                    ]
                    writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            stream.flush()
            os.fsync(stream.fileno())
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_file_system(path.parent)
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


def _batches(rows: Iterable[Mapping[str, Value]], columns: int) -> Iterator[list[Mapping[str, Value]]]:
    size = max(1, min(_MOST_ROWS_AT_ONCE, _CELLS_AT_ONCE // max(1, columns)))
    batch: list[Mapping[str, Value]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _typed(value: Value, kind: str) -> Value:
    return value if value is None or kind != TEXT else str(plain(value))
