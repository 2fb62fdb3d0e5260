"""Server-sent events: the parts of a page that have changed since they were sent last."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from niffler_ops.clock import Clock
from niffler_ops.reporting.serving.sharing import INTERVAL

TICK = 0.25  # seconds after which the end of the server is noticed
MOST = 64  # pages that are kept up to date at once


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """The title of a page, and all its parts by the id of their element."""

    title: str
    parts: Mapping[str, str]


class Streams:
    """The streams of one server; each ends when its reader leaves, or the server is `stopping`."""

    def __init__(self, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self._stopping = stopping
        self._open = 0

    def answer(self, read: Callable[[], Awaitable[News]]) -> Response:
        """An event each INTERVAL, also where nothing has changed: it is a sign of life too."""
        if self._open >= MOST:
            return PlainTextResponse("Too many pages are open.\n", status_code=503)
        return StreamingResponse(
            self._events(read), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _events(self, read: Callable[[], Awaitable[News]]) -> AsyncIterator[str]:
        sent: dict[str, str] = {}
        self._open += 1
        try:
            while not self._stopping():
                news = await read()
                changed = {name: html for name, html in news.parts.items() if sent.get(name) != html}
                sent |= changed
                time = f"{self._clock.now().astimezone():%H:%M:%S}"
                yield event(title=news.title, time=time, parts=changed)
                await self._rest()
        finally:
            self._open -= 1

    async def _rest(self) -> None:
        for _ in range(round(INTERVAL / TICK)):
            if self._stopping():
                return
            await asyncio.sleep(TICK)


def event(**data: object) -> str:
    """One event; JSON has no line breaks of its own."""
    return f"event: update\ndata: {json.dumps(data)}\n\n"
