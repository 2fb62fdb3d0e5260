"""One extraction as it is shown to everybody who looks: read again now and then, while somebody looks."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from starlette.concurrency import run_in_threadpool

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.reporting import snapshot
from niffler_ops.reporting.page.data import Page, read_page
from niffler_ops.reporting.page.history import History
from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.page.rows import Rows, read_rows
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.status import Status

INTERVAL = 2.0  # seconds
HISTORY_SECONDS = 0.5  # of one reading that go into the past
PROBLEMS_SHOWN = 200
ROWS_SHOWN = 200
PARTS = ("headline", "summary", "charts", "problems_note", "problems", "work")


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What was read last, its parts as HTML; `page`, or even `status`, is None where `trouble` says why."""

    status: Status | None = None
    page: Page | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


class Watch:
    """Looks at one StorageFolder; `key` names it in addresses."""

    def __init__(self, folder: Path, clock: Clock, *, identifiers: bool) -> None:
        self.folder = folder
        self.key = hashlib.sha256(str(folder.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self._clock = clock
        self._identifiers = identifiers
        self._history = History()
        self._lock = asyncio.Lock()
        self._read_at = -INTERVAL
        self._look = Look()

    async def look(self) -> Look:
        """What was read last, not longer ago than INTERVAL."""
        async with self._lock:
            if monotonic() - self._read_at >= INTERVAL:
                self._look = await run_in_threadpool(self._read)
                self._read_at = monotonic()
            return self._look

    async def rows(self, selection: Selection) -> Rows:
        """The rows as somebody selected them; MissingInputError where the ledger cannot be read."""
        return await run_in_threadpool(
            read_rows,
            Layout.found(self.folder),
            selection,
            limit=ROWS_SHOWN,
            identifiers=self._identifiers,
        )

    def _read(self) -> Look:
        layout = Layout.found(self.folder)  # each time: the extraction may not have begun yet
        try:
            until = monotonic() + HISTORY_SECONDS
            while self._history.advance(layout) and monotonic() < until:
                pass
            page = read_page(
                layout, self._clock, self._history, problems=PROBLEMS_SHOWN, identifiers=self._identifiers
            )
        except MissingInputError:
            return self._from_afar(layout)
        parts = {name: part(name, page=page, status=page.status) for name in PARTS}
        return Look(status=page.status, page=page, parts=parts)

    def _from_afar(self, layout: Layout) -> Look:
        """What status.json tells, where the ledger is out of reach."""
        try:
            seen = snapshot.look(layout, clock=self._clock)
        except MissingInputError as error:
            return Look(trouble=str(error))
        parts = {name: part(name, status=seen.status) for name in ("headline", "summary")}
        return Look(status=seen.status, parts=parts, trouble=seen.note)


def part(name: str, **values: object) -> str:
    """A part of a page as HTML."""
    return render(f"fragments/{name}.html", live=True, **values)
