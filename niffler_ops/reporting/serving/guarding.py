"""What stands before every answer: security headers, reading only, and the question who asks."""

import logging
import traceback

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.serving.access import PARAMETER, Access, cookie_name

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset(
    {"/favicon.ico", "/static/page.css", "/static/icon.svg"}
)  # hold nothing of an extraction
METRICS = "/metrics"
READING = frozenset({"GET", "HEAD"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware around the pages."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ourselves, or let the pages answer; the headers are ours in either case."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._answer(Request(scope)) or self._app
        try:
            await answer(scope, receive, with_headers)
        except Exception as error:  # noqa: BLE001 - its text may hold an identifier, so the server must not log it
            frame = traceback.extract_tb(error.__traceback__)[-1]
            log.error("A defect of the page: %s at %s:%s", type(error).__name__, frame.filename, frame.lineno)  # noqa: TRY400

    def _answer(self, request: Request) -> Response | None:
        """None where the pages are to answer."""
        if request.method not in READING:
            return PlainTextResponse(
                "This page only shows.\n", status_code=405, headers={"Allow": "GET, HEAD"}
            )
        if request.url.path in OPEN_PATHS:
            return None
        if not self._access.allows(request):
            return self._refusal()
        if self._access.gives_token(request) and request.url.path != METRICS:
            return self._without_token(request)
        return None

    def _refusal(self) -> Response:
        if self._access.token is None:
            return PlainTextResponse(
                "This server is asked for by another name than its own.\n", status_code=421
            )
        return HTMLResponse(render("token.html"), status_code=401, headers={"WWW-Authenticate": "Bearer"})

    def _without_token(self, request: Request) -> Response:
        """The browser keeps a cookie, and the token does not stay in its address bar and history."""
        rest = [pair for pair in request.query_params.multi_items() if pair[0] != PARAMETER]
        path = request.url.path.lstrip("/")  # so that it never is taken for the name of a host
        query = str(request.url.replace_query_params(**dict(rest)).query)
        response = RedirectResponse(f"/{path}" + (f"?{query}" if query else ""), status_code=303)
        response.set_cookie(
            cookie_name(request), self._access.cookie, httponly=True, samesite="lax", path="/"
        )
        return response
