"""How far another extraction is, for those who wait for it."""

from pathlib import Path

from niffler_ops.errors import MissingInputError
from niffler_ops.layout import PRIVATE, Layout
from niffler_ops.processes.users import who_else_writes
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.counts import row_counts


def how_far(storage_folder: Path) -> str:
    """`12 of 40 rows done`, as its ledger says; "" where that may not be read.

    A lock says what whoever holds it likes, and what others wrote may be made to hold us up: only our own
    folders and root's are looked into.
    """
    try:
        if who_else_writes(storage_folder / PRIVATE):
            return ""
        tallies = consult(Layout.found(storage_folder).ledger, lambda ledger: ledger.tallies())
    except (MissingInputError, OSError, ValueError):
        return ""
    rows = row_counts(tallies)
    return f"{rows.done} of {rows.total} rows done"
