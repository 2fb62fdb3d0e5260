"""Opens an extraction: everything that is checked before the first process starts."""

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.clock import Clock, timestamp
from niffler_ops.config import DEFINING_KEYS, Config, differences
from niffler_ops.errors import CannotWriteError, ConfigurationError
from niffler_ops.files import folder_mode, make_folder, make_private_folder, write_durable
from niffler_ops.filesystems import is_network, kind_of
from niffler_ops.intake import CsvSummary, check, keywords_in, read_rows
from niffler_ops.layout import Layout
from niffler_ops.ledger.reading import unreadable
from niffler_ops.ledger.store import ExtractionRecord, Ledger
from niffler_ops.processes.holders import EXTRACTION, running
from niffler_ops.processes.locks import acquire, acquire_folder, runtime_folder, this_process
from niffler_ops.processes.users import who_else_writes
from niffler_ops.reporting.how_far import how_far


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """An extraction that may be worked on; `others` counts the extractions that run beside it.

    `corrected`: the ledger has another CSV than the one given now.
    """

    layout: Layout
    ledger: Ledger
    csv: CsvSummary
    others: int
    resumed: bool
    corrected: bool


def open_extraction(config: Config, clock: Clock, stack: ExitStack) -> Opened:
    """Check the CSV, take the locks, open or make the ledger; `stack` releases them.

    Raises InputError, CannotWriteError, AlreadyRunningError or ConfigurationError; StorageFolder is as it was
    after an InputError.
    """
    csv = check(config)
    _require_writable("StorageFolder", config.storage_folder)
    if config.ledger_folder is not None:
        _require_writable("LedgerFolder", config.ledger_folder)
    layout = _layout(config)
    others = sum(holder.kind == EXTRACTION for holder in running(runtime_folder()))
    since = timestamp(clock.now())
    lock = acquire(
        config.query_aet,
        storage_folder=config.storage_folder,
        since=since,
        limit=config.max_niffler_processes,
        how_far=how_far,
    )
    stack.callback(lock.release)
    _refuse_shared(layout)
    _make_folders(layout, config.file_mode)
    _refuse_shared(layout)  # again: somebody else may have made them meanwhile
    ourselves = this_process(config.query_aet, storage_folder=config.storage_folder, since=since)
    stack.callback(acquire_folder(layout.local, holder=ourselves, how_far=how_far).release)
    try:
        ledger = Ledger.open(layout.ledger, clock)
        stack.callback(ledger.close)
        record = ledger.record()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise CannotWriteError(str(unreadable(layout.ledger, error))) from None
    if record is None:
        ledger.create(
            configuration=_defining(config),
            storage_folder=config.storage_folder,
            csv_file=config.csv_file,
            csv_digest=csv.digest,
            csv_header=csv.header,
            rows=read_rows(config, digest=csv.digest),
        )
    else:
        _check_unchanged(record, config, csv)
    return Opened(
        layout=layout,
        ledger=ledger,
        csv=csv,
        others=others,
        resumed=record is not None,
        corrected=record is not None and record.csv_digest != csv.digest,
    )


def _layout(config: Config) -> Layout:
    """Where things stand; refused where the ledger would lie on the network, or lies elsewhere already."""
    found = Layout.found(config.storage_folder)
    planned = Layout.planned(config.storage_folder, config.ledger_folder)
    if found.ledger.exists() and found != planned:
        raise ConfigurationError(
            f"LedgerFolder: the ledger of {config.storage_folder} is in {found.local}; give the LedgerFolder"
            " it was started with. Another StorageFolder starts anew."
        )
    if found.was_begun and not _holds_something(planned.ledger):
        key = "StorageFolder" if config.ledger_folder is None else "LedgerFolder"
        raise ConfigurationError(
            f"{key}: the ledger of {config.storage_folder}, {planned.ledger}, is gone: mount its disk, or"
            " put a backup of it there. Another StorageFolder starts anew."
        )
    kind = kind_of(planned.local)
    if is_network(kind):
        key = "StorageFolder" if config.ledger_folder is None else "LedgerFolder"
        raise ConfigurationError(
            f"{key} {planned.local.parent}: it is on {kind}, where SQLite's ledger is not safe."
            " Images may stay there: set LedgerFolder to a folder on a local disk, with room for the studies"
            " on their way."
        )
    return planned


def _holds_something(ledger: Path) -> bool:
    return ledger.exists() and ledger.stat().st_size > 0


def _require_writable(key: str, folder: Path) -> None:
    """Before anything is looked for in it: who may not enter a folder is told of that folder."""
    with _written(key, folder), suppress(FileNotFoundError):  # one that is not there is made
        folder.stat()
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def _written(key: str, folder: Path) -> Iterator[None]:
    """While the folder of this key is written, or may be."""
    try:
        yield
    except OSError as error:
        raise CannotWriteError(
            f"{key} {folder}: cannot be written ({error.strerror}). Name a folder that you may write, or have"
            " this one's owner changed."
        ) from None


def _make_folders(layout: Layout, file_mode: int) -> None:
    with _written("StorageFolder", layout.storage_folder):
        make_folder(layout.storage_folder, folder_mode(file_mode))
    if layout.ledger_folder is not None:
        with _written("LedgerFolder", layout.ledger_folder):
            make_private_folder(layout.ledger_folder)
    with _written("StorageFolder", layout.storage_folder):
        for folder in layout.folders():
            make_private_folder(folder)
        if layout.ledger_folder is not None:
            write_durable(layout.pointer, [f"{layout.ledger_folder}\n".encode("utf-8", "surrogateescape")])


def _refuse_shared(layout: Layout) -> None:
    """Whoever may write in these folders could plant files and change the ledger."""
    for folder in dict.fromkeys((layout.storage_folder, layout.private, layout.local)):
        other = who_else_writes(folder) if folder.is_dir() else ""
        if other:
            raise ConfigurationError(
                f"StorageFolder {layout.storage_folder}: {folder} can be written by {other}, who could change"
                f" what is retrieved. Make it yours alone (chmod go-w {folder}), or name another folder."
            )


def _defining(config: Config) -> Mapping[str, str]:
    return {key: value for key, value in config.digestible().items() if key in DEFINING_KEYS}


def _check_unchanged(record: ExtractionRecord, config: Config, csv: CsvSummary) -> None:
    """The keys that say what is extracted are fixed for the life of a StorageFolder."""
    changed = differences(record.configuration, _defining(config))
    if config.keys_in_header and not changed:
        before, now = keywords_in(record.csv_header), sorted(csv.keywords)
        if before != now:
            changed = [f"keys in the CSV's header: were {', '.join(before)}, are {', '.join(now)}"]
    if changed:
        raise ConfigurationError(
            f"StorageFolder {config.storage_folder} holds an extraction with another configuration:",
            *(f"  {text}" for text in changed),
            "Give the earlier values to continue it; another StorageFolder starts anew.",
        )
