"""Where audit messages go: a file of their own, or syslog."""

import contextlib
import errno
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from niffler_ops.clock import timestamp
from niffler_ops.files import PRIVATE_FILE

SYSLOG = Path("/dev/log")
SYSLOG_SECONDS = 0.5
PRIORITY = 10 * 8 + 5  # security, normal but significant: PS3.15 A.6
MESSAGE_ID = "DICOM+RFC3881"  # the same
BYTE_ORDER_MARK = "\ufeff"  # RFC 5424, 6.4: what follows is UTF-8


class Sink(Protocol):
    """Takes audit messages; raises OSError where it cannot take all of them."""

    def take(self, messages: Sequence[str], now: datetime) -> None:
        """Take messages, in their order."""
        ...


class FileSink:
    """A file that only its owner reads, one message a line; opened anew each time, so it may be moved."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, messages: Sequence[str], now: datetime) -> None:  # noqa: ARG002 - messages have their own time
        """Append them."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, PRIVATE_FILE)
        with os.fdopen(descriptor, "r+b", buffering=0) as stream:
            content = "".join(f"{message}\n" for message in messages).encode()
            if _is_torn(descriptor):
                content = b"\n" + content
            while content:
                content = content[stream.write(content) :]


def _is_torn(descriptor: int) -> bool:
    """Whether a full disk broke the last line off."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


class SyslogSink:
    """The machine's syslog in the form of RFC 5424, by its socket."""

    def __init__(self, program: str, address: Path = SYSLOG) -> None:
        self._program = program
        self._address = address

    def take(self, messages: Sequence[str], now: datetime) -> None:
        """Send them; a syslog that is stuck is given up after half a second."""
        with contextlib.closing(self._connect()) as channel:
            end = b"\n" if channel.type == socket.SOCK_STREAM else b""
            for message in messages:
                channel.sendall(self._line(message, now).encode("utf-8", "replace") + end)

    def _line(self, message: str, now: datetime) -> str:
        host = socket.gethostname() or "-"
        header = f"<{PRIORITY}>1 {timestamp(now)} {host} {self._program} {os.getpid()} {MESSAGE_ID} -"
        return f"{header} {BYTE_ORDER_MARK}{message}"

    def _connect(self) -> socket.socket:
        try:
            return self._connected(socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
        return self._connected(socket.SOCK_STREAM)

    def _connected(self, kind: socket.SocketKind) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX, kind | socket.SOCK_CLOEXEC)
        channel.settimeout(SYSLOG_SECONDS)
        try:
            channel.connect(str(self._address))
        except OSError:
            channel.close()
            raise
        return channel
