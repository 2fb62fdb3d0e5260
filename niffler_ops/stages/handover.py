"""Which studies the post-processors are given, and what their answers mean."""

import logging
from dataclasses import dataclass
from functools import partial

from niffler_ops.dicomtools.storescp import short_name, staging_name
from niffler_ops.errors import StoppedError
from niffler_ops.ledger.handovers import SUBJECT, Handover
from niffler_ops.postprocess.crew import Site
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import doubled, retry_delay
from niffler_ops.states import HandoverState

MOST_JOBS = 20
LATER_SECONDS, MOST_LATER_SECONDS = 2.0, 60.0
PATIENCE_SECONDS = 600.0  # with a store that is away, once nothing else is left to do

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Rest:
    """A post-processor that waits for what it needs, since `since`, until `until`."""

    since: float
    until: float
    times: int
    reason: str


class HandoverStage:
    """Keeps the post-processors' workers busy; brings the tables up to date when there is nothing left."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place = place
        self._settings = settings
        config = place.config
        self._crew = place.hire(
            Site(
                launch=place.tools.run_worker,
                post=place.tools.launcher.post,
                clock=place.clock,
                folder=place.layout.requests,
                shared=place.layout.private,
                timeout=config.post_timeout,
                died=place.tools.keep_output,
            )
        )
        self._rests: dict[str, Rest] = {}
        self._at_workers: set[int] = set()
        self._tables_failed = 0

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do."""
        return self._crew.busy or self._place.ledger.open_handovers() or self._tables_due()

    def advance(self, *, alone: bool) -> None:
        """Start, watch and end workers; `alone`: no study is on its way any more.

        Raises CannotWriteError, ConfigurationError, and StoppedError where a store stays away.
        """
        self._crew.watch()
        if not self._place.gate.has_room:
            return
        now = self._place.clock.monotonic()
        while self._crew.has_room and self._start(now):
            pass
        if alone and not self._crew.busy:
            self._lose_patience(now)
            if not self._place.ledger.open_handovers() and self._tables_due():
                self._write_tables()

    def stop(self) -> None:
        """End every worker; what they had not done goes back."""
        self._crew.stop()

    def _count(self, state: str) -> int:
        tallies = self._place.ledger.tallies().items()
        return sum(
            number for (subject, name), number in tallies if subject.startswith(SUBJECT) and name == state
        )

    def _start(self, now: float) -> bool:
        """Give a worker its share of what is due; whether there was any."""
        waiting, ledger = self._count(HandoverState.WAITING), self._place.ledger
        if not waiting:
            return False
        share = min(MOST_JOBS, -(-waiting // self._crew.size))
        resting = [name for name, rest in self._rests.items() if now < rest.until]
        with ledger.transaction():
            handovers = ledger.handovers.claim(share, resting=resting, busy=self._at_workers)
        self._at_workers |= {handover.id for handover in handovers}
        if handovers:
            self._crew.give([(self._job(one), partial(self._answered, one)) for one in handovers])
        return bool(handovers)

    def _job(self, handover: Handover) -> Job:
        root = self._place.layout.storage_folder
        files = self._place.ledger.handovers.files(handover.study_id)
        return Job(
            name=staging_name(handover.study_instance_uid),
            processor=Processor(handover.processor),
            files=tuple(str(root / file) for file in files),
            settings=self._settings,
        )

    def _tables_due(self) -> bool:
        tried = self._tables_failed >= self._place.config.max_attempts
        return not tried and self._place.ledger.handovers.tables_behind() is not None

    def _write_tables(self) -> None:
        job = Job(name="tables", processor=Processor.TABLES, files=(), settings=self._settings)
        event = self._place.ledger.handovers.tables_behind() or 0
        self._crew.give([(job, partial(self._tables_written, event))])

    def _tables_written(self, event: int, outcome: Outcome) -> None:
        if outcome.verdict is Verdict.DONE:
            with self._place.ledger.transaction():
                self._place.ledger.handovers.tables_written(event)
        elif outcome.verdict is Verdict.FAILED:
            self._tables_failed += 1
            if not self._tables_due():  # until the next run
                log.error("The tables in %s are not up to date: %s", self._settings.output, outcome.reason)

    def _answered(self, handover: Handover, outcome: Outcome) -> None:
        self._at_workers.discard(handover.id)
        with self._place.ledger.transaction():
            if self._place.ledger.handovers.is_current(handover):
                self._record(handover, outcome)

    def _record(self, handover: Handover, outcome: Outcome) -> None:
        handovers = self._place.ledger.handovers
        if outcome.verdict is Verdict.DONE:
            self._rests.pop(handover.processor, None)
            handovers.done(handover, files=outcome.files, held=outcome.held)
        elif outcome.verdict is Verdict.FAILED:
            self._rests.pop(handover.processor, None)
            self._failed(handover, outcome.reason)
        else:
            handovers.again(handover, delay=0.0, charged=False, reason=outcome.reason)
            if outcome.verdict is Verdict.LATER:
                self._rest(handover.processor, outcome.reason)

    def _failed(self, handover: Handover, reason: str) -> None:
        config, handovers = self._place.config, self._place.ledger.handovers
        if handover.attempts >= config.max_attempts:
            name = short_name(handover.study_instance_uid)
            log.warning("%s of study %s failed: %s", handover.processor, name, reason)
            handovers.failed(handover, reason)
        else:
            delay = retry_delay(config.retry_delay, handover.attempts)
            handovers.again(handover, delay=delay, charged=True, reason=reason)

    def _rest(self, processor: str, reason: str) -> None:
        now, before = self._place.clock.monotonic(), self._rests.get(processor)
        if before is None:
            log.warning("%s waits: %s", processor, reason)
        elif now < before.until:
            return  # another job of the same batch has told
        times = before.times + 1 if before else 0
        wait = doubled(LATER_SECONDS, times, MOST_LATER_SECONDS)
        since = before.since if before else now
        self._rests[processor] = Rest(since=since, until=now + wait, times=times, reason=reason)

    def _lose_patience(self, now: float) -> None:
        for processor, rest in self._rests.items():
            if now - rest.since > PATIENCE_SECONDS:
                raise StoppedError(
                    f"{processor}: {rest.reason}. All studies are retrieved; run the same command again when"
                    " it is back."
                )
