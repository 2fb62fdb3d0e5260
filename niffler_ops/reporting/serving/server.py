"""Listening and answering until a signal ends it."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from niffler_ops.clock import Clock
from niffler_ops.errors import UnavailableError
from niffler_ops.reporting.serving.access import Access, is_loopback, new_token
from niffler_ops.reporting.serving.app import make_app
from niffler_ops.reporting.serving.showing import NoReceivers, Receivers

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
STOP_SECONDS = 2
BACKLOG = 128


def serve(
    folders: Sequence[Path],
    *,
    host: str,
    port: int,
    token: str | None = None,
    identifiers: bool,
    clock: Clock,
    receivers: Receivers | None = None,
    announce: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve what works in these StorageFolders until SIGINT or SIGTERM; returns then.

    `announce` is told the address once it can be opened, with the token where one is needed: not on
    loopback, or with `identifiers`, which the other users of this machine are not to read. It is made up
    where `token` is None. `port` 0: any free one. Raises UnavailableError where it cannot listen.
    """
    if token is None and (identifiers or not is_loopback(host)):
        token = new_token()
    access = Access(token=token, hosts=LOCAL_NAMES | {host.lower()})
    with contextlib.closing(_listen(host, port)) as listener:
        server = _Server(
            uvicorn.Config(
                make_app(
                    folders,
                    clock,
                    access,
                    identifiers=identifiers,
                    stopping=lambda: server.should_exit,
                    receivers=receivers or NoReceivers(),
                ),
                lifespan="off",
                log_config=None,
                proxy_headers=False,  # who asks is told by what he knows, never by what a header says
                access_log=False,  # a token in an address is not to stand in a log
                server_header=False,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        announce(address(host, listener.getsockname()[1], token))
        asyncio.run(server.serve(sockets=[listener]))


def address(host: str, port: int, token: str | None) -> str:
    """What to open in a browser."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise UnavailableError(
            f"{host}:{port}: cannot listen there ({error.strerror or error}). Name another HOST:PORT; port 0"
            " takes any that is free."
        ) from error
    listener.setblocking(False)  # noqa: FBT003 - the only way to say so
    return listener


class _Server(uvicorn.Server):
    """A signal ends it in order, and is not raised once more afterwards."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """While it serves, SIGINT and SIGTERM are requests to end."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        try:
            before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        except ValueError:  # not the main thread, which alone may: whoever started it ends it
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
