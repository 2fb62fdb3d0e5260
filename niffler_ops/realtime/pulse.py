"""How a receiver stands, entered into its record every couple of seconds."""

from collections import deque

from niffler_ops.realtime.machinery import Machinery
from niffler_ops.realtime.record import Standing

RATE_SECONDS = 60.0


class Pulse:
    """Looks at the parts, and enters what it sees."""

    def __init__(self, machinery: Machinery) -> None:
        self._record = machinery.record
        self._journal = machinery.journal
        self._clock = machinery.clock
        self._intake = machinery.intake
        self._storing = machinery.storing
        self._timetable = machinery.timetable
        self._pressure = machinery.pressure
        self._times: deque[tuple[float, int]] = deque()

    def beat(self) -> None:
        """Enter it."""
        backlog, now = self._journal.backlog(), self._clock.now()
        oldest = min(backlog.oldest or now, self._intake.waits_since() or now)
        standing = Standing(
            rate=self._rate(),
            unread=self._intake.unread,
            unstored=backlog.series,
            lag=(now - oldest).total_seconds(),
            store_reason=self._storing.state.reason,
            deletes_at=self._timetable.next_run(),
            pressure=self._pressure.text,
        )
        with self._record.transaction():
            self._record.touch(standing)

    def _rate(self) -> float:
        now, received = self._clock.monotonic(), self._record.received()
        self._times.append((now, received))
        while now - self._times[0][0] > RATE_SECONDS:
            self._times.popleft()
        then, before = self._times[0]
        return (received - before) / (now - then) if now > then else 0.0
