"""Templates to HTML: everything that is put into them is escaped."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from niffler_ops.reporting.page import headline
from niffler_ops.reporting.page.selection import CHOICES
from niffler_ops.reporting.page.words import time_of_day
from niffler_ops.reporting.words import local_time, number, size, times
from niffler_ops.terminal import printable

PACKAGE = "niffler_ops.reporting.page"
SYMBOLS = {  # of states, so that none is told by colour alone
    "done": "✓",
    "finished": "✓",
    "active": "▸",
    "running": "▸",
    "pending": "·",
    "paused": "‖",
    "stopped": "■",
    "partial": "◐",
    "failed": "✕",
    "crashed": "✕",
    "not_found": "?",
    "rejected": "⊘",
}


def static(name: str) -> str:
    """A file that pages are made with."""
    return (files(PACKAGE) / "static" / name).read_text(encoding="utf-8")


def render(template: str, **values: object) -> str:
    """A template of this package with these values."""
    return _environment().get_template(template).render(**values)


def inline(name: str) -> Markup:
    """A static file as it stands between tags."""
    return Markup(static(name))  # noqa: S704 - our own file


def content_hash(name: str) -> str:
    """The source expression of Content-Security-Policy that allows an inlined static file."""
    digest = hashlib.sha256(static(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def data_address(name: str) -> str:
    """An SVG file of ours as an address that needs no server."""
    return f"data:image/svg+xml;base64,{base64.b64encode(static(name).encode()).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "size": size,
        "times": times,
        "plain": printable,
        "moment": local_time,
        "time_of_day": time_of_day,
        "told": lambda text: text.replace("_", " "),
        "symbol": lambda state: SYMBOLS.get(state, "·"),
    }
    environment.globals |= {
        "words": headline,
        "choices": CHOICES,
        "inline": inline,
        "content_hash": content_hash,
        "data_address": data_address,
    }
    return environment
