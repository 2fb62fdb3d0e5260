"""The page of one receiver: what it shows, and the file of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.clock import Clock, minute_of
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing import words
from niffler_ops.realtime.showing.charts import charts
from niffler_ops.realtime.showing.history import read_history
from niffler_ops.realtime.showing.worries import worries
from niffler_ops.realtime.status import ReceiverStatus, gather
from niffler_ops.reporting.page.charts import Chart
from niffler_ops.reporting.page.headline import Figure
from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.page.report import write_html


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiverPage:
    """One receiver at one instant; it holds no identifiers."""

    status: ReceiverStatus
    state_words: str
    last_entry: str
    worries: Sequence[str]
    figures: Sequence[Figure]
    charts: Sequence[Chart]


def read_receiver_page(place: Place, clock: Clock) -> ReceiverPage:
    """MissingInputError where its record cannot be read."""
    status = gather(place, clock)
    at_work = status.state == "running"
    return ReceiverPage(
        status=status,
        state_words=words.state_words(status),
        last_entry=words.last_entry(status),
        worries=worries(status),
        figures=tuple(words.figures(status)),
        charts=charts(
            read_history(place),
            status.sources,
            now_minute=minute_of(status.gathered_at) if at_work else None,
        ),
    )


def receiver_html(place: Place, clock: Clock) -> str:
    """The whole page, to be written as UTF-8; MissingInputError where there is no record to read."""
    page = read_receiver_page(place, clock)
    return render("receiver_report.html", page=page, status=page.status, live=False)


def write_receiver_html(place: Place, clock: Clock, path: Path) -> None:
    """Replace the file by the page, readable for its owner alone. MissingInputError, CannotWriteError."""
    write_html(path, lambda: receiver_html(place, clock))
