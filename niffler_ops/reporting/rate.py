"""How fast an extraction goes, and how long it will take; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from niffler_ops.ledger.store import RecentEnds
from niffler_ops.reporting.counts import Counts

WINDOW = timedelta(minutes=30)  # long enough for an archive that takes minutes for a study
WINDOW_EVENTS = 20_000  # the newest events that are looked at, so that the answer is as quick at any size
SHORTEST_SECONDS = 1.0
SECONDS_IN_HOUR = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Studies retrieved, whole or in part, in an hour, and instances in a second, of late.

    Instances count when their study ends; `ends_per_second` counts failed studies too.
    """

    studies_per_hour: float = 0.0
    instances_per_second: float = 0.0
    ends_per_second: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Overall:
    """The same since the first run began, with all pauses: what an archive gives in the long run."""

    studies_per_hour: float
    instances_per_second: float
    seconds: float


def overall(*, studies: int, instances: int, begun: datetime, end: datetime) -> Overall:
    """Of so many since then."""
    seconds = max((end - begun).total_seconds(), SHORTEST_SECONDS)
    return Overall(
        studies_per_hour=round(studies / seconds * SECONDS_IN_HOUR, 1),
        instances_per_second=round(instances / seconds, 2),
        seconds=round(seconds, 1),
    )


def window_start(started_at: datetime, now: datetime) -> datetime:
    """From when on ends count: of the latest run, and not long ago."""
    return max(started_at, now - WINDOW)


def rate(ends: RecentEnds, start: datetime, now: datetime) -> Rate:
    """The rate over the time that was looked at, up to now: it falls when nothing ends any more."""
    if ends.looked_from is not None:
        start = max(start, datetime.fromisoformat(ends.looked_from))
    seconds = max((now - start).total_seconds(), SHORTEST_SECONDS)
    return Rate(
        studies_per_hour=round(ends.retrieved / seconds * SECONDS_IN_HOUR, 1),
        instances_per_second=round(ends.received / seconds, 2),
        ends_per_second=ends.ended / seconds,
    )


def eta_seconds(rows: Counts, studies: Counts, pace: Rate) -> int | None:
    """Seconds to the end at this rate; None while nothing has ended, or no row has been asked for.

    Rows that were not asked for yet are taken to match as many studies as the others did.
    """
    if not rows.open and not studies.open:
        return 0
    asked = rows.total - rows.pending - rows.rejected
    if not pace.ends_per_second or not asked:
        return None
    remaining = studies.open + rows.pending * studies.total / asked
    return round(remaining / pace.ends_per_second)
