"""Which studies the post-processors are given, and what their answers mean.

A worker does the jobs of a batch one after another; the end of each is a line of its output.
"""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.errors import CannotWriteError, ConfigurationError, NifflerError, StoppedError
from niffler_ops.files import make_private_folder, remove_folder, write_private
from niffler_ops.ledger.handovers import Handover
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict, job_files
from niffler_ops.processes.launcher import Child
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay

MOST_JOBS = 20
LATER_SECONDS, MOST_LATER_SECONDS = 2.0, 60.0
PATIENCE_SECONDS = 600.0  # with a store that is away, once nothing else is left to do

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Batch:
    """What one worker was given; `turn` is the job that it is at, since `turn_at`."""

    handovers: Sequence[Handover]
    folder: Path
    child: Child | None = None
    turn: int = 0
    turn_at: float = 0.0
    overdue: bool = False
    last_line: str = ""


@dataclass(kw_only=True, slots=True)
class Rest:
    """A post-processor that waits for what it needs, since `since`, until `until`."""

    since: float
    until: float
    times: int
    reason: str


class HandoverStage:
    """Keeps the post-processors' workers busy; brings the tables up to date when there is nothing left."""

    _numbers = itertools.count(1)

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place = place
        self._settings = settings
        self._batches: list[Batch] = []
        self._rests: dict[str, Rest] = {}
        self._tables_due = self._tables_missing()
        self._stopping = False
        self._failure: NifflerError | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do."""
        return bool(self._batches) or self._tables_due or self._place.ledger.open_handovers()

    def advance(self, *, alone: bool) -> None:
        """Start, watch and end workers; `alone`: no study is on its way any more.

        Raises CannotWriteError, ConfigurationError, and StoppedError where a store stays away.
        """
        if self._failure is not None:
            raise self._failure
        now = self._place.clock.monotonic()
        for batch in self._batches:
            self._watch(batch, now)
        if self._stopping or not self._place.gate.has_room:
            return
        if len(self._batches) < self._place.config.post_workers:
            self._start(now)
        if alone and not self._batches:
            self._end_of_patience(now)
            if self._tables_due and not self._place.ledger.open_handovers():
                self._write_tables()

    def stop(self) -> None:
        """End every worker; what they had not done goes back."""
        self._stopping = True
        for batch in self._batches:
            if batch.child is not None:
                batch.child.terminate()

    def _tables_missing(self) -> bool:
        """After a crash, that came before they were written."""
        tallies = self._place.ledger.tallies()
        worked = any(
            number and name == "done" for (subject, name), number in tallies.items() if "post " in subject
        )
        return worked and not (Path(self._settings.output) / "failures.csv").exists()

    def _start(self, now: float) -> None:
        ledger = self._place.ledger
        waiting = sum(
            number
            for (subject, name), number in ledger.tallies().items()
            if name == "waiting" and subject.startswith("post ")
        )
        if not waiting:
            return
        share = min(MOST_JOBS, -(-waiting // self._place.config.post_workers))
        resting = [name for name, rest in self._rests.items() if now < rest.until]
        with ledger.transaction():
            handovers = ledger.handovers.claim(share, resting=resting)
        if handovers:
            self._launch(handovers, [self._job(handover) for handover in handovers])

    def _job(self, handover: Handover) -> Job:
        root = self._place.layout.storage_folder
        files = self._place.ledger.handovers.files(handover.study_id)
        return Job(
            name=staging_name(handover.study_instance_uid),
            processor=Processor(handover.processor),
            files=tuple(str(root / file) for file in files),
            settings=self._settings,
        )

    def _write_tables(self) -> None:
        self._tables_due = False
        self._launch([], [Job(name="tables", processor=Processor.TABLES, files=(), settings=self._settings)])

    def _launch(self, handovers: Sequence[Handover], jobs: Sequence[Job]) -> None:
        folder = self._place.layout.requests / f"post-{next(self._numbers)}"
        make_private_folder(folder)
        paths = job_files(folder, jobs)
        for path, job in zip(paths, jobs, strict=True):
            write_private(path, job.written())
        batch = Batch(handovers=handovers, folder=folder, turn_at=self._place.clock.monotonic())
        self._batches.append(batch)
        batch.child = self._place.tools.run_worker(
            paths,
            on_line=lambda line: self._line(batch, line),
            on_exit=lambda child, code: self._ended(batch, child, code),
        )

    def _watch(self, batch: Batch, now: float) -> None:
        overdue = now - batch.turn_at > self._place.config.post_timeout
        if overdue and batch.child is not None and batch.handovers:
            batch.overdue = True
            batch.child.kill()

    def _line(self, batch: Batch, line: str) -> None:
        batch.last_line = line.strip()
        parsed = Outcome.parse(line)
        if parsed is None or not batch.handovers:
            return
        number, outcome = parsed
        handover = batch.handovers[number - 1]
        batch.turn, batch.turn_at = number, self._place.clock.monotonic()
        with self._place.ledger.transaction():
            if self._place.ledger.handovers.is_current(handover):
                self._record(handover, outcome)

    def _record(self, handover: Handover, outcome: Outcome) -> None:
        handovers = self._place.ledger.handovers
        if outcome.verdict is Verdict.DONE:
            self._rests.pop(handover.processor, None)
            self._tables_due |= handover.processor != Processor.COMMAND
            handovers.done(handover, files=outcome.files, held=outcome.held)
        elif outcome.verdict is Verdict.LATER:
            handovers.again(handover, delay=0.0, charged=False, reason=outcome.reason)
            self._rest(handover.processor, outcome.reason)
        else:
            self._again(handover, outcome.reason)

    def _again(self, handover: Handover, reason: str) -> None:
        config, handovers = self._place.config, self._place.ledger.handovers
        if handover.attempts >= config.max_attempts:
            log.warning("%s of study %s failed: %s", handover.processor, _short(handover), reason)
            handovers.failed(handover, reason)
        else:
            delay = retry_delay(config.retry_delay, handover.attempts)
            handovers.again(handover, delay=delay, charged=True, reason=reason)

    def _rest(self, processor: str, reason: str) -> None:
        now, before = self._place.clock.monotonic(), self._rests.get(processor)
        if before is not None and now < before.until:
            return  # told by another job of the same batch
        if before is None:
            log.warning("%s waits: %s", processor, reason)
        times = before.times + 1 if before else 0
        wait = min(LATER_SECONDS * 2**times, MOST_LATER_SECONDS)
        since = before.since if before else now
        self._rests[processor] = Rest(since=since, until=now + wait, times=times, reason=reason)

    def _end_of_patience(self, now: float) -> None:
        for processor, rest in self._rests.items():
            if now - rest.since > PATIENCE_SECONDS:
                raise StoppedError(
                    f"{processor}: {rest.reason}. All studies are retrieved; run the same command again when"
                    " it is back."
                )

    def _ended(self, batch: Batch, child: Child, code: int) -> None:
        self._batches.remove(batch)
        remove_folder(batch.folder)
        if code == CannotWriteError.exit_status:
            self._failure = CannotWriteError(batch.last_line)
        elif code == ConfigurationError.exit_status:
            self._failure = ConfigurationError(batch.last_line)
        if not batch.handovers and code and self._failure is None and not self._stopping:
            self._failure = StoppedError(f"The tables could not be written (exit status {code}).")
        unanswered = batch.handovers[batch.turn :]
        if unanswered:
            self._give_back(batch, unanswered, child, code)

    def _give_back(self, batch: Batch, unanswered: Sequence[Handover], child: Child, code: int) -> None:
        """The first is to blame, unless all of it was to end; those behind it go back free of charge."""
        first, *behind = unanswered
        if not self._stopping:
            self._place.tools.keep_output(child)
        free = self._stopping or self._failure is not None
        reason = "it took longer than PostTimeout" if batch.overdue else f"its worker ended ({_how(code)})"
        with self._place.ledger.transaction():
            handovers = self._place.ledger.handovers
            for handover in behind:
                if handovers.is_current(handover):
                    handovers.again(handover, delay=0.0, charged=False, reason="")
            if handovers.is_current(first):
                if free:
                    handovers.again(first, delay=0.0, charged=False, reason="")
                else:
                    self._again(first, reason)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _short(handover: Handover) -> str:
    return staging_name(handover.study_instance_uid)[:8]
