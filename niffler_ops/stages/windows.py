"""The hours in which the archive may be asked, in local time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From `start_hour` to `end_hour` o'clock, across midnight where the end is earlier; equal: always.

    Times are aware and in local time; a change to or from daylight saving makes a window an hour shorter
    or longer, as a clock on the wall would.
    """

    start_hour: int
    end_hour: int

    def is_open(self, local: datetime) -> bool:
        """Whether this moment is inside."""
        if self.start_hour == self.end_hour:
            return True
        if self.start_hour < self.end_hour:
            return self.start_hour <= local.hour < self.end_hour
        return local.hour >= self.start_hour or local.hour < self.end_hour

    def opens_at(self, local: datetime) -> datetime:
        """When it opens next, seen from a moment outside: the first full hour that is inside."""
        hour = local.replace(minute=0, second=0, microsecond=0)
        following = ((hour.astimezone(UTC) + timedelta(hours=ahead)).astimezone() for ahead in range(1, 49))
        return next(moment for moment in following if self.is_open(moment))

    def __str__(self) -> str:
        return f"{self.start_hour}:00 to {self.end_hour}:00"
