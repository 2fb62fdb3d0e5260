"""One extraction as it is shown to everybody who looks: read again now and then, while somebody looks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.reporting import snapshot
from niffler_ops.reporting.page.data import Page, read_page
from niffler_ops.reporting.page.history import History
from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.page.rows import Rows, read_rows
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.page.words import share
from niffler_ops.reporting.serving.sharing import PATIENCE, Shared, in_thread
from niffler_ops.reporting.serving.showing import View, key_of
from niffler_ops.reporting.status import Status

HISTORY_SECONDS = 0.5  # of one reading that go into the past
PROBLEMS_SHOWN = 200
ROWS_SHOWN = 200
PARTS = ("headline", "summary", "charts", "problems_note", "problems", "work")
PARTS_FROM_AFAR = ("headline", "summary")
NO_ANSWER = "The disk does not answer."


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
        self.key = key_of(folder)
        self._clock = clock
        self._identifiers = identifiers
        self._history = History()
        self._last = Look()
        self._looks = Shared(self._read)

    async def look(self, selection: Selection) -> View:
        """What was read last, with the rows as somebody selected them."""
        try:
            look = await self._looks.get()
            if look.page is None:
                return _view(look)
            rows = await asyncio.wait_for(in_thread(lambda: self._rows(selection)), PATIENCE)
        except (TimeoutError, MissingInputError) as error:
            last = self._last
            parts = {name: html for name, html in last.parts.items() if name in PARTS_FROM_AFAR}
            return _view(Look(status=last.status, parts=parts, trouble=str(error) or NO_ANSWER))
        rest = {name: part(name, page=look.page, rows=rows) for name in ("rows_note", "rows")}
        return _view(replace(look, parts={**look.parts, **rest}), rows)

    def _rows(self, selection: Selection) -> Rows:
        layout = Layout.found(self.folder)
        return read_rows(layout, selection, limit=ROWS_SHOWN, identifiers=self._identifiers)

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
        self._last = Look(status=page.status, page=page, parts=parts)
        return self._last

    def _from_afar(self, layout: Layout) -> Look:
        """What status.json tells, where the ledger is out of reach."""
        try:
            seen = snapshot.look(layout, clock=self._clock)
        except MissingInputError as error:
            return Look(trouble=str(error))
        parts = {name: part(name, status=seen.status) for name in PARTS_FROM_AFAR}
        return Look(status=seen.status, parts=parts, trouble=seen.note)


def _view(look: Look, rows: Rows | None = None) -> View:
    """What a browser gets of it."""
    return View(
        template="live.html",
        title=_title(look.status),
        source="the ledger",
        values={"status": look.status, "page": look.page, "rows": rows},
        parts=look.parts,
        trouble=look.trouble,
        whole=look.page is not None,
    )


def _title(status: Status | None) -> str:
    """What a browser shows of a page in the background."""
    if status is None:
        return "unreadable · Niffler extraction"
    return f"{share(status.rows.done, status.rows.total)} {status.state} · Niffler extraction"


def part(name: str, **values: object) -> str:
    """A part of a page as HTML."""
    return render(f"fragments/{name}.html", live=True, **values)
