"""The page of one extraction as one file that needs nothing else: no network, and no script for reading."""

from niffler_ops.clock import Clock
from niffler_ops.layout import Layout
from niffler_ops.reporting.page.data import read_page
from niffler_ops.reporting.page.history import History
from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.page.rows import read_rows
from niffler_ops.reporting.page.selection import Selection

MAX_PROBLEMS = 1000
MAX_ROWS = 1000


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
