"""The lines of the CSV in their order, a page at a time, for those who write them out again."""

import json
from dataclasses import dataclass

from niffler_ops.database import named_queries
from niffler_ops.ledger.store import Ledger
from niffler_ops.states import RowState


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line with its cells as they stand in the CSV, and what became of it."""

    line: int
    cells: tuple[str, ...]
    state: RowState
    reason: str


def lines_after(ledger: Ledger, line: int, *, limit: int) -> list[Line]:
    """The next lines beyond `line`, at most `limit`."""
    query = named_queries("niffler_ops.ledger", "lines.sql")["lines"]
    rows = ledger._connection.execute(query, {"after": line, "limit": limit})  # of this room, and only read
    return [
        Line(
            line=row["line"],
            cells=tuple(json.loads(row["cells"])),
            state=RowState(row["state"]),
            reason=row["reason"],
        )
        for row in rows
    ]
