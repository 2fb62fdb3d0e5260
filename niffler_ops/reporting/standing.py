"""What only the supervisor knows of its work: how the archives answer, and when it may ask them.

It tells this in status.json, because nothing of it outlives a run.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from niffler_ops.files import read_plain
from niffler_ops.layout import Layout
from niffler_ops.reporting.narration import without_uids
from niffler_ops.reporting.status import AT_WORK, Status
from niffler_ops.stages.windows import Window

if TYPE_CHECKING:  # for who only reads, what the supervisor works with is slow to import
    from niffler_ops.stages.contact import Contact
    from niffler_ops.stages.place import Place

LONGEST = timedelta(days=400)
LONGEST_TOLD = 16 << 20  # bytes of a status.json
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveStanding:
    """An archive, AET@HOST:PORT: `state` is `answers`, `silent`, `refuses` or `unknown destination`.

    `reason` says why it is in another state than the first, and `seconds` for how long it is silent; `tuning`
    why it has so many lanes, "" where somebody has set it; `limit` the instances a second that it is held to
    now.
    """

    name: str
    state: str
    reason: str
    seconds: int
    lanes: int
    tuning: str = ""
    limit: float | None = None

    @property
    def words(self) -> str:
        """How it answers, and why it does not."""
        since = f" for {self.seconds} s" if self.state == "silent" else ""
        why = f": {without_uids(self.reason)}" if self.reason else ""
        return f"{self.state}{since}{why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """The archives in the order of SrcAet; `night` are the hours in which they may be asked, None for all.

    `max_attempts` is MaxAttempts, None where no run has told it.
    """

    archives: tuple[ArchiveStanding, ...] = ()
    night: Window | None = None
    max_attempts: int | None = None

    @property
    def lanes(self) -> int:
        """How many may retrieve at once, all archives together."""
        return sum(archive.lanes for archive in self.archives)

    def lanes_words(self, going: int) -> str:
        """How many lanes retrieve, of how many, and why there are so many; "" where nobody has told it."""
        if not self.lanes:
            return ""
        why = f": {self.tuning}" if self.tuning else ""
        return f"{going} of {self.lanes} at work{why}"

    @property
    def limit(self) -> float | None:
        """Instances a second that come at most, all archives together; None where one has no limit."""
        limits = [archive.limit for archive in self.archives]
        held = all(isinstance(limit, int | float) and 0 < limit < math.inf for limit in limits)
        return sum(limit or 0.0 for limit in limits) if limits and held else None

    @property
    def tuning(self) -> str:
        """Why the lanes are so many, where there is one archive to tell of."""
        return self.archives[0].tuning if len(self.archives) == 1 else ""


def standing_of(place: "Place") -> Standing:
    """How the supervisor that works with this place stands."""
    config = place.config
    window = Window(start_hour=config.start_hour, end_hour=config.end_hour)
    return Standing(
        archives=tuple(_archive(contact) for contact in place.contacts),
        night=window if config.nightly_only else None,
        max_attempts=config.max_attempts,
    )


def _archive(contact: "Contact") -> ArchiveStanding:
    """The gravest thing first."""
    if contact.misconfigured:
        state, reason = "unknown destination", contact.misconfigured
    elif not contact.usable:
        state, reason = "silent", "asked again until it answers"
    elif contact.refusing:
        state, reason = "refuses", contact.refusing
    else:
        state, reason = "answers", ""
    return ArchiveStanding(
        name=contact.name,
        state=state,
        reason=reason,
        seconds=round(contact.lost_for),
        lanes=contact.load.lanes,
        tuning=contact.load.why,
        limit=contact.load.limit,
    )


def standing_json(standing: Standing) -> dict[str, Any]:
    """The part of status.json."""
    night = standing.night
    return {
        "archives": [asdict(archive) for archive in standing.archives],
        "night": None if night is None else {"start_hour": night.start_hour, "end_hour": night.end_hour},
        "max_attempts": standing.max_attempts,
    }


def read_told(layout: Layout, name: str) -> Any:
    """What a supervisor has written there, as JSON; OSError or ValueError where it cannot be read."""
    try:
        return json.loads(read_plain(layout.private / name, LONGEST_TOLD))
    except RecursionError:
        raise ValueError("JSON without end") from None


def read_standing(layout: Layout, name: str, status: Status) -> Standing:
    """What the supervisor of this status told last; nothing where it is not at work or has not told."""
    if status.state not in AT_WORK:
        return Standing()
    try:
        content = read_told(layout, name)
        if content["snapshot"]["supervisor"]["pid"] not in _supervisors(status):
            return Standing()  # that of an earlier run
        return _standing(content["standing"])
    except (OSError, ValueError, KeyError, TypeError):
        return Standing()


def told_attempts(layout: Layout, name: str) -> int | None:
    """MaxAttempts of the latest run, also after its end; None where it has not told it."""
    try:
        told = read_told(layout, name)["standing"]["max_attempts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return told if isinstance(told, int) else None


def _supervisors(status: Status) -> Sequence[int]:
    return [process.pid for process in status.processes if process.role == "supervisor"]


def _standing(content: Mapping[str, Any]) -> Standing:
    night = content["night"]
    return Standing(
        archives=tuple(ArchiveStanding(**archive) for archive in content["archives"]),
        night=None if night is None else Window(**night),
        max_attempts=content.get("max_attempts"),
    )


def expected_end(now: datetime, seconds: float, night: Window | None) -> datetime | None:
    """When work of so many seconds is done that goes on at night only; None where nobody can tell so far."""
    if seconds > LONGEST.total_seconds():
        return None
    left, moment, latest = timedelta(seconds=seconds), now.astimezone(UTC), now + LONGEST
    while night is not None and moment < latest:
        local = moment.astimezone()
        full = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC) + HOUR
        if night.is_open(local):
            if left <= full - moment:
                break
            left -= full - moment
        moment = full
    return moment + left if moment < latest else None
