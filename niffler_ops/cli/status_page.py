"""The page of `niffler-status`: written as a file of its own, or served."""

import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from niffler_ops.clock import SystemClock
from niffler_ops.errors import ConfigurationError
from niffler_ops.layout import Layout
from niffler_ops.realtime.place import Place

LOCAL_HOST, PORT = "127.0.0.1", 8450
ALLOWED = re.compile(r"[A-Za-z0-9._:%\[\]-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where the page is served; port 0 is any that is free."""

    host: str = LOCAL_HOST
    port: int = PORT


def endpoint(text: str) -> Endpoint:
    """HOST:PORT, [ADDRESS]:PORT, HOST or PORT; argparse tells what is none of them."""
    given = f":{text}" if text.isdigit() else text
    try:
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname or LOCAL_HOST, parts.port
    except ValueError:
        raise _no_endpoint(text) from None
    if parts.netloc != given or not ALLOWED.fullmatch(given):
        raise _no_endpoint(text)
    return Endpoint(host=host, port=PORT if port is None else port)


def _no_endpoint(text: str) -> ArgumentTypeError:
    return ArgumentTypeError(f"{text!r} is not of the form HOST:PORT (folders stand before --serve)")


def write_page(layout: Layout, path: Path, *, identifiers: bool) -> None:
    """Replace the file by the page; it is its owner's alone. MissingInputError, CannotWriteError."""
    from niffler_ops.reporting.page import write_report_html  # noqa: PLC0415 - jinja2 is slow to import

    write_report_html(layout, SystemClock(), path, identifiers=identifiers)


def write_receiver_page(place: Place, path: Path) -> None:
    """The same of a receiver."""
    from niffler_ops.realtime.showing.page import write_receiver_html  # noqa: PLC0415 - jinja2 is slow to import

    write_receiver_html(place, SystemClock(), path)


def serve_pages(folders: Sequence[Path], place: Endpoint, *, identifiers: bool) -> None:
    """Serve what works in these folders, or without any on this machine, until SIGINT or SIGTERM."""
    try:
        from niffler_ops.realtime.showing.live import LiveReceivers  # noqa: PLC0415 - an optional dependency
        from niffler_ops.reporting.serving import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"--serve needs the package {error.name}, which is not installed:"
            " pip install 'niffler-ops[serve]'. --html FILE writes the same page without it."
        ) from None
    serve(
        folders,
        host=place.host,
        port=place.port,
        identifiers=identifiers,
        clock=SystemClock(),
        receivers=LiveReceivers(SystemClock()),
        announce=_announce,
    )


def _announce(address: str) -> None:
    print(address, flush=True)
    if sys.stderr.isatty():
        sys.stderr.write("Open this address in a browser; Ctrl-C ends it.\n")
