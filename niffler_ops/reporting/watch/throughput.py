"""Instances a second over the last minutes, from what the ledger remembers and what is seen since; pure."""

from collections.abc import Mapping

STEP_SECONDS = 10
STEPS_KEPT = 240


class Throughput:
    """Instances in steps of STEP_SECONDS.

    Before the first look they count when their study ended, afterwards when they arrived. What came while
    nobody could look is spread over that time.
    """

    def __init__(self) -> None:
        self._steps: dict[int, float] = {}
        self._seen: tuple[float, int] | None = None

    def remember(self, arrived: Mapping[int, int]) -> None:
        """Instances by second, of before the first look."""
        for second, instances in arrived.items():
            self._add(second // STEP_SECONDS, instances)

    def see(self, seconds: float, received: int) -> None:
        """So many instances there are in all at this time (seconds since 1970)."""
        before, self._seen = self._seen, (seconds, received)
        if before is None or seconds <= before[0] or received <= before[1]:
            return
        first, last = int(before[0]) // STEP_SECONDS, int(seconds) // STEP_SECONDS
        spread = range(first + 1, last + 1) if last - first > 1 else range(last, last + 1)
        for step in spread:
            self._add(step, (received - before[1]) / len(spread))
        for step in [step for step in self._steps if step < last - STEPS_KEPT]:
            del self._steps[step]

    def _add(self, step: int, instances: float) -> None:
        self._steps[step] = self._steps.get(step, 0.0) + instances

    def rates(self, seconds: float, steps: int) -> list[float]:
        """Instances a second in the last so many whole steps, the oldest first."""
        last = int(seconds) // STEP_SECONDS
        return [self._steps.get(step, 0.0) / STEP_SECONDS for step in range(last - steps, last)]
