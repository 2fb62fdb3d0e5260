"""Now and monotonic time in one replaceable object, so that tests need not wait."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

SHIFT_VARIABLE = "NIFFLER_CLOCK"
SECONDS_IN_MINUTE = 60


class Clock(Protocol):
    """What the rooms ask of time."""

    def now(self) -> datetime:
        """The wall clock, with zone, for what people read."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for every interval."""
        ...


class SystemClock:
    """The machine's own clocks; tests shift the wall clock by the seconds in the file of NIFFLER_CLOCK."""

    def __init__(self) -> None:
        self._shift = os.environ.get(SHIFT_VARIABLE)

    def now(self) -> datetime:
        """The wall clock in UTC."""
        return self.at(time.time())

    def at(self, seconds: float) -> datetime:
        """A moment of the kernel's clock, such as that of a file, by the wall clock in UTC."""
        moment = datetime.fromtimestamp(seconds, UTC)
        if self._shift is None:
            return moment
        return moment + timedelta(seconds=float(Path(self._shift).read_text(encoding="ascii")))

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()


def timestamp(moment: datetime) -> str:
    """ISO 8601 with milliseconds and zone, as it stands in the ledger."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def minute_of(moment: datetime) -> int:
    """Whole minutes since 1970, as histories count them."""
    return int(moment.timestamp()) // SECONDS_IN_MINUTE
