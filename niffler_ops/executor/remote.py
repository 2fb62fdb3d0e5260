"""The workforce on other machines: batches stand in a shared folder, and a task names its batch."""

import secrets
import shutil
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from niffler_ops.errors import CannotWriteError, ConfigurationError, NifflerError, StoppedError
from niffler_ops.executor.pool import Pool, Ticket
from niffler_ops.executor.straggling import is_straggling
from niffler_ops.executor.task import FOLDER, End, Reply, Task, our_version, told
from niffler_ops.files import make_private_folder, write_private
from niffler_ops.postprocess.crew import Answer, Site, here
from niffler_ops.postprocess.job import UNTOUCHED, Job, Outcome, Processor, Verdict, job_files
from niffler_ops.postprocess.leavings import remove_parts
from niffler_ops.processes.identity import boot_id

LOOK_SECONDS = 1.0
KEPT_PACES = 200


@dataclass(kw_only=True, slots=True, eq=False)
class Errand:
    """Jobs that are answered once, whoever does them; `turn` is the job that it is at, since `turn_at`."""

    jobs: Sequence[tuple[Job, Answer]]
    turn_at: float
    turn: int = 0
    copied: bool = False
    runs: "list[Run]" = field(default_factory=list)


@dataclass(kw_only=True, slots=True, eq=False)
class Run:
    """One attempt at an errand, from its job `first` on."""

    errand: Errand
    folder: Path
    first: int
    ticket: Ticket | None = None


