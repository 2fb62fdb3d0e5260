"""Notices on their way: kept in files until they are delivered, sent by a thread that nobody waits for."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.notices.notice import Channel, DeliveryError, Notice
from niffler_ops.notices.pending import Pending, Shelf

FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 3600.0
GIVEN_UP_SECONDS = 24 * 3600.0
LOOK_SECONDS = 60.0
JOIN_SECONDS = 0.05

log = logging.getLogger(__name__)


def retry_seconds(attempts: int) -> float:
    """The pause after this many failed attempts: 15 s, and each further one four times as long, up to 1 h."""
    return float(min(FIRST_PAUSE_SECONDS * 4 ** min(attempts - 1, 16), LONGEST_PAUSE_SECONDS))


class Outbox:
    """Delivers through every channel, and tries again what failed; what is left waits for the next run.

    It neither raises nor waits: files are written and mail is sent by its own thread.
    """

    def __init__(
        self,
        folder: Path,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        pause: Callable[[int], float] = retry_seconds,
    ) -> None:
        self.shelf = Shelf(folder)
        self._channels = channels
        self._clock = clock
        self._pause = pause
        self._changed = threading.Condition()
        self._new: list[Notice] = []
        self._told: Mapping[str, float] = {}
        self._waiting: list[Pending] = []  # the thread's own
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="notices", daemon=True)

    def start(self) -> None:
        """Begin with what an earlier run left."""
        if self._channels:
            self._thread.start()

    def put(self, notice: Notice, *, told: Mapping[str, float]) -> None:
        """Take a notice over, and when each cause was told last."""
        if not self._channels:
            return
        with self._changed:
            self._new.append(notice)
            self._told = dict(told)
            self._changed.notify()

    def close(self, patience: Callable[[], float]) -> None:
        """Give what has not been tried yet some seconds; what is left then stays for the next run.

        `patience` is asked again and again, because somebody may come to be in a hurry.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        began = time.monotonic()
        while self._thread.is_alive() and time.monotonic() - began < patience():
            self._thread.join(JOIN_SECONDS)
        left = len(self.shelf) if self._channels else 0
        if left:
            log.warning("%d notices are not sent; the same command tries again when it is run next", left)

    def _work(self) -> None:
        self._waiting = [one for one in self.shelf.kept() if self._is_wanted(one)]
        while True:
            self._accept()
            due = self._next_due()
            if due is not None:
                self._try(due)
            elif not self._rest():
                return

    def _is_wanted(self, pending: Pending) -> bool:
        if pending.channel in self._channels:
            return True
        self.shelf.remove(pending)  # the configuration has no such way any more
        return False

    def _accept(self) -> None:
        with self._changed:
            new, self._new, told = self._new, [], self._told
        if new:
            self.shelf.keep_told(told)
        for notice in new:
            for channel in self._channels:
                pending = Pending(notice=notice, channel=channel, created=self._clock.now().timestamp())
                self.shelf.keep(pending)
                self._waiting.append(pending)

    def _next_due(self) -> Pending | None:
        now = self._clock.monotonic()
        return next((one for one in self._waiting if one.due <= now), None)

    def _rest(self) -> bool:
        """Wait for news, or for the next one to be due; False when it is time to end."""
        with self._changed:
            if self._new:
                return True
            if self._closing:
                return False
            now = self._clock.monotonic()
            until = min((one.due - now for one in self._waiting), default=LOOK_SECONDS)
            self._changed.wait(min(max(until, 0.0), LOOK_SECONDS))
        return True

    def _try(self, pending: Pending) -> None:
        try:
            self._channels[pending.channel].deliver(pending.notice)
        except DeliveryError as error:
            self._failed(pending, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the others are still to be told
            self._failed(pending, type(error).__name__)
        else:
            log.info("Told by %s: %s", pending.channel, pending.notice.subject)
            self._drop(pending)

    def _failed(self, pending: Pending, reason: str) -> None:
        pending.attempts += 1
        age = self._clock.now().timestamp() - pending.created
        if age >= GIVEN_UP_SECONDS:
            log.error(
                "Notice given up after %d attempts by %s: %s", pending.attempts, pending.channel, reason
            )
            self._drop(pending)
            return
        pause = self._pause(pending.attempts)
        pending.due = self._clock.monotonic() + pause
        self.shelf.keep(pending)
        log.warning("Notice not sent by %s (again in %.0f s): %s", pending.channel, pause, reason)

    def _drop(self, pending: Pending) -> None:
        self._waiting.remove(pending)
        self.shelf.remove(pending)
