"""Who follows an extraction beside the terminal: its log, status.json, the audit trail, and people."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.notices import Notices
from niffler_ops.reporting.audit_trail import open_audit_trail
from niffler_ops.reporting.narration import Narration
from niffler_ops.reporting.snapshot import Snapshots
from niffler_ops.reporting.standing import standing_of
from niffler_ops.stages.place import Place
from niffler_ops.supervisor import Display, Supervisor


class Followers:
    """All of them; made when the ledger is as the run finds it."""

    def __init__(self, config: Config, place: Place, clock: Clock) -> None:
        self._ledger = place.ledger
        self._before = place.ledger.tallies()
        self._narration = Narration(place.ledger)
        self._snapshots = Snapshots(place.layout, clock, partial(standing_of, place))
        self._trail = open_audit_trail(config, place.layout, clock)
        self._notices = Notices(
            config,
            place.layout,
            clock,
            pause=lambda: place.gate.pause,
            troubles=lambda: [contact.trouble for contact in place.contacts],
        )

    @property
    def displays(self) -> Sequence[Display]:
        """What the supervisor shows its progress to."""
        trails = () if self._trail is None else (self._trail,)
        return (self._narration, self._snapshots, *trails, self._notices)

    @contextmanager
    def to_the_end(self, supervisor: Supervisor) -> Iterator[None]:
        """Whatever the run comes to, they know of it, within seconds."""
        try:
            yield
        except Exception as error:
            self._notices.failed(error, asked_to_stop=supervisor.asked_to_stop)
            raise
        finally:
            self._snapshots.write()
            if self._trail is not None:
                self._trail.close()
            self._notices.close(lambda: supervisor.asked_to_stop)

    def ended(self) -> None:
        """The loop is over: what has happened since the last look."""
        self._narration.show(self._ledger)

    def completed(self, exit_status: int) -> None:
        """Every row is at its end, and the report is written."""
        self._notices.completed(exit_status, moved=self._ledger.tallies() != self._before)
