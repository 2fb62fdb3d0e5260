"""The addresses: an overview, a page for each extraction, their events, and metrics."""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.reporting.page.rendering import render, static
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.page.words import share
from niffler_ops.reporting.serving.access import Access
from niffler_ops.reporting.serving.guarding import Guard
from niffler_ops.reporting.serving.streaming import News, stream
from niffler_ops.reporting.serving.watching import Look, Watch, part

STATIC = {
    "page.css": "text/css",
    "tables.js": "text/javascript",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
MOST_STREAMS = 64
METRICS_TYPE = "text/plain; version=0.0.4"


def make_app(
    folders: Sequence[Path],
    clock: Clock,
    access: Access,
    *,
    identifiers: bool,
    stopping: Callable[[], bool],
) -> ASGIApp:
    """The application for these StorageFolders, whether or not an extraction is there yet."""
    watches = {
        watch.key: watch for watch in (Watch(folder, clock, identifiers=identifiers) for folder in folders)
    }
    pages = Pages(watches, clock, identifiers=identifiers, stopping=stopping)
    routes = [
        Route("/", pages.overview),
        Route("/events", pages.overview_events),
        Route("/metrics", pages.metrics),
        Route("/favicon.ico", pages.favicon),
        Route("/static/{name}", pages.static),
        Route("/{key}/", pages.extraction),
        Route("/{key}/events", pages.extraction_events),
    ]
    return Guard(Starlette(routes=routes), access)


class Pages:
    """Answers to requests that were let through."""

    def __init__(
        self, watches: Mapping[str, Watch], clock: Clock, *, identifiers: bool, stopping: Callable[[], bool]
    ) -> None:
        self._watches = watches
        self._clock = clock
        self._identifiers = identifiers
        self._stopping = stopping
        self._streams = 0

    async def overview(self, _request: Request) -> Response:
        """All extractions; where there is one, its page."""
        if len(self._watches) == 1:
            return RedirectResponse(f"/{next(iter(self._watches))}/", status_code=303)
        return HTMLResponse(
            render("overview.html", looks=await self._looks(), identifiers=self._identifiers)
        )

    async def extraction(self, request: Request) -> Response:
        """One extraction; 503 while its ledger cannot be read, and the page comes by itself."""
        watch = self._watch(request)
        parts, look, rows = {}, await watch.look(), None
        if look.page is not None:
            try:
                rows = await watch.rows(Selection.parse(request.query_params))
            except MissingInputError as error:
                look = Look(page=None, parts=parts, trouble=str(error))
        values = {"watch": watch, "look": look, "rows": rows, "several": len(self._watches) > 1}
        return HTMLResponse(
            render("live.html", identifiers=self._identifiers, live=True, page=look.page, **values),
            status_code=200 if look.page else 503,
        )

    async def overview_events(self, _request: Request) -> Response:
        """What changes in the overview."""

        async def read() -> News:
            looks = await self._looks()
            cards = render("fragments/cards.html", looks=looks)
            return News(title="Niffler extractions", parts={"cards": cards})

        return self._stream(read)

    async def extraction_events(self, request: Request) -> Response:
        """What changes in the page of one extraction, its rows as they are selected there."""
        watch, selection = self._watch(request), Selection.parse(request.query_params)

        async def read() -> News:
            look = await watch.look()
            try:
                rows = await watch.rows(selection) if look.page else None
            except MissingInputError as error:
                look, rows = Look(page=None, parts={}, trouble=str(error)), None
            parts = {**look.parts, "trouble": part("trouble", look=look)}
            if rows:
                parts |= {name: part(name, page=look.page, rows=rows) for name in ("rows_note", "rows")}
            return News(title=title(look), parts={name.replace("_", "-"): html for name, html in parts.items()})

        return self._stream(read)

    async def metrics(self, _request: Request) -> Response:
        """Every extraction that can be read, as Prometheus wants it."""
        try:
            prometheus = importlib.import_module("niffler_ops.reporting.prometheus")
        except ImportError:
            return PlainTextResponse("This installation has no metrics.\n", status_code=501)
        looks = [look for _, look in await self._looks()]
        text = prometheus.metrics([look.page.status for look in looks if look.page])
        return Response(text, media_type=METRICS_TYPE)

    async def favicon(self, _request: Request) -> Response:
        """For browsers that ask for it whatever a page says."""
        return Response(static("icon.svg"), media_type=STATIC["icon.svg"])

    async def static(self, request: Request) -> Response:
        """The few files that pages are made with."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404)
        return Response(static(name), media_type=STATIC[name])

    def _stream(self, read: Callable[[], Awaitable[News]]) -> Response:
        if self._streams >= MOST_STREAMS:
            return PlainTextResponse("Too many pages are open.\n", status_code=503)
        return stream(self._counted(read), self._stopping, self._clock.now)

    async def _looks(self) -> list[tuple[Watch, Look]]:
        looks = await asyncio.gather(*(watch.look() for watch in self._watches.values()))
        return list(zip(self._watches.values(), looks, strict=True))

    def _watch(self, request: Request) -> Watch:
        watch = self._watches.get(request.path_params["key"])
        if watch is None:
            raise HTTPException(404, "There is no such extraction here.\n")
        return watch


def title(look: Look) -> str:
    """What a browser shows of a page in the background."""
    if look.page is None:
        return "unreadable · Niffler extraction"
    status = look.page.status
    return f"{share(status.rows.done, status.rows.total)} {status.state} · Niffler extraction"
