"""The rows that a page lists, a bounded number of them."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.layout import Layout
from niffler_ops.ledger.page import query
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.counts import ROW_GROUPS
from niffler_ops.reporting.narration import short_name
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.page.words import told
from niffler_ops.states import RowState
from niffler_ops.terminal import printable

STUDIES_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the CSV and what became of it; `cells` are the user's own, where identifiers were asked for.

    `names` are the first of its `studies`: their hashes as in the log, or their UIDs.
    """

    line: int
    state: RowState
    reason: str
    studies: int
    names: tuple[str, ...]
    expected: int
    received: int
    verified: str
    archives: str
    cells: tuple[str, ...]

    @property
    def group(self) -> str:
        """Its state in the few words of status."""
        return ROW_GROUPS[self.state]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows by line; `next` is the line where more of them begin, None where these are all."""

    selection: Selection
    header: tuple[str, ...]
    rows: Sequence[Row]
    next: int | None


def read_rows(layout: Layout, selection: Selection, *, limit: int, identifiers: bool) -> Rows:
    """Up to `limit` rows in one short transaction; MissingInputError where the ledger cannot be read."""

    def look(ledger: Ledger) -> Rows:
        record = ledger.record()
        header = record.csv_header if identifiers and record else ()
        found = query(
            ledger,
            "rows",
            first=selection.first,
            states=json.dumps(selection.states),
            limit=limit + 1,
            names=STUDIES_NAMED,
        )
        return Rows(
            selection=selection,
            header=tuple(map(printable, header)),
            rows=[_row(row, width=len(header), identifiers=identifiers) for row in found[:limit]],
            next=found[limit]["line"] if len(found) > limit else None,
        )

    return consult(layout.ledger, look)


def _row(row: sqlite3.Row, *, width: int, identifiers: bool) -> Row:
    uids = row["uids"].split(",") if row["uids"] else []
    cells: list[str] = json.loads(row["cells"]) if width else []
    return Row(
        line=row["line"],
        state=RowState(row["state"]),
        reason=told(row["reason"], identifiers=identifiers),
        studies=row["studies"],
        names=tuple(printable(uid) if identifiers else short_name(uid) for uid in uids),
        expected=row["expected"],
        received=row["received"],
        verified=_words(row["verified"]),
        archives=_words(row["archives"]),
        cells=tuple(map(printable, (cells + [""] * width)[:width])),
    )


def _words(values: str | None) -> str:
    return printable(", ".join(sorted(values.split(","))).replace("_", " ")) if values else ""
