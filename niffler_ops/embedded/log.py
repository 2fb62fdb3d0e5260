"""dcm4che's log on stdout: quiet (requests, responses and warnings) unless more or less is asked for."""

import os
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TextIO

WIDTH = 78  # dumped values are cut here, so that nobody reads UIDs from a log


class Level(IntEnum):
    """How much is written; each level includes those above it."""

    SILENT = 0
    RECEIVING = 1
    QUIET = 2
    INFO = 3
    DEBUG = 4


@dataclass(frozen=True, kw_only=True)
class Log:
    """Writes whole lines, each with local time and level, from any thread."""

    level: Level = Level.QUIET
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def silent(cls) -> "Log":
        """A log of nothing."""
        return cls(level=Level.SILENT)

    def dimse(self, text: str) -> None:
        """A request or response."""
        if self.level >= Level.QUIET:
            self._write("INFO", text)

    def caution(self, text: str) -> None:
        """What an operator should see."""
        if self.level >= Level.RECEIVING:
            self._write("WARN", text)

    def note(self, text: str) -> None:
        """What happens to associations and files."""
        if self.level >= Level.INFO:
            self._write("INFO", text)

    def detail(self, text: str, *lines: str) -> None:
        """Contents, line by line, which may identify patients."""
        if self.level >= Level.DEBUG:
            self._write("DEBUG", "\n".join([text, *(line[:WIDTH] for line in lines)]))

    def _write(self, level: str, text: str) -> None:
        now = datetime.now().astimezone()
        stamp = f"{now:%H:%M:%S}.{now.microsecond // 1000:03d}"
        with self.lock:
            try:
                self.stream.write(f"{stamp} {level:<5} - {text}\n")
                self.stream.flush()
            except BrokenPipeError:
                os._exit(os.EX_IOERR)  # nobody reads any more: the supervisor is gone
