"""How many lanes an archive gets and how long their batches are, where nobody has set it.

At first twice as many as long as that is worth it, then one lane more as long as that brings more instances
a second, half as many when retrieves fail. What a number of lanes brings is measured while that many are at
work, and measured again from time to time: archives are slower at noon.
"""

from collections.abc import Callable

FIRST_LANES = 2
SETTLE_SECONDS = 2.0  # a new lane starts a process and an association
WINDOW_SECONDS = 5.0
LONGEST_WINDOW_SECONDS = 60.0
CLEAR = 1.3  # times what half as many bring tells before the window is over that twice as many are worth it
CLEAR_WINDOW_SECONDS = 2.0
ENOUGH = 50  # instances that tell a rate
MOST_IDLE = 0.3  # of a window: with less work than lanes, their number tells nothing
GAIN = 1.05  # at which one lane more is worth it, each of several
KEPT = 0.97  # at which one lane less does as well
FIRST_HOLD_SECONDS, LONGEST_HOLD_SECONDS = 30.0, 600.0
FIRST_LIMIT_SECONDS, LONGEST_LIMIT_SECONDS = 600.0, 4 * 3600.0  # for which a number that failed is not tried

FIRST_BATCH, LONGEST_BATCH = 50, 500
BATCH_SECONDS = 15.0  # beside which the start of a process is little
SHORTER = 3  # times, while more lanes may come, which find nothing to do where others have it all

FEWER, MORE = -1, 1


class Tuner:
    """Decides by what it is told each turn; `lanes` is the number to use now and `why` the reason for it."""

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._monotonic = monotonic
        self.lanes = min(FIRST_LANES, most)
        self.why = "to begin with"
        self._rate = 0.0  # that was measured last before the present trial, in instances a second
        self._trial = 0  # by how many lanes more than are kept, or fewer; 0 for none
        self._next = MORE
        self._doubles = True
        self._hold = FIRST_HOLD_SECONDS
        self._hold_until = self._spared_until = 0.0
        self._limit, self._limit_until, self._limit_for = most, 0.0, FIRST_LIMIT_SECONDS
        self._changed_at = self._marked_at = self._looked_at = monotonic()
        self._marked, self._idle = 0, 0.0

    @property
    def doubles(self) -> bool:
        """Whether twice as many lanes are about to be tried."""
        return self._doubles

    def observe(self, instances: int, at_work: int) -> None:
        """So many instances have arrived in all, and so many lanes are at work."""
        now = self._monotonic()
        if now - self._changed_at < SETTLE_SECONDS or at_work > self.lanes:
            self._mark(now, instances)
            return
        if at_work < self.lanes:
            self._idle += now - self._looked_at
        self._looked_at = now
        spent, came = now - self._marked_at, instances - self._marked
        clear = self._doubles and came >= CLEAR * self._rate * spent
        window = CLEAR_WINDOW_SECONDS if clear else WINDOW_SECONDS
        if spent < window or (came < ENOUGH and spent < LONGEST_WINDOW_SECONDS):
            return
        if self._idle <= MOST_IDLE * spent:
            self._conclude(came / spent)
        self._mark(now, instances)

    def trouble(self) -> None:
        """The archive refused or broke off a retrieve; several at about the same time count once."""
        now = self._monotonic()
        if now < self._spared_until:
            return
        self._spared_until = now + SETTLE_SECONDS + WINDOW_SECONDS
        if self.lanes > 1:
            self._limit, self._limit_until = self.lanes - 1, now + self._limit_for
            self._limit_for = min(2 * self._limit_for, LONGEST_LIMIT_SECONDS)
        self._use(max(1, self.lanes // 2), "a retrieve failed")
        self._trial, self._next, self._hold = 0, MORE, FIRST_HOLD_SECONDS
        self._doubles = False
        self._keep_for_long()

    def _conclude(self, rate: float) -> None:
        if not self._trial:
            self._rate = rate
            if self._monotonic() >= self._hold_until:
                self._try(self._next, rate)
            return
        direction, before = (MORE if self._trial > 0 else FEWER), self.lanes - self._trial
        if rate >= self._rate * (GAIN**self._trial if direction == MORE else KEPT):
            self.why = f"{rate:.3g} instances/s, and {self._rate:.3g} with {before}"
            self._hold = FIRST_HOLD_SECONDS
            self._try(direction, rate)
            return
        self._use(before, f"{self._rate:.3g} instances/s, and {rate:.3g} with {self.lanes}")
        self._next = MORE if self._trial > 1 else -direction  # between the two may be a better one
        self._trial, self._doubles = 0, False
        self._keep_for_long()

    def _try(self, direction: int, rate: float) -> None:
        """More or fewer, or the present number where there is no other."""
        self._rate = rate
        most = self._most if self._monotonic() >= self._limit_until else self._limit
        step = self.lanes if self._doubles else direction
        lanes = min(self.lanes + step, most) if direction == MORE else self.lanes + step
        if 1 <= lanes != self.lanes:
            self._trial = lanes - self.lanes
            self._use(lanes, f"tried, after {rate:.3g} instances/s with {self.lanes}")
        else:
            self._trial, self._next, self._doubles = 0, -direction, False
            self._keep_for_long()

    def _keep_for_long(self) -> None:
        self._hold_until = self._monotonic() + self._hold
        self._hold = min(2 * self._hold, LONGEST_HOLD_SECONDS)

    def _use(self, lanes: int, why: str) -> None:
        self.lanes, self.why = lanes, why
        self._changed_at = self._monotonic()
        self._mark(self._changed_at, self._marked)

    def _mark(self, now: float, instances: int) -> None:
        self._marked_at = self._looked_at = now
        self._marked, self._idle = instances, 0.0


class Batches:
    """How many studies one movescu gets: so many that its start costs little, and no more than that."""

    def __init__(self) -> None:
        self._size = FIRST_BATCH
        self._seconds: float | None = None  # of a study

    def took(self, seconds: float) -> None:
        """A study was retrieved within so many seconds."""
        before = seconds if self._seconds is None else self._seconds
        self._seconds = before + (seconds - before) / 10
        self._size = min(max(round(BATCH_SECONDS / max(self._seconds, 1e-3)), 1), LONGEST_BATCH)

    def size(self, *, short: bool) -> int:
        """Studies that take as long as is good; `short`: while lanes are still being added."""
        return max(self._size // SHORTER, 1) if short else self._size
