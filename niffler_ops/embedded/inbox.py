"""Reads a connection ahead, so that what is small costs one system call and not several for each part."""

import select
import socket
import time
from collections.abc import Iterator

CAPACITY = 256 * 1024


class Inbox:
    """What has come over a blocking connection and was not taken yet.

    Raises EOFError where the peer has closed it, TimeoutError at a deadline (of the monotonic clock, None for
    none), and OSError where it is lost.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._view = memoryview(bytearray(CAPACITY))
        self._begin = self._end = 0
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def readable(self, seconds: float = 0) -> bool:
        """Whether something has come, or comes within this time."""
        return self._begin < self._end or bool(self._poll.poll(seconds * 1000))

    def exactly(self, count: int, deadline: float | None) -> bytes:
        """So many bytes."""
        if self._end - self._begin >= count:
            begin, self._begin = self._begin, self._begin + count
            return bytes(self._view[begin : self._begin])
        return b"".join(bytes(piece) for piece in self.pieces(count, deadline))

    def pieces(self, count: int, deadline: float | None) -> Iterator[memoryview]:
        """So many bytes as they come, each piece valid until the next is asked for."""
        while count:
            if self._begin == self._end:
                self._fill(deadline)
            begin = self._begin
            self._begin = min(self._end, begin + count)
            count -= self._begin - begin
            yield self._view[begin : self._begin]

    def _fill(self, deadline: float | None) -> None:
        if deadline is not None and not self._poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise TimeoutError
        self._begin, self._end = 0, self._connection.recv_into(self._view)
        if not self._end:
            raise EOFError
