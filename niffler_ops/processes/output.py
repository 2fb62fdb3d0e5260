"""What a child prints, in as many lines at once as there are: storescp says nine for each instance."""

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Generator, Iterator

_CHUNK = 64 * 1024
_LONGEST = 1024 * 1024  # bytes of a line that is waited for to its end
_ROOM = 1024 * 1024  # bytes that a child may print before it waits for us
_GATHER_SECONDS = 0.01  # after a reading: whoever prints much is not listened to line by line


def lines_until_end(descriptor: int, pid: int) -> Iterator[list[str]]:
    """Lines with their ends, until the output or the process ends; the descriptor is then closed.

    Children of the process may hold its output open when it has ended.
    """
    pending = b""
    try:
        for chunk in _chunks(descriptor, pid):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > _LONGEST:
                lines, pending = [*lines, pending], b""
            if lines:
                yield [_text(line) + "\n" for line in lines]
        if pending:
            yield [_text(pending)]
    finally:
        os.close(descriptor)


def _chunks(descriptor: int, pid: int) -> Iterator[bytes]:
    os.set_blocking(descriptor, False)
    with contextlib.suppress(OSError):  # the user's pipes have no more room: less will do
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _ROOM)
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended, and sh knows
        yield from _there(descriptor)
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(process, select.POLLIN)
    try:
        ended = False
        while not ended:
            ended = any(ready == process for ready, _ in poll.poll())
            if (yield from _there(descriptor)):
                return
            if not ended:
                time.sleep(_GATHER_SECONDS)
    finally:
        os.close(process)


def _there(descriptor: int) -> Generator[bytes, None, bool]:
    """What can be read now; gives whether that was the end of it."""
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            return True
        yield chunk


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
