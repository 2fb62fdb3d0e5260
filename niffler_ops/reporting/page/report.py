"""The page of one extraction as one file that needs nothing else: no network, and no script for reading."""

from collections.abc import Callable
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.errors import CannotWriteError
from niffler_ops.files import write_durable
from niffler_ops.layout import Layout
from niffler_ops.reporting.page.data import read_page
from niffler_ops.reporting.page.history import History
from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.page.rows import read_rows
from niffler_ops.reporting.page.selection import Selection

MAX_PROBLEMS = 1000
MAX_ROWS = 1000  # about half a megabyte, and as many as a browser sorts without a wait


def report_html(layout: Layout, clock: Clock, *, identifiers: bool = False) -> str:
    """The whole page, to be written as UTF-8; MissingInputError where there is no ledger to read.

    Without `identifiers` it holds line numbers, hashes of UIDs and reasons, and nothing of a patient.
    """
    history = History()
    while history.advance(layout):
        pass
    page = read_page(layout, clock, history, problems=MAX_PROBLEMS, identifiers=identifiers)
    rows = read_rows(layout, Selection(), limit=MAX_ROWS, identifiers=identifiers)
    return render("report.html", page=page, rows=rows, live=False)


def write_report_html(layout: Layout, clock: Clock, path: Path, *, identifiers: bool = False) -> None:
    """Replace the file by the page, readable for its owner alone. MissingInputError, CannotWriteError."""
    write_html(path, lambda: report_html(layout, clock, identifiers=identifiers))


def write_html(path: Path, make: Callable[[], str]) -> None:
    """Replace the file by what is made, if it can be. CannotWriteError."""
    if path.exists() and not path.is_file():
        raise CannotWriteError(f"{path}: it is no regular file.")
    html = make()
    try:
        write_durable(path, [html.encode("utf-8", "replace")])
    except OSError as error:
        raise CannotWriteError(f"{path}: it cannot be written ({error.strerror}).") from None
