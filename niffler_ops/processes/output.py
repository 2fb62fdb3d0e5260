"""What a child prints, in as many lines at once as there are: storescp says nine for each instance."""

import os
import select
from collections.abc import Generator, Iterator

_CHUNK = 64 * 1024
_LONGEST = 1024 * 1024  # bytes of a line that is waited for to its end


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
