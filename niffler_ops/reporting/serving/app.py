"""The addresses: an overview, a page for each extraction and receiver, their events, and metrics."""

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
from niffler_ops.reporting.prometheus import CONTENT_TYPE
from niffler_ops.reporting.serving.access import Access
from niffler_ops.reporting.serving.board import Board
from niffler_ops.reporting.serving.guarding import Guard
from niffler_ops.reporting.serving.showing import Card, Receivers, Watched
from niffler_ops.reporting.serving.streaming import News, Streams
from niffler_ops.reporting.serving.watching import NO_ANSWER, part

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
    receivers: Receivers,
) -> ASGIApp:
    """The application for these StorageFolders, or without any for what works on this machine."""
    board = Board(folders, clock, receivers, identifiers=identifiers)
    pages = Pages(board, Streams(clock, stopping), identifiers=identifiers)
    routes = [
        Route("/", pages.overview),
        Route("/events", pages.overview_events),
        Route("/metrics", pages.metrics),
        Route("/favicon.ico", pages.favicon),
        Route("/static/{name}", pages.static),
        Route("/{key}/", pages.one),
        Route("/{key}/events", pages.events_of_one),
    ]
    return Guard(Starlette(routes=routes), access)


class Pages:
    """Answers to requests that were let through."""

    def __init__(self, board: Board, streams: Streams, *, identifiers: bool) -> None:
        self._board = board
        self._streams = streams
        self._identifiers = identifiers

    async def overview(self, _request: Request) -> Response:
        """All of them; where only one was asked for, its page."""
        if self._board.only is not None:
            return RedirectResponse(f"/{self._board.only}/", status_code=303)
        return HTMLResponse(
            render("overview.html", cards=await self._cards(), identifiers=self._identifiers, live=True)
        )

    async def one(self, request: Request) -> Response:
        """One extraction or receiver; 503 while it cannot be read, and the page comes by itself."""
        watch = await self._watch(request)
        view = await watch.look(Selection.parse(request.query_params))
        html = render(
            view.template,
            watch=watch,
            view=view,
            several=self._board.only is None,
            identifiers=self._identifiers,
            live=True,
            **view.values,
        )
        return HTMLResponse(html, status_code=200 if view.whole else 503)

    async def overview_events(self, _request: Request) -> Response:
        """What changes in the overview."""

        async def read() -> News:
            cards = part("cards", cards=await self._cards())
            return News(title="Niffler", parts={"cards": cards})

        return self._streams.answer(read)

    async def events_of_one(self, request: Request) -> Response:
        """What changes in the page of one, its rows as they are selected there."""
        watch, selection = await self._watch(request), Selection.parse(request.query_params)

        async def read() -> News:
            view = await watch.look(selection)
            parts = {**view.parts, "trouble": part("trouble", view=view)}
            return News(
                title=view.title, parts={name.replace("_", "-"): html for name, html in parts.items()}
            )

        return self._streams.answer(read)

    async def metrics(self, _request: Request) -> Response:
        """All that can be read, as Prometheus wants it."""
        try:
            text = await self._board.metrics()
        except TimeoutError:
            raise HTTPException(503, f"{NO_ANSWER}\n") from None
        return Response(text, media_type=CONTENT_TYPE)

    async def favicon(self, _request: Request) -> Response:
        """For browsers that ask for it whatever a page says."""
        return Response(static("icon.svg"), media_type=STATIC["icon.svg"])

    async def static(self, request: Request) -> Response:
        """The few files that pages are made with."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404)
        return Response(static(name), media_type=STATIC[name])

    async def _cards(self) -> Sequence[Card] | None:
        """What the overview lists; None where the registry's disk does not answer."""
        try:
            return await self._board.cards()
        except TimeoutError:
            return None

    async def _watch(self, request: Request) -> Watched:
        try:
            watch = await self._board.watch(request.path_params["key"])
        except TimeoutError:
            raise HTTPException(503, f"{NO_ANSWER}\n") from None
        if watch is None:
            raise HTTPException(404, "There is no such extraction or receiver here.\n")
        return watch
