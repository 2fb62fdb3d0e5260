"""A listening port and a thread for each connection."""

import socket
import threading
import time
from collections.abc import Callable

BACKLOG = 128
BREATH_SECONDS = 0.05


class Listener:
    """Bound when made; OSError says that the port is taken."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((host, port))
            self.socket.listen(BACKLOG)
        except OSError:
            self.socket.close()
            raise

    @property
    def port(self) -> int:
        """The port, also where 0 was asked for."""
        return int(self.socket.getsockname()[1])

    def serve(self, handle: Callable[[socket.socket], None]) -> None:
        """Hand each connection to `handle` in a thread of its own, for ever."""
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                time.sleep(BREATH_SECONDS)  # no file descriptors left, or a peer gone before its turn
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            try:
                threading.Thread(target=handle, args=(connection,), daemon=True).start()
            except RuntimeError:  # no thread is left: the peer tries again
                connection.close()
                time.sleep(BREATH_SECONDS)
