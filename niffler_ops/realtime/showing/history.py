"""What a receiver did in each minute of the last week."""

from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.realtime.place import Place
from niffler_ops.realtime.status import consult


@dataclass(frozen=True, kw_only=True, slots=True)
class Minute:
    """A minute (since 1970) in which it was at work: what came and went, how far behind it was at worst."""

    minute: int
    instances: int
    bytes: int
    deleted_bytes: int
    lag: float
    unread: int
    unstored: int
    waiting_bytes: int


def read_history(place: Place) -> Sequence[Minute]:
    """In order; MissingInputError where the record cannot be read."""
    return consult(
        place,
        lambda connection, queries: [Minute(**dict(row)) for row in connection.execute(queries["history"])],
    )
