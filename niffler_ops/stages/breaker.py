"""One retrieve after another is refused and nothing arrives: the archive is at fault, not the studies."""

import logging
from collections.abc import Callable

from niffler_ops.stages.retry import retry_delay

STREAK = 10
LONGEST_SECONDS = 60.0

log = logging.getLogger(__name__)


class Breaker:
    """Opens after STREAK fruitless retrieves in a row; then single ones try, ever more slowly.

    `first` are the seconds before the first try.
    """

    def __init__(self, first: float, monotonic: Callable[[], float]) -> None:
        self._first = first
        self._monotonic = monotonic
        self._fruitless = 0
        self._try_at = 0.0
        self.trouble = ""  # what a person has to know of it, while only single ones try

    @property
    def is_open(self) -> bool:
        """Whether nothing may be retrieved now."""
        return self._monotonic() < self._try_at

    @property
    def tries(self) -> bool:
        """Whether only a single study is to be tried."""
        return self._fruitless >= STREAK

    def note(self, *, fruitless: bool, who: str, reason: str) -> None:
        """What a retrieve came to: nothing at all, because of `reason`, or something."""
        if not fruitless:
            if self.tries:
                log.info("%s sends again", who)
            self._fruitless = 0
            self.trouble = ""
            return
        self._fruitless += 1
        if self.tries:
            delay = min(retry_delay(self._first, self._fruitless - STREAK + 1), LONGEST_SECONDS)
            self._try_at = self._monotonic() + delay
            self.trouble = (
                f"{who} refused {self._fruitless} retrieves one after another ({reason}) and sent nothing: it"
                " may be in trouble, or may not know our AE title as a move destination"
            )
            log.warning("%s; tried again in %.0f s", self.trouble, delay)
