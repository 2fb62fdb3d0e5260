"""niffler.log and the command's own output: the same lines in both."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class _Printer(logging.Handler):
    """Hands each line to whatever shows the progress."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(self.format(record))


def start_logging(path: Path, show: Callable[[str], None]) -> Callable[[], None]:
    """Log to a file, appended, and through `show`; gives what ends it.

    Times carry the zone's offset: a night of daylight saving has an hour twice.
    """
    handlers: list[logging.Handler] = [logging.FileHandler(path, encoding="utf-8"), _Printer(show)]
    root = logging.getLogger("niffler_ops")
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S%z"))
        root.addHandler(handler)
    logging.raiseExceptions = False  # a full disk has its own message, and a traceback helps nobody
    warnings.simplefilter("ignore")  # a library's warning may quote a value of a header

    def stop() -> None:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()

    return stop
