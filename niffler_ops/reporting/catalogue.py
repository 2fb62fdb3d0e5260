"""The CFIND modes' tables: one line for each study, and with CFIND-DETAILED one for each series."""

import csv
import io
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from niffler_ops.files import write_durable
from niffler_ops.ledger.store import Ledger
from niffler_ops.metadata.table import cell
from niffler_ops.model import Listing
from niffler_ops.stages.believing import STUDY_KEYS
from niffler_ops.stages.cataloguing import SERIES_KEYS

STUDIES_FILE = "cfind-output.csv"
SERIES_FILE = "cfind-series.csv"


def write_catalogue(ledger: Ledger, folder: Path, listing: Listing) -> list[Path]:
    """Replace the tables in StorageFolder; gives their paths.

    `lines` are the CSV lines that matched a study, joined by `;`. Several values of an attribute are
    joined by a backslash, as DICOM has them. What a spreadsheet would run as a formula has an apostrophe
    before it.
    """
    tables: list[tuple[Path, Sequence[str], Iterator[tuple[object, ...]]]] = [
        (folder / STUDIES_FILE, ("lines", *STUDY_KEYS), _studies(ledger))
    ]
    if listing is Listing.SERIES:
        tables.append((folder / SERIES_FILE, ("StudyInstanceUID", *SERIES_KEYS), _series(ledger)))
    for path, header, rows in tables:
        write_durable(path, _encoded(header, rows))
    return [path for path, _, _ in tables]


def _studies(ledger: Ledger) -> Iterator[tuple[object, ...]]:
    for row in ledger.answered_studies():
        yield (row["lines"], *_values(row, STUDY_KEYS))


def _series(ledger: Ledger) -> Iterator[tuple[object, ...]]:
    for row in ledger.answered_series():
        yield (row["study_instance_uid"], *_values(row, SERIES_KEYS))


def _values(row: sqlite3.Row, keys: Sequence[str]) -> list[str]:
    attributes: dict[str, str] = json.loads(row["attributes"])
    return [cell(attributes.get(key, "")) for key in keys]


def _encoded(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    for row in itertools.chain([header], rows):
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)  # its CRLF makes it quote both CR and LF
        yield (buffer.getvalue().removesuffix("\r\n") + "\n").encode("utf-8", "surrogateescape")
