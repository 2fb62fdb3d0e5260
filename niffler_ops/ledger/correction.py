"""A corrected CSV given back: its lines are matched with the rows by what they ask for."""

from collections.abc import Iterable
from dataclasses import dataclass

from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.ledger.rows import Rows, stored
from niffler_ops.model import CsvRow
from niffler_ops.states import RowState

_FORGET_WHAT_IS_IDLE = (
    "forget_archives_of_withdrawn",
    "make_idle",
    "unlink_idle",
    "forget_instances_of_idle",
    "forget_series_of_idle",
    "forget_answers_of_idle",
    "forget_modalities_of_idle",
    "forget_archives_of_idle",
    "delete_idle",
    "drop_idle",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """How a corrected CSV differs from the one before, in rows."""

    new: int
    withdrawn: int
    returned: int
    kept: int


def correct(ledger: LedgerConnection, rows: Rows, given: Iterable[CsvRow]) -> Correction:
    """Add new lines, withdraw vanished ones, take back those that return; the caller holds the transaction.

    Of lines that ask for the same, as many are kept as there were. Studies that nothing asks for any
    more and nobody has begun to retrieve are forgotten.
    """
    ledger.run("make_given")
    ledger.run_many("insert_given", (stored(row) for row in given))
    ledger.run("make_pairs")
    ledger.run("pair_by_content")
    ledger.run("forget_lines")
    kept = ledger.run("take_lines").rowcount
    withdrawn = ledger.run("withdraw_rows").rowcount
    ledger.run("unlink_returning")
    returned = ledger.run("return_rows").rowcount
    new = ledger.run_many("insert_row", map(dict, ledger.run("new_lines")))
    for name in _FORGET_WHAT_IS_IDLE:
        ledger.run(name)
    for name in ("drop_pairs", "drop_given"):
        ledger.run(name)
    for row in ledger.all("rows_behind_their_first"):
        rows.follow(row["id"], row["first_id"], RowState(row["state"]), row["reason"])
    return Correction(new=new, withdrawn=withdrawn, returned=returned, kept=kept - returned)
