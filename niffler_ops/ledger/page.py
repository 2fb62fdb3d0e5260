"""What the page of an extraction asks of its ledger; the answers are read only, and few."""

import sqlite3
from functools import cache

from niffler_ops.database import named_queries
from niffler_ops.ledger.store import Ledger


def query(ledger: Ledger, name: str, **parameters: object) -> list[sqlite3.Row]:
    """All rows of a query of page.sql; callers hold the transaction."""
    return ledger._connection.execute(_queries()[name], parameters).fetchall()  # of this room, and only read


@cache
def _queries() -> dict[str, str]:
    return named_queries("niffler_ops.ledger", "page.sql")
