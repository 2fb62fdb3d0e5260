"""Tables and JSON in the output: every cell and every value."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from niffler_ops.audit.elements import TEMPORAL
from niffler_ops.audit.model import Channel
from niffler_ops.audit.records import search_record
from niffler_ops.audit.runs import BLOCK
from niffler_ops.audit.searching import Place, Search, vr_of

_SEEN = 200_000
_INSTANCE = "SOPInstanceUID"


def search_csv(path: Path, where: str, search: Search) -> None:
    """Search a table by its columns; raises csv.Error or UnicodeDecodeError where it is none."""
    with _cells_of_any_length(), path.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
        stream.seek(0)
        reader = csv.reader(stream, delimiter=max(",;\t", key=first.count))
        header = next(reader, [])
        for number, name in enumerate(header, start=1):
            place = Place(channel=Channel.CELL, where=where, place=f"header of column {number}")
            search.text(name, place)
        _search_rows(reader, header, where, search)


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """The limit is the whole process's, and others rely on it."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _search_rows(reader: Any, header: list[str], where: str, search: Search) -> None:
    seen: set[int] = set()
    vrs = [vr_of(name) for name in header]
    instance = header.index(_INSTANCE) if _INSTANCE in header else None
    for row in reader:
        pseudonym = hash(row[instance]) if instance is not None and instance < len(row) else None
        for number, cell in enumerate(row):
            vr = vrs[number] if number < len(vrs) else ""
            key = hash((number, cell))
            if cell and key not in seen:
                seen.add(key)
                _search_cell(cell, number, header, vr, f"line {reader.line_num}", where, search)
            if vr in TEMPORAL and pseudonym is not None:
                place = Place(
                    channel=Channel.DATE,
                    where=where,
                    place=f"line {reader.line_num}, {header[number]}",
                    name=header[number],
                )
                search.same_date(pseudonym, cell, place)
        if len(seen) > _SEEN:
            seen.clear()
        if search.is_full:
            search.flush()


def _search_cell(
    cell: str, number: int, header: list[str], vr: str, line: str, where: str, search: Search
) -> None:
    name = header[number] if number < len(header) else ""
    shown = name if vr else f"column {number + 1}"
    place = Place(channel=Channel.CELL, where=where, place=f"{line}, {shown}", name=name, vr=vr)
    search.text(cell, place)
    if name:
        search.at_home(cell, place)


def search_json(path: Path, where: str, search: Search) -> None:
    """Search JSON, one object or one a line; raises ValueError where it is neither."""
    if path.suffix.lower() == ".json":
        _search_object(json.loads(path.read_bytes()), where, "", search)
        return
    with path.open(encoding="utf-8") as stream:
        number = 0
        while line := stream.readline(BLOCK):
            number += 1
            if line.strip():
                _search_object(json.loads(line), where, f"line {number}", search)


def _search_object(value: Any, where: str, line: str, search: Search) -> None:
    for record in value if isinstance(value, list) else [value]:
        search_record(record, Place(channel=Channel.RECORD, where=where, place=line or "value"), search)
