"""Room on the disk: what happens when it comes to an end, and once it has."""

import logging
from collections.abc import Callable

from niffler_ops.clock import Clock
from niffler_ops.model import FreeSpace
from niffler_ops.realtime.ballast import BALLAST_BYTES, free_bytes, hold_back
from niffler_ops.realtime.deletion import Deletion
from niffler_ops.realtime.place import Place
from niffler_ops.stages.gate import room

ANNOUNCED_AT, ENOUGH_AT = 2.0, 1.05  # times MinFreeDisk
AGAIN_SECONDS = 30.0
TO_MAKE_ROOM = "To make room"

log = logging.getLogger(__name__)


class Pressure:
    """Announces that the disk fills, and deletes what may go before its time."""

    def __init__(self, place: Place, wanted: FreeSpace, deletion: Deletion, clock: Clock) -> None:
        self._place = place
        self._wanted = wanted
        self._deletion = deletion
        self._clock = clock
        self._press_at = 0.0
        self._stored = -1
        self.text = ""

    def relieve(self) -> None:
        """Where the disk is full, delete until there is room to work, before anything else needs it."""
        if free_bytes(self._place) < 2 * BALLAST_BYTES:
            log.warning("The disk is full: stored images go before anything is received")
            self._press(lambda: free_bytes(self._place) >= 4 * BALLAST_BYTES)
            while self._deletion.deleting:
                self._deletion.advance()

    def look(self, stored: int) -> None:
        """Announce it, and press. `stored`: the series that were stored so far, of which more may go."""
        limit, free = room(self._place.storage_folder, self._wanted)
        if free >= ANNOUNCED_AT * limit:
            self.text = ""
        else:
            text = f"{free / 1e9:.1f} GB are free, MinFreeDisk is {limit / 1e9:.1f} GB"
            if not self.text:
                log.warning("The disk is filling: %s; below that, stored images go at any hour", text)
            self.text = text
        now = self._clock.monotonic()
        if free >= limit:
            hold_back(self._place)
        elif now >= self._press_at or stored != self._stored:
            self._press_at, self._stored = now + AGAIN_SECONDS, stored
            self._press(self._has_room)

    def _press(self, enough: Callable[[], bool]) -> None:
        self._deletion.begin(TO_MAKE_ROOM, enough=enough, pressed=True)

    def _has_room(self) -> bool:
        limit, free = room(self._place.storage_folder, self._wanted)
        return free >= ENOUGH_AT * limit
