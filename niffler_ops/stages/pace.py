"""Keeps the instances that come from an archive below a limit, on average: a C-MOVE cannot be slowed.

What is asked for is paced instead: credit grows by the limit, and is spent by what arrives.
"""

from niffler_ops.clock import Clock
from niffler_ops.model import HourlyLimit

CREDIT_SECONDS = (
    15.0  # that may be saved up; half of it is asked for at once, so that a batch is worth its start
)
UNKNOWN_INSTANCES = 100  # of a study of which the archive does not tell


class Pace:
    """`limit` in instances a second, None: none at any hour."""

    def __init__(self, limit: HourlyLimit | None, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._credit: float | None = None  # None while there is no limit
        self._counted = 0
        self._looked_at = clock.monotonic()

    @property
    def now(self) -> float | None:
        """The limit of this hour."""
        return None if self._limit is None else self._limit.at(self._clock.now().astimezone().hour)

    def observe(self, instances: int) -> None:
        """So many have arrived in all."""
        now, limit = self._clock.monotonic(), self.now
        spent, passed = instances - self._counted, now - self._looked_at
        self._counted, self._looked_at = instances, now
        if limit is None:
            self._credit = None
        elif self._credit is None:
            self._credit = limit * CREDIT_SECONDS
        else:
            self._credit = min(self._credit + limit * passed, limit * CREDIT_SECONDS) - spent

    def budget(self, awaited: int) -> float | None:
        """Instances that may be asked for now, beside those that are awaited; None: any number."""
        limit = self.now
        if limit is None or self._credit is None:
            return None
        left = self._credit - awaited
        return left if left >= limit * CREDIT_SECONDS / 2 else 0.0
