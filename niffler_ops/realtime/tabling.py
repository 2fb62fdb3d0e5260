"""The tables of PassOn: to bring them up to date, all rows that were ever made are read."""

import logging
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.files import write_private
from niffler_ops.postprocess.crew import Crew
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict

AGAIN_SECONDS = 3600.0

log = logging.getLogger(__name__)


class Tables:
    """Has them written once an hour where there are further rows, and sooner where somebody asks."""

    def __init__(self, mark: Path, crew: Crew, clock: Clock, settings: Settings) -> None:
        """`mark` is a file that is there as long as the tables lack rows, whatever ends the receiver."""
        self._mark = mark
        self._crew = crew
        self._clock = clock
        self._settings = settings
        self._again_at = 0.0
        self._further = False  # rows since a worker has begun to write
        self.writing = False
        self.asked = False

    @property
    def lack_rows(self) -> bool:
        """Whether rows were made since they were written."""
        return self._mark.exists()

    def note_rows(self) -> None:
        """Further rows were made."""
        self._further = True
        write_private(self._mark, b"")

    def ask(self) -> None:
        """Somebody is going to look at them."""
        self.asked = self.lack_rows

    def are_due(self, *, idle: bool) -> bool:
        """Whether to write them now; where it is asked, once there is nothing else to do."""
        is_time = self._clock.monotonic() >= self._again_at or (self.asked and idle)
        return is_time and self.lack_rows

    def write(self) -> None:
        """Have a worker do it. Raises ExhaustedError where none can be started."""
        job = Job(name="tables", processor=Processor.TABLES, files=(), settings=self._settings)
        self._crew.give([(job, self._written)])
        self._again_at = self._clock.monotonic() + AGAIN_SECONDS
        self._further, self.writing = False, True

    def _written(self, outcome: Outcome) -> None:
        self.writing = self.asked = False
        if outcome.verdict is Verdict.FAILED:
            log.warning("The tables of OutputFolder are not up to date: %s", outcome.reason)
        if outcome.verdict is Verdict.DONE and not self._further:
            self._mark.unlink(missing_ok=True)
