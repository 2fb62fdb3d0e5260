"""Server-sent events: the parts of a page that have changed since they were sent last."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import StreamingResponse

from niffler_ops.reporting.serving.watching import INTERVAL

TICK = 0.25  # seconds after which the end of the server is noticed


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """The title of a page, and all its parts by the id of their element."""

    title: str
    parts: Mapping[str, str]


def stream(
    read: Callable[[], Awaitable[News]], stopping: Callable[[], bool], now: Callable[[], datetime]
) -> StreamingResponse:
    """Events until the reader leaves or the server stops; each is a sign of life too."""
    return StreamingResponse(
        _events(read, stopping, now), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _events(
    read: Callable[[], Awaitable[News]], stopping: Callable[[], bool], now: Callable[[], datetime]
) -> AsyncIterator[str]:
    sent: dict[str, str] = {}
    while not stopping():
        news = await read()
        changed = {name: html for name, html in news.parts.items() if sent.get(name) != html}
        sent |= changed
        yield event(title=news.title, time=f"{now().astimezone():%H:%M:%S}", parts=changed)
        for _ in range(round(INTERVAL / TICK)):
            if stopping():
                return
            await asyncio.sleep(TICK)


def event(**data: object) -> str:
    """One event; JSON has no line breaks of its own."""
    return f"event: update\ndata: {json.dumps(data)}\n\n"
