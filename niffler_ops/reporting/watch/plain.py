"""Without a terminal: a line when something has changed that matters, and from time to time."""

import time
from collections.abc import Callable, Hashable

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.reporting.watch.looking import LOOK_SECONDS
from niffler_ops.reporting.watch.picture import Picture, Source
from niffler_ops.terminal import printable

CHANGED_SECONDS = 10.0
SAME_SECONDS = 60.0
PATIENCE_SECONDS = 30.0


def watch_plainly(
    source: Source, clock: Clock, tell: Callable[[str], None], *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Tell lines until nothing changes by itself any more.

    Raises MissingInputError where there is nothing to see, also where that lasts for PATIENCE_SECONDS.
    """
    picture = source.look()
    lines = Lines(clock, tell)
    lines.take(picture)
    seen_at = clock.monotonic()
    while picture.at_work:
        sleep(LOOK_SECONDS)
        try:
            picture = source.look()
        except MissingInputError:
            if clock.monotonic() - seen_at > PATIENCE_SECONDS:
                raise
            continue
        seen_at = clock.monotonic()
        lines.take(picture)


class Lines:
    """Decides which look is worth a line."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._told: tuple[Hashable, str] | None = None
        self._told_at = 0.0

    def take(self, picture: Picture) -> None:
        """Tell it at once, by and by, or not at all."""
        age = self._clock.monotonic() - self._told_at
        at_once = self._told is None or picture.told_at_once != self._told[0]
        changed = self._told is not None and picture.line != self._told[1]
        if at_once or age >= SAME_SECONDS or (changed and age >= CHANGED_SECONDS):
            self._told, self._told_at = (picture.told_at_once, picture.line), self._clock.monotonic()
            self._tell(f"{self._clock.now().astimezone():%Y-%m-%d %H:%M:%S}  {printable(picture.line)}\n")
