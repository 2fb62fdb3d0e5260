"""What the archive serves: an SQLite index of a folder, brought up to date when the archive starts."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from niffler_ops import database
from niffler_ops.embedded import dataset, query
from niffler_ops.embedded.dataset import DataSetError, Reader
from niffler_ops.embedded.uids import EXPLICIT_VR_BIG_ENDIAN

PACKAGE = "niffler_ops.embedded"
FILE_NAME = ".niffler-archive.sqlite"
BATCH = 1000  # files in one transaction
KEY_LENGTH = 256  # longer values are not for queries
KEY_GROUPS = frozenset({0x0008, 0x0010, 0x0020, 0x0028, 0x0040})
KEY_TAGS = frozenset({0x00180015, 0x00181030})  # BodyPartExamined, ProtocolName
BINARY_VRS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "AT", "OB", "OW"})
IDENTITY = (
    *("study", "series", "sop_instance", "sop_class", "transfer_syntax", "offset"),
    *("modality", "patient_id", "accession_number", "header"),
)
MODALITY = 0x00080060
ACCESSION_NUMBER = 0x00080050


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An instance of the folder: identity, where its data set begins, and its header for queries."""

    path: Path
    study: str
    series: str
    sop_instance: str
    sop_class: str
    transfer_syntax: str
    offset: int
    header: bytes

    @property
    def keys(self) -> Mapping[int, bytes]:
        """The attributes of its header, as they stand."""
        return _keys(self.header)


@lru_cache(maxsize=4096)
def _keys(header: bytes) -> Mapping[int, bytes]:
    return dataset.decode(header)


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """How much there is."""

    studies: int
    instances: int


class Index:
    """A reader of the index, for one thread."""

    def __init__(self, file: Path, folder: Path) -> None:
        self.folder = folder
        self.connection = database.connect_read_only(file)
        self.queries = database.named_queries(PACKAGE, "queries.sql")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def by_study(self, studies: list[str]) -> list[Instance]:
        """Every instance of these studies."""
        return self._instances("by_study", json.dumps(studies))

    def by_series(self, studies: list[str], series: list[str]) -> list[Instance]:
        """Every instance of these series of these studies."""
        return self._instances("by_series", json.dumps(studies), json.dumps(series))

    def by_patient(self, patient_id: bytes) -> list[Instance]:
        """Every instance with this PatientID."""
        return self._instances("by_patient", patient_id)

    def by_accession(self, accession_number: bytes) -> list[Instance]:
        """Every instance with this AccessionNumber."""
        return self._instances("by_accession", accession_number)

    def one_of_each_study(self) -> list[Instance]:
        """An instance for each study there is."""
        return self._instances("one_of_each_study")

    def counts(self, name: str, *parameters: object) -> Mapping[str, Any]:
        """The counts that a query of this name gives."""
        return dict(self.connection.execute(self.queries[name], parameters).fetchone())

    def totals(self) -> Totals:
        """How much there is."""
        return Totals(**self.counts("totals"))

    def _instances(self, name: str, *parameters: object) -> list[Instance]:
        """In order; an instance that stands in several files is served from the first."""
        found: dict[tuple[str, str, str], Instance] = {}
        for row in self.connection.execute(self.queries[name], parameters):
            found.setdefault((row["study"], row["series"], row["sop_instance"]), self._instance(row))
        return list(found.values())

    def _instance(self, row: sqlite3.Row) -> Instance:
        return Instance(
            path=self.folder / os.fsdecode(row["path"]),
            study=row["study"],
            series=row["series"],
            sop_instance=row["sop_instance"],
            sop_class=row["sop_class"],
            transfer_syntax=row["transfer_syntax"],
            offset=row["offset"],
            header=row["header"],
        )


def update(file: Path, folder: Path) -> None:
    """Make the index, or bring it up to date: new, changed and vanished files."""
    connection = database.connect(file, f"{PACKAGE}.migrations")
    try:
        queries = database.named_queries(PACKAGE, "queries.sql")
        known = {
            row["path"]: (row["size"], row["modified_ns"]) for row in connection.execute(queries["known"])
        }
        found: set[bytes] = set()
        batch: list[dict[str, object]] = []
        for path, status in _files(folder):
            name = os.fsencode(path.relative_to(folder))
            found.add(name)
            if known.get(name) != (status.st_size, status.st_mtime_ns):
                batch.append(_row(name, path, status))
            if len(batch) >= BATCH:
                _put(connection, queries["put"], batch)
        _put(connection, queries["put"], batch)
        with database.transaction(connection):
            connection.executemany(queries["remove"], [(name,) for name in known.keys() - found])
    finally:
        connection.close()


def _put(connection: sqlite3.Connection, statement: str, batch: list[dict[str, object]]) -> None:
    with database.transaction(connection):
        connection.executemany(statement, batch)
    batch.clear()


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files of the folder, whatever their names; a link counts only where it leads inside."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if name.startswith(FILE_NAME) or (path.is_symlink() and not _leads_inside(path, folder)):
                continue
            try:
                status = path.stat()
            except OSError:
                continue  # it vanished meanwhile, or the link leads nowhere
            if path.is_file():
                yield path, status


def _leads_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)


def _row(name: bytes, path: Path, status: os.stat_result) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(IDENTITY)
    row |= {"path": name, "size": status.st_size, "modified_ns": status.st_mtime_ns}
    try:
        with path.open("rb") as stream:
            head = dataset.read_file_head(stream)
            if head is not None:
                row |= _identified(head, Reader(stream, head.transfer_syntax))
    except (OSError, DataSetError):
        pass  # not DICOM: kept without identity, so that it is not read again
    return row


def _identified(head: dataset.FileHead, reader: Reader) -> dict[str, object]:
    keys = dataset.keys(reader)
    study, series, sop_instance, sop_class = (
        dataset.text(keys.get(tag))
        for tag in (
            dataset.STUDY_INSTANCE_UID,
            dataset.SERIES_INSTANCE_UID,
            dataset.SOP_INSTANCE_UID,
            dataset.SOP_CLASS_UID,
        )
    )
    if not (study and series and sop_instance and sop_class):
        return {}
    return {
        "study": study,
        "series": series,
        "sop_instance": sop_instance,
        "sop_class": sop_class,
        "transfer_syntax": head.transfer_syntax,
        "offset": head.offset,
        "modality": dataset.text(keys.get(MODALITY)),
        "patient_id": keys.get(dataset.PATIENT_ID, b"").strip(b" \0"),
        "accession_number": keys.get(ACCESSION_NUMBER, b"").strip(b" \0"),
        "header": dataset.encode(_kept(keys, head.transfer_syntax).items()),
    }


def _kept(keys: Mapping[int, bytes], transfer_syntax: str) -> dict[int, bytes]:
    swapped = transfer_syntax == EXPLICIT_VR_BIG_ENDIAN
    return {
        tag: value
        for tag, value in keys.items()
        if (tag >> 16 in KEY_GROUPS or tag in KEY_TAGS)
        and len(value) <= KEY_LENGTH
        and not (swapped and query.vr_of(tag) in BINARY_VRS)
    }
