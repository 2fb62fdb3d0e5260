"""Hands each settled study to the post-processors of PassOn, before its images may be deleted."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from niffler_ops.clock import Clock
from niffler_ops.errors import ExhaustedError, NifflerError
from niffler_ops.postprocess.crew import Crew
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Due, Record, Series
from niffler_ops.realtime.tabling import Tables

LOOK_SECONDS = 5.0
MOST_JOBS = 20
MOST_DUE = 200
ATTEMPTS = 3

log = logging.getLogger(__name__)

Key = tuple[str, str]


class Passing:
    """Decides which study is due; the crew does the work."""

    def __init__(
        self,
        place: Place,
        record: Record,
        crew: Crew,
        clock: Clock,
        *,
        processors: Sequence[str],
        settings: Settings,
        settle: timedelta,
    ) -> None:
        self._place = place
        self._record = record
        self._crew = crew
        self._clock = clock
        self._processors = tuple(Processor(name) for name in processors)
        self._settings = settings
        self._settle = settle
        self._given: set[Key] = set()
        self._look_at = 0.0
        self._tables = Tables(place.tables_mark, crew, clock, settings)
        self._unable = False  # that no worker can be started is said once

    @property
    def busy(self) -> bool:
        """Whether a study or the tables are being worked on, or a study is due, or tables are asked for."""
        return bool(self._processors) and (self._crew.busy or self._tables.asked or bool(self._due()))

    def advance(self) -> None:
        """Give what is due to workers that are free."""
        if not self._processors:
            return
        self._crew.watch()
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            self._give_what_is_due()
        except ExhaustedError as error:
            if not self._unable:
                log.warning("%s: studies wait for a worker, and are tried again", error)
            self._unable = True

    def _give_what_is_due(self) -> None:
        """Raises ExhaustedError where no worker can be started just now."""
        due = self._due()
        if not self._crew.busy and self._tables.are_due(idle=not due):
            self._tables.write()
            self._unable = False
        while due and self._crew.has_room:
            batch, due = due[:MOST_JOBS], due[MOST_JOBS:]
            self._crew.give([self._job(one) for one in batch])
            self._unable = False
            self._given.update((one.study, one.processor) for one in batch)

    def is_passed_on(self, series: Series, despite_failures: bool) -> bool:  # noqa: FBT001 - a callback
        """Whether every post-processor has worked on the series' study as it is now."""
        if not self._processors:
            return True
        files, newest = self._record.study_on_disk(series.study)
        passed = self._record.passed_of(series.study)
        return all(
            (done := passed.get(processor)) is not None
            and _is_finished(done, files, newest)
            and (despite_failures or not done["failed"])
            for processor in self._processors
        )

    def ask_for_tables(self) -> None:
        """Bring the tables up to date as soon as nothing else is due."""
        self._tables.ask()
        self._look_at = 0.0

    def stop(self) -> None:
        """End the workers."""
        self._crew.stop()

    def end(self) -> None:
        """End the workers, but for one that brings the tables up to date."""
        if self._tables.writing:
            return
        self.stop()
        if self._processors and self._tables.lack_rows:
            with suppress(NifflerError, OSError):  # the next start makes up for it
                self._tables.write()

    def _due(self) -> list[Due]:
        """Studies that are settled and not worked on as they are now."""
        quiet = self._clock.now() - self._settle
        most = MOST_DUE + len(self._given)
        found = self._record.studies_due(self._processors, until=quiet, most=most)
        return [due for due in found if (due.study, due.processor) not in self._given]

    def _job(self, due: Due) -> tuple[Job, "partial[None]"]:
        paths = [self._place.storage_folder / path for path in self._record.files_of_study(due.study)]
        job = Job(
            name=due.study,
            processor=Processor(due.processor),
            files=tuple(str(path) for path in paths if not _is_gone(path)),
            settings=self._settings,
            adds=True,  # earlier files of the study may be gone
        )
        return job, partial(self._answered, due)

    def _answered(self, due: Due, outcome: Outcome) -> None:
        self._given.discard((due.study, due.processor))
        if outcome.verdict in {Verdict.UNTOUCHED, Verdict.LATER}:
            return
        before = self._record.passed_of(due.study).get(due.processor)
        attempts = (before["attempts"] if before and before["newest"] == due.newest else 0) + 1
        failed = ""
        if outcome.verdict is Verdict.DONE:
            attempts = 0
            self._tables.note_rows()
        elif attempts >= ATTEMPTS:
            failed = outcome.reason
            log.warning("%s of a study failed, its images stay: %s", due.processor, outcome.reason)
        with self._record.transaction():
            self._record.pass_on(due, attempts=attempts, failed=failed)


def _is_gone(path: Path) -> bool:
    """A deletion that was killed has left it in the record, or somebody took it away."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:  # the worker tells
        return False
    return False


def _is_finished(done: Mapping[str, Any], files: int, newest: str) -> bool:
    """Whether what was handed on had all files that are there now, and will not be tried again.

    Some of it may have gone since. `studies_due` asks for the opposite.
    """
    return bool(
        done["files"] >= files and done["newest"] >= newest and (not done["attempts"] or done["failed"])
    )
