"""niffler.log and the command's own output: the same lines in both, for people or for machines."""

import contextlib
import json
import logging
import os
import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from niffler_ops.cli.parsing import for_whoever_reads
from niffler_ops.files import PRIVATE_FILE
from niffler_ops.reporting.narration import SHORT, without_uids

FORMAT = "%(asctime)s %(levelname)s %(message)s"
MOST_BYTES = 20_000_000
KEPT = 9  # beside niffler.log itself: 200 MB in all
# How our own messages name what they are about; a record's attributes of these names come before them.
_LINE = re.compile(r"\bline (\d+)\b", re.IGNORECASE)
_STUDY = re.compile(rf"(?:\((?:study|studies)|\bof study) ([0-9a-v]{{{SHORT}}})\b")  # dcm4che's base 32


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (ISO 8601, UTC), `level`, `logger`, `extraction`, `message`.

    `line` of the CSV and `study` (the hash that names it in the log) are there where the record, or its
    message, has them; `error` is the class of an exception, whose text may quote a header.
    """

    def __init__(self, extraction: str) -> None:
        super().__init__()
        self._extraction = extraction

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        message = without_uids(record.getMessage())
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "extraction": self._extraction,
        }
        line, study = _found(record, "line", _LINE, message), _found(record, "study", _STUDY, message)
        if line is not None:
            entry["line"] = int(line)
        if study is not None:
            entry["study"] = str(study)
        if record.exc_info and record.exc_info[0] is not None:
            entry["error"] = record.exc_info[0].__name__
        return json.dumps(entry | {"message": message})  # in ASCII: any path can be written


class RotatedFile(RotatingFileHandler):
    """A log that only its owner reads, in at most `kept` + 1 files of `most_bytes` each."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        super().__init__(
            path, maxBytes=most_bytes, backupCount=kept, encoding="utf-8", errors="backslashreplace"
        )

    def _open(self) -> TextIOWrapper:
        # Without O_NONBLOCK, a named pipe in its place would wait for a reader.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self.baseFilename, flags, PRIVATE_FILE)
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)  # noqa: PTH123 - a descriptor

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Begin a new file; where the old ones cannot be renamed, it goes on growing rather than be lost."""
        with contextlib.suppress(OSError):
            super().doRollover()
        if self.stream is None:
            self.stream = self._open()


class Printer(logging.Handler):
    """Hands each line to whatever shows the progress."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show it; a reader that left ends no extraction."""
        with for_whoever_reads():
            self._show(self.format(record))


def start_logging(
    path: Path, show: Callable[[str], None], *, extraction: str = "", as_json: bool = False
) -> Callable[[], None]:
    """Log to a file, appended and rotated, and through `show`; gives what ends it.

    Times carry the zone's offset: a night of daylight saving has an hour twice.
    """
    formatter = (
        JsonFormatter(extraction) if as_json else logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S%z")
    )
    handlers: list[logging.Handler] = [RotatedFile(path), Printer(show)]
    root = logging.getLogger("niffler_ops")
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    logging.raiseExceptions = False  # a full disk has its own message, and a traceback helps nobody
    warnings.simplefilter("ignore")  # a library's warning may quote a value of a header

    def stop() -> None:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()

    return stop


def json_line(logger: str, level: int, message: str, *, extraction: str) -> str:
    """A line as `start_logging` writes it in JSON, for what is told before there is a log."""
    record = logging.LogRecord(logger, level, "", 0, message, (), None)
    return JsonFormatter(extraction).format(record)


def _found(record: logging.LogRecord, name: str, pattern: re.Pattern[str], message: str) -> int | str | None:
    """What a record was given as `extra`, else what its message says."""
    given: int | str | None = getattr(record, name, None)
    if given is not None:
        return given
    match = pattern.search(message)
    return match[1] if match else None
