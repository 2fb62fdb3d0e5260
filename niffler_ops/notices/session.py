"""SMTP connections that end in bounded time, even where the server answers a byte now and then."""

import contextlib
import smtplib
import socket
import threading
from typing import Any

ANSWER_SECONDS = 20.0  # without a byte


class Session(smtplib.SMTP):
    """smtplib's, with a limit of `seconds` from the first contact to the end."""

    def __init__(self, host: str, port: int, *, seconds: float, **options: Any) -> None:
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(
                host,
                port,
                local_hostname=socket.gethostname(),  # else the name server is asked, which may take minutes
                timeout=min(ANSWER_SECONDS, seconds),
                **options,
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, and forget the limit."""
        self._timer.cancel()
        super().close()

    def _hang_up(self) -> None:
        """Whoever waits for the server is told that it has gone."""
        with contextlib.suppress(OSError):
            if self.sock is not None:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class TlsSession(Session, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""