class RemoteCrew:
    """Workers that see our files but not our ledger. The tables are written by a worker of this machine."""

    def __init__(self, pool: Pool, site: Site, *, one_machine: bool) -> None:
        """Raises ConfigurationError where a worker that is there cannot work."""
        self._pool = pool
        self._site = site
        self._home = here(1)(site)
        self._machine = boot_id() if one_machine else ""
        self._folder = site.shared / FOLDER
        self._errands: list[Errand] = []
        self._paces: deque[float] = deque(maxlen=KEPT_PACES)  # seconds a file
        self._unclean: dict[tuple[str, str], Job] = {}
        self._failure: NifflerError | None = None
        self._stopping = False
        self._given = False
        self._look_at = 0.0
        self._take_over()
        self._examine()
        self._present = pool.present()

    @property
    def busy(self) -> bool:
        """Whether a job is being done."""
        return bool(self._errands) or self._home.busy

    @property
    def size(self) -> int:
        """How many batches are done at once."""
        return max(1, self._pool.planned or self._present)

    @property
    def has_room(self) -> bool:
        """Whether a worker is free."""
        return self._free() > 0 and not self._stopping and self._failure is None

    def watch(self) -> None:
        """Look after the batches now and then. Raises what leaves the workers nothing to do."""
        self._home.watch()
        if self._failure is not None:
            raise self._failure
        now = self._site.clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        self._present = self._pool.present()
        for errand in list(self._errands):
            for run in errand.runs:
                self._tell(run, told(run.folder))
        if self._free() > 0 and not self._given:  # though whoever gives had the time to
            self._start_again(now)
        self._given = False

    def give(self, jobs: Sequence[tuple[Job, Answer]]) -> None:
        """Have a worker do these jobs."""
        if any(job.processor is Processor.TABLES for job, _ in jobs):
            self._clean_up()
            self._home.give(jobs)
            return
        self._given = True
        errand = Errand(jobs=jobs, turn_at=self._site.clock.monotonic())
        self._errands.append(errand)
        try:
            self._start(errand)
        except BaseException:
            self._errands.remove(errand)
            raise

    def stop(self) -> None:
        """Give every batch up: its worker sees that its folder is gone."""
        self._stopping = True
        for errand in list(self._errands):
            self._close(errand)
        self._home.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _free(self) -> int:
        return self._present - sum(len(errand.runs) for errand in self._errands)

    def _take_over(self) -> None:
        """What an earlier run was killed at: its workers stop, and what they leave is to be removed."""
        for path in self._folder.glob("*/*.job"):
            with suppress(OSError, ValueError, KeyError):
                self._note_unclean(Job.load(path))
        shutil.rmtree(self._folder, ignore_errors=True)

    def _examine(self) -> None:
        folder = self._folder / secrets.token_hex(16)
        make_private_folder(folder)
        write_private(job_files(folder, 1)[0], b"")
        reasons = self._pool.examine(self._task(folder, 1))
        _remove(folder)
        if reasons:
            raise ConfigurationError(*(f"Executor {self._pool.name}: {reason}" for reason in reasons))

    def _task(self, folder: Path, jobs: int) -> Task:
        return Task(
            folder=str(folder),
            jobs=jobs,
            timeout=self._site.timeout,
            version=our_version(),
            machine=self._machine,
        )

    def _start(self, errand: Errand, *, beside: Run | None = None) -> None:
        """Put the jobs that are left into a folder, and a worker to it."""
        run = Run(errand=errand, folder=self._folder / secrets.token_hex(16), first=errand.turn)
        jobs = [replace(job, copy=int(beside is not None)) for job, _ in errand.jobs[errand.turn :]]
        make_private_folder(run.folder)
        for path, job in zip(job_files(run.folder, len(jobs)), jobs, strict=True):
            write_private(path, job.written())
        run.ticket = self._pool.submit(
            self._task(run.folder, len(jobs)),
            lambda reply: self._site.post(lambda: self._ended(run, reply)),
            beside=None if beside is None else beside.ticket,
        )
        if run.ticket is None:
            _remove(run.folder)
        else:
            errand.runs.append(run)

    def _start_again(self, now: float) -> None:
        """A second attempt at the batch that is the latest, if it is too late."""
        for errand in sorted(self._errands, key=lambda errand: errand.turn_at):
            if errand.copied or errand.turn == len(errand.jobs):
                continue
            files = len(errand.jobs[errand.turn][0].files)
            if is_straggling(now - errand.turn_at, files, self._paces):
                errand.copied = True
                self._start(errand, beside=errand.runs[0])
                return

    def _tell(self, run: Run, outcomes: Sequence[Outcome]) -> None:
        """Answer the jobs whose outcomes are news."""
        errand, now = run.errand, self._site.clock.monotonic()
        news = outcomes[max(errand.turn - run.first, 0) :]
        if not news:
            return
        done = errand.jobs[errand.turn : errand.turn + len(news)]
        files = sum(len(job.files) for job, _ in done)
        self._paces.extend([(now - errand.turn_at) / max(files, 1)] * len(done))
        errand.turn, errand.turn_at = errand.turn + len(done), now
        for (_, answer), outcome in zip(done, news, strict=True):
            answer(outcome)

    def _ended(self, run: Run, reply: Reply) -> None:
        errand = run.errand
        if run in errand.runs:
            errand.runs.remove(run)
            # A worker that died has told the folder only.
            self._tell(run, reply.outcomes or told(run.folder))
            if reply.end is End.DIED:
                self._note_unclean(*(job for job, _ in errand.jobs[run.first :]))
            if reply.end is End.IN_ORDER:
                self._close(errand)
            elif not errand.runs:
                self._fail(errand, reply)
        _remove(run.folder)

    def _close(self, errand: Errand) -> None:
        """Answer what is not answered, and have nobody work on it."""
        self._errands.remove(errand)
        for run in errand.runs:
            self._note_unclean(*(job for job, _ in errand.jobs[run.first :]))
            if run.ticket is not None:
                run.ticket.cancel()
            _remove(run.folder)
        errand.runs.clear()
        for _, answer in errand.jobs[errand.turn :]:
            answer(UNTOUCHED)
        errand.turn = len(errand.jobs)

    def _fail(self, errand: Errand, reply: Reply) -> None:
        """Nobody is at the errand any more."""
        name = self._pool.name
        if reply.end is End.CANNOT_WRITE:
            self._failure = CannotWriteError(reply.text)
        elif reply.end is End.UNFIT:
            self._failure = ConfigurationError(f"Executor {name}: a worker cannot work: {reply.text}")
        elif reply.end is End.LOST:
            self._failure = StoppedError(
                f"Executor {name}: the scheduler has gone. Run the same command again when it is back."
            )
        elif errand.turn < len(errand.jobs):
            reason = f"its worker at {name} died, or was lost"
            self._tell_one(errand, Outcome(verdict=Verdict.FAILED, reason=reason))
        self._close(errand)

    def _tell_one(self, errand: Errand, outcome: Outcome) -> None:
        _, answer = errand.jobs[errand.turn]
        errand.turn += 1
        answer(outcome)

    def _note_unclean(self, *jobs: Job) -> None:
        self._unclean |= {(str(job.processor), job.name): job for job in jobs}

    def _clean_up(self) -> None:
        """When nobody is at work: remove what was left half written."""
        for job in self._unclean.values():
            remove_parts(job)
        self._unclean.clear()


def _remove(folder: Path) -> None:
    """Have the batch seen to be given up; its worker may be writing into the folder still."""
    job_files(folder, 1)[0].unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
