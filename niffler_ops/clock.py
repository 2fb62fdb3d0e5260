"""Now and monotonic time in one replaceable object, so that tests need not wait."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rooms ask of time."""

    def now(self) -> datetime:
        """The wall clock, with zone, for what people read."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for every interval."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()


def timestamp(moment: datetime) -> str:
    """ISO 8601 with milliseconds and zone, as it stands in the ledger."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
