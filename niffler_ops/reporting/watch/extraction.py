"""One extraction, as those see it who watch."""

from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.clock import Clock, timestamp
from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.ledger import watching
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.rate import WINDOW, WINDOW_EVENTS
from niffler_ops.reporting.registry_text import facts
from niffler_ops.reporting.snapshot import look
from niffler_ops.reporting.standing import Standing
from niffler_ops.reporting.status import AT_WORK, Status
from niffler_ops.reporting.watch import bars, going_on, heading, trouble
from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.signs import Signs
from niffler_ops.reporting.watch.throughput import Throughput

EVENTS_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """What goes on just now; nothing where the ledger cannot be opened."""

    lanes: Sequence[watching.WatchedLane] = ()
    events: Sequence[watching.WatchedEvent] = ()


class ExtractionSource:
    """Looks at one extraction, and keeps what it saw of the throughput."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._throughput: Throughput | None = None

    def look(self) -> "ExtractionPicture":
        """How it stands; MissingInputError where neither ledger nor status.json can be read."""
        seen = look(self._layout, clock=self._clock)
        status = seen.status
        activity = Activity() if seen.note else self._activity()
        now = self._clock.now().timestamp()
        if self._throughput is None:
            self._throughput = Throughput()
            self._throughput.remember({} if seen.note else self._arrived())
        self._throughput.see(status.gathered_at.timestamp(), status.received)
        return ExtractionPicture(
            status=status,
            note=seen.note,
            activity=activity,
            standing=seen.standing,
            rates=self._throughput.rates(now, bars.MOST_STEPS),
        )

    def _activity(self) -> Activity:
        def read(ledger: Ledger) -> Activity:
            return Activity(
                lanes=watching.lanes(ledger), events=watching.newest_events(ledger, limit=EVENTS_SHOWN)
            )

        try:
            return consult(self._layout.ledger, read)
        except MissingInputError:
            return Activity()  # a moment ago the status could be read, and at the next look it is told

    def _arrived(self) -> dict[int, int]:
        since = timestamp(self._clock.now() - WINDOW)
        try:
            return consult(
                self._layout.ledger,
                lambda ledger: watching.arrived(ledger, since=since, events=WINDOW_EVENTS),
            )
        except MissingInputError:
            return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractionPicture:
    """One look at an extraction; `rates` are instances a second by step, the newest last."""

    status: Status
    note: str
    activity: Activity
    standing: Standing
    rates: Sequence[float]

    @property
    def title(self) -> str:
        """Its StorageFolder."""
        return self.status.storage_folder

    @property
    def at_work(self) -> bool:
        """Whether its supervisor is there."""
        return self.status.state in AT_WORK

    @property
    def told_at_once(self) -> tuple[object, ...]:
        """State, pause and problems."""
        status = self.status
        restarts = tuple((process.role, process.restarts) for process in status.processes)
        return (status.state, status.pause_reason, status.rows.problems, restarts, self.note)

    @property
    def line(self) -> str:
        """As in the list of extractions."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.status.state}: {', '.join(facts(self.status))}{note}"

    def sections(self, width: int, signs: Signs) -> Sequence[Section]:
        """The most important first; each is made elsewhere."""
        status, activity = self.status, self.activity
        return [
            heading.section(status, self.note, width, signs),
            *bars.sections(status, self.rates, width, signs),
            going_on.lanes(activity.lanes if self.at_work else (), self.standing, status, width),
            going_on.archives(self.standing, signs),
            going_on.processes(status, signs),
            trouble.problems(status, signs),
            trouble.what_to_do(status, width),
            trouble.events(activity.events, signs),
        ]
