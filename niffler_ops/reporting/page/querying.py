"""The page's own questions to a ledger that `consult` has opened."""

import sqlite3
from functools import cache

from niffler_ops.database import named_queries
from niffler_ops.ledger.store import Ledger


def query(ledger: Ledger, name: str, **parameters: object) -> list[sqlite3.Row]:
    """All rows of a query of niffler_ops/ledger/page.sql; each of them gives few."""
    # These questions are the page's alone: Ledger speaks for what a supervisor needs.
    return ledger._connection.execute(_queries()[name], parameters).fetchall()


@cache
def _queries() -> dict[str, str]:
    return named_queries("niffler_ops.ledger", "page.sql")
