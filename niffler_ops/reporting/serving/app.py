"""The addresses: an overview, a page for each extraction, their events, and metrics."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from niffler_ops.clock import Clock
from niffler_ops.reporting.page.rendering import render, static
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.page.words import share
from niffler_ops.reporting.prometheus import CONTENT_TYPE, metrics_text
from niffler_ops.reporting.registry import Extraction
from niffler_ops.reporting.serving.access import Access
from niffler_ops.reporting.serving.board import Board
from niffler_ops.reporting.serving.guarding import Guard
from niffler_ops.reporting.serving.streaming import News, Streams
from niffler_ops.reporting.serving.watching import NO_ANSWER, Look, Watch, part

STATIC: Mapping[str, str] = {
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
    """The application for these StorageFolders, or without any for the extractions of this machine."""
    board = Board(folders, clock, identifiers=identifiers)
    pages = Pages(board, Streams(clock, stopping), identifiers=identifiers)
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

    def __init__(self, board: Board, streams: Streams, *, identifiers: bool) -> None:
        self._board = board
        self._streams = streams
        self._identifiers = identifiers

    async def overview(self, _request: Request) -> Response:
        """All extractions; where only one was asked for, its page."""
        if self._board.only is not None:
            return RedirectResponse(f"/{self._board.only}/", status_code=303)
        return HTMLResponse(
            render("overview.html", cards=await self._cards(), identifiers=self._identifiers, live=True)
        )

    async def extraction(self, request: Request) -> Response:
        """One extraction; 503 while its ledger cannot be read, and the page comes by itself."""
        watch = await self._watch(request)
        look = await watch.look(Selection.parse(request.query_params))
        html = render(
            "live.html",
            watch=watch,
            look=look,
            page=look.page,
            rows=look.rows,
            several=self._board.only is None,
            identifiers=self._identifiers,
            live=True,
        )
        return HTMLResponse(html, status_code=200 if look.page else 503)

    async def overview_events(self, _request: Request) -> Response:
        """What changes in the overview."""

        async def read() -> News:
            cards = part("cards", cards=await self._cards())
            return News(title="Niffler extractions", parts={"cards": cards})

        return self._streams.answer(read)

    async def extraction_events(self, request: Request) -> Response:
        """What changes in the page of one extraction, its rows as they are selected there."""
        watch, selection = await self._watch(request), Selection.parse(request.query_params)

        async def read() -> News:
            look = await watch.look(selection)
            parts = {**look.parts, "trouble": part("trouble", look=look)}
            return News(
                title=title(look), parts={name.replace("_", "-"): html for name, html in parts.items()}
            )

        return self._streams.answer(read)

    async def metrics(self, _request: Request) -> Response:
        """Every extraction that can be read, as Prometheus wants it."""
        try:
            found = await self._board.extractions()
        except TimeoutError:
            raise HTTPException(503, f"{NO_ANSWER}\n") from None
        statuses = [extraction.status for _, extraction in found if extraction.status]
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

    async def _cards(self) -> Sequence[tuple[str, Extraction]] | None:
        """What the overview lists; None where the registry's disk does not answer."""
        try:
            return await self._board.extractions()
        except TimeoutError:
            return None

    async def _watch(self, request: Request) -> Watch:
        try:
            watch = await self._board.watch(request.path_params["key"])
        except TimeoutError:
            raise HTTPException(503, f"{NO_ANSWER}\n") from None
        if watch is None:
            raise HTTPException(404, "There is no such extraction here.\n")
        return watch


def title(look: Look) -> str:
    """What a browser shows of a page in the background."""
    if look.status is None:
        return "unreadable · Niffler extraction"
    status = look.status
    return f"{share(status.rows.done, status.rows.total)} {status.state} · Niffler extraction"
