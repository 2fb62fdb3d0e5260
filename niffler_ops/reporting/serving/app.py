"""The addresses: an overview, a page for each extraction, their events, and metrics."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.reporting.page.rendering import render, static
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.page.words import share
from niffler_ops.reporting.prometheus import CONTENT_TYPE, metrics_text
from niffler_ops.reporting.serving.access import Access
from niffler_ops.reporting.serving.guarding import Guard
from niffler_ops.reporting.serving.streaming import News, Streams
from niffler_ops.reporting.serving.watching import Look, Watch, part

STATIC = {
    "page.css": "text/css",
    "tables.js": "text/javascript",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


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
    pages = Pages(watches, Streams(clock, stopping), identifiers=identifiers)
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

    def __init__(self, watches: Mapping[str, Watch], streams: Streams, *, identifiers: bool) -> None:
        self._watches = watches
        self._streams = streams
        self._identifiers = identifiers

    async def overview(self, _request: Request) -> Response:
        """All extractions; where there is one, its page."""
        if len(self._watches) == 1:
            return RedirectResponse(f"/{next(iter(self._watches))}/", status_code=303)
        return HTMLResponse(render("overview.html", looks=await self._looks(), identifiers=self._identifiers))

    async def extraction(self, request: Request) -> Response:
        """One extraction; 503 while its ledger cannot be read, and the page comes by itself."""
        watch = self._watch(request)
        look, rows = await watch.look(), None
        if look.page is not None:
            try:
                rows = await watch.rows(Selection.parse(request.query_params))
            except MissingInputError as error:
                look = replace(look, page=None, trouble=str(error))
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

        return self._streams.answer(read)

    async def extraction_events(self, request: Request) -> Response:
        """What changes in the page of one extraction, its rows as they are selected there."""
        watch, selection = self._watch(request), Selection.parse(request.query_params)

        async def read() -> News:
            look = await watch.look()
            try:
                rows = await watch.rows(selection) if look.page else None
            except MissingInputError as error:
                look, rows = replace(look, page=None, trouble=str(error)), None
            parts = {**look.parts, "trouble": part("trouble", look=look)}
            if rows:
                parts |= {name: part(name, page=look.page, rows=rows) for name in ("rows_note", "rows")}
            return News(
                title=title(look), parts={name.replace("_", "-"): html for name, html in parts.items()}
            )

        return self._streams.answer(read)

    async def metrics(self, _request: Request) -> Response:
        """Every extraction that can be read, as Prometheus wants it."""
        statuses = [look.status for _, look in await self._looks() if look.status]
        return Response(metrics_text(statuses), media_type=CONTENT_TYPE)

    async def favicon(self, _request: Request) -> Response:
        """For browsers that ask for it whatever a page says."""
        return Response(static("icon.svg"), media_type=STATIC["icon.svg"])

    async def static(self, request: Request) -> Response:
        """The few files that pages are made with."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404)
        return Response(static(name), media_type=STATIC[name])

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
    if look.status is None:
        return "unreadable · Niffler extraction"
    status = look.status
    return f"{share(status.rows.done, status.rows.total)} {status.state} · Niffler extraction"
