"""The ledger's connection with its named queries, shared by the parts of the ledger."""

import sqlite3
from collections.abc import Iterable, Mapping
from functools import cache

from niffler_ops.clock import Clock, timestamp
from niffler_ops.database import named_queries
from niffler_ops.errors import LedgerConflictError
from niffler_ops.files import failpoint


@cache
def _queries() -> dict[str, str]:
    package = "niffler_ops.ledger"
    files = ("queries.sql", "handovers.sql", "correction.sql")
    return {name: query for file in files for name, query in named_queries(package, file).items()}


class LedgerConnection:
    """Runs queries by name; `one_changed` is the guard of every transition."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def now_text(self) -> str:
        """The time as the ledger writes it."""
        return timestamp(self._clock.now())

    def now_seconds(self) -> float:
        """Seconds since 1970, for not_before."""
        return self._clock.now().timestamp()

    def run(self, name: str, *positional: object, **named: object) -> sqlite3.Cursor:
        """Run a named query with positional or named parameters."""
        return self._connection.execute(_queries()[name], positional or named)

    def run_many(self, name: str, parameters: Iterable[Mapping[str, object] | tuple[object, ...]]) -> int:
        """Run a named query for each set of parameters; gives the number of changed rows."""
        return self._connection.executemany(_queries()[name], parameters).rowcount

    def one(self, name: str, *positional: object, **named: object) -> sqlite3.Row | None:
        """The first row of a named query."""
        row: sqlite3.Row | None = self.run(name, *positional, **named).fetchone()
        return row

    def all(self, name: str, *positional: object, **named: object) -> list[sqlite3.Row]:
        """All rows of a named query, for queries with few."""
        return self.run(name, *positional, **named).fetchall()

    def one_changed(self, name: str, *positional: object, **named: object) -> None:
        """Run a guarded update; raise LedgerConflictError unless exactly one row changed."""
        failpoint("transition-before")
        changed = self.run(name, *positional, **named).rowcount
        failpoint("transition-after")
        if changed != 1:
            raise LedgerConflictError(f"the ledger refused {name}: {changed} rows were in the expected state")
