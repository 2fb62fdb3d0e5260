"""How fast an extraction goes, or went before it was paused; callers hold the transaction."""

from collections.abc import Mapping
from datetime import datetime

from niffler_ops.clock import timestamp
from niffler_ops.ledger.store import ExtractionRecord, Ledger, RecentEnds
from niffler_ops.reporting.counts import study_counts
from niffler_ops.reporting.rate import WINDOW_EVENTS, Rate, rate, window_start


def read_pace(
    ledger: Ledger, record: ExtractionRecord, tallies: Mapping[tuple[str, str], int], now: datetime
) -> Rate:
    """Of late; while paused before the pause, and where nothing ended then since the first run began."""
    if record.started_at is None:
        return Rate()
    started_at = datetime.fromisoformat(record.started_at)
    if record.run_state == "running":
        return _lately(ledger, started_at, now)
    if record.run_state != "paused":
        return Rate()
    pause = ledger.latest_pause(events=WINDOW_EVENTS)
    if pause is not None:
        now = datetime.fromisoformat(pause.at)
        pace = _lately(ledger, started_at, now, last=pause.event)
        if pace.ends_per_second:
            return pace
    return rate(_all_ends(tallies), datetime.fromisoformat(record.created_at), now)


def _lately(ledger: Ledger, started_at: datetime, now: datetime, *, last: int | None = None) -> Rate:
    start = window_start(started_at, now)
    ends = ledger.recent_ends(since=timestamp(start), events=WINDOW_EVENTS, last=last)
    return rate(ends, start, now)


def _all_ends(tallies: Mapping[tuple[str, str], int]) -> RecentEnds:
    studies = study_counts(tallies)
    retrieved = studies.done + studies.partial
    return RecentEnds(
        ended=retrieved + studies.failed,
        retrieved=retrieved,
        received=tallies.get(("instance", "received"), 0),
        looked_from=None,
    )
