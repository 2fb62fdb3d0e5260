"""What a page shows of one extraction, read in several short transactions and without changing anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.clock import Clock, minute_of
from niffler_ops.layout import Layout
from niffler_ops.reporting.page.charts import Chart, charts
from niffler_ops.reporting.page.history import History
from niffler_ops.reporting.page.rows import Rows, read_rows
from niffler_ops.reporting.page.selection import PROBLEMS, Selection
from niffler_ops.reporting.page.work import Work, read_work
from niffler_ops.reporting.snapshot import with_standing
from niffler_ops.reporting.standing import Standing
from niffler_ops.reporting.status import AT_WORK, Status, gather


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One extraction at one instant; `unread` events are still missing in the charts."""

    status: Status
    standing: Standing
    charts: Sequence[Chart]
    work: Work
    problems: Rows
    identifiers: bool
    unread: int

    @property
    def at_work(self) -> bool:
        """Whether its supervisor is there."""
        return self.status.state in AT_WORK


def read_page(layout: Layout, clock: Clock, history: History, *, problems: int, identifiers: bool) -> Page:
    """The page with up to so many `problems`; MissingInputError where there is no ledger to read.

    The charts are of `history` as far as the caller has brought it forward.
    """
    seen = with_standing(layout, gather(layout, clock=clock))
    status = seen.status
    at_work = status.state in AT_WORK
    return Page(
        status=status,
        standing=seen.standing,
        charts=charts(
            history,
            rows=status.rows,
            studies=status.studies,
            now_minute=minute_of(status.gathered_at) if at_work else None,
        ),
        work=read_work(layout, identifiers=identifiers),
        problems=read_rows(layout, Selection(group=PROBLEMS), limit=problems, identifiers=identifiers),
        identifiers=identifiers,
        unread=history.unread,
    )
