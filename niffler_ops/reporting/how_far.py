"""How far another extraction is, for those who wait for it."""

from pathlib import Path

from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.counts import row_counts


def how_far(storage_folder: Path) -> str:
    """`12 of 40 rows done`, as its ledger says; "" where that may not be read."""
    try:
        tallies = consult(Layout.found(storage_folder).ledger, lambda ledger: ledger.tallies())
    except MissingInputError:
        return ""
    rows = row_counts(tallies)
    return f"{rows.done} of {rows.total} rows done"
