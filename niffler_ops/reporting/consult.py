"""One look at a ledger that others may write: it agrees with itself and leaves nothing behind."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from niffler_ops.errors import MissingInputError
from niffler_ops.ledger.reading import understood, unreadable
from niffler_ops.ledger.store import Ledger

Answer = TypeVar("Answer")


def consult(path: Path, look: Callable[[Ledger], Answer]) -> Answer:
    """What `look` reads in one short transaction; MissingInputError where the ledger cannot be read.

    Beside a writer, or after one was killed, there is a -wal and SQLite's locks keep order. Without one
    nobody has the ledger open: it is read as a file at rest, for SQLite would make a -wal and leave it,
    and read again if it did not stay at rest.
    """
    while True:
        resting = _resting(path)
        try:
            with (
                understood(path),
                closing(Ledger.open_read_only(path, at_rest=resting is not None)) as ledger,
                ledger.snapshot(),
            ):
                answer = look(ledger)
        except (sqlite3.Error, MissingInputError) as error:
            if resting is None or _resting(path) == resting:
                raise error if isinstance(error, MissingInputError) else unreadable(path, error) from None
        else:
            if resting is None or _resting(path) == resting:
                return answer


def _resting(path: Path) -> tuple[int, ...] | None:
    """What changes when a ledger without -wal is written; None where there is a -wal, or no ledger."""
    try:
        if Path(f"{path}-wal").exists():
            return None
        state = path.stat()
    except OSError:
        return None  # told in words when it is opened
    return state.st_ino, state.st_size, state.st_mtime_ns
