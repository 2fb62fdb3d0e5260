"""What systemd is told (sd_notify(3)): that the service is ready, alive, stopping."""

import os
import socket
from collections.abc import Mapping

from niffler_ops.clock import Clock

KIND = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK  # who does not listen holds nothing up


class Notify:
    """Speaks to NOTIFY_SOCKET, if there is one; keeps the watchdog of WATCHDOG_USEC content."""

    def __init__(self, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        microseconds = environment.get("WATCHDOG_USEC", "")
        self._interval = int(microseconds) / 2e6 if microseconds.isdecimal() else None
        self._clock = clock
        self._alive_at = 0.0
        self._is_ready = False

    def ready(self) -> None:
        """It receives; told until it is taken."""
        if not self._is_ready:
            self._is_ready = self._send("READY=1")

    def stopping(self) -> None:
        """It is about to end."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Called each turn; tells it twice as often as the watchdog wants."""
        now = self._clock.monotonic()
        if self._interval is not None and now >= self._alive_at:
            self._alive_at = now + self._interval
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> bool:
        """Whether it was taken, or nobody is there to take it."""
        if not self._address:
            return True
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, KIND) as channel:
            try:
                channel.sendto(message.encode(), address)
            except OSError:
                return False  # whoever asked to be told is gone, or behind
        return True
