"""Progress of a running extraction on the terminal: a bar where there is one, else plain lines."""

import logging
import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from niffler_ops.clock import Clock
from niffler_ops.ledger.store import Ledger
from niffler_ops.states import ROW_ENDS

LINE_SECONDS = 30.0
REFRESHES_PER_SECOND = 2

log = logging.getLogger(__name__)


def _rows(tallies: dict[tuple[str, str], int]) -> tuple[int, int]:
    """Rows at their end, and all rows."""
    rows = {name: number for (subject, name), number in tallies.items() if subject == "row"}
    return sum(rows[state] for state in ROW_ENDS), sum(rows.values())


def _detail(tallies: dict[tuple[str, str], int]) -> str:
    return (
        f"{tallies['study', 'done']} studies done,"
        f" {tallies['instance', 'received']} of {tallies['instance', 'expected']} instances"
    )


class Bar(AbstractContextManager["Bar"]):
    """A live bar for a terminal; log lines scroll above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows, {task.fields[detail]}"),
            TimeElapsedColumn(),
            console=Console(file=sys.stdout),
            refresh_per_second=REFRESHES_PER_SECOND,
        )
        self._task = self._progress.add_task("Extraction", total=None, detail="starting")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def print(self, text: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, ledger: Ledger) -> None:
        """Bring the bar up to date."""
        tallies = ledger.tallies()
        done, total = _rows(tallies)
        self._progress.update(self._task, completed=done, total=total, detail=_detail(tallies))


class Lines(AbstractContextManager["Lines"]):
    """A line every half minute, for nohup, cron and pipes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._line_at = clock.monotonic() + LINE_SECONDS

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def print(self, text: str) -> None:
        """Write a line at once, also into a pipe."""
        print(text, flush=True)

    def show(self, ledger: Ledger) -> None:
        """Log how far it is, when it is time."""
        if self._clock.monotonic() >= self._line_at:
            self._line_at = self._clock.monotonic() + LINE_SECONDS
            tallies = ledger.tallies()
            done, total = _rows(tallies)
            log.info("%d of %d rows at their end, %s", done, total, _detail(tallies))
