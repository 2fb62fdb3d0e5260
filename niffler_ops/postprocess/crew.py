"""Who does jobs, wherever that is; and the workers of this machine.

Each of these does a batch of jobs one after another, and prints a line for each.
"""

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from niffler_ops.clock import Clock
from niffler_ops.errors import CannotWriteError, ConfigurationError, NifflerError
from niffler_ops.files import make_private_folder, remove_folder, write_private
from niffler_ops.postprocess.job import UNTOUCHED, Job, Outcome, Verdict, job_files
from niffler_ops.processes.launcher import Child, Launcher

WORKER = "niffler_ops.postprocess.worker"
Answer = Callable[[Outcome], None]


class Launch(Protocol):
    """Starts a worker with job files; both callbacks come on the main thread."""

    def __call__(
        self,
        job_files: Sequence[Path],
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[Child, int], None],
    ) -> Child:
        """Give the worker's process."""
        ...


class Workforce(Protocol):
    """Does jobs. Every job that is given is answered once, on the main thread, however its worker ends."""

    @property
    def busy(self) -> bool:
        """Whether a job is being done."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether another batch may be given."""
        ...

    @property
    def size(self) -> int:
        """How many batches are done at once: at least 1, though no worker may be there just now."""
        ...

    def watch(self) -> None:
        """See to the workers, once a turn. Raises the error that leaves them nothing to do."""
        ...

    def give(self, jobs: Sequence[tuple[Job, Answer]]) -> None:
        """Have a batch done; each answer is called when its job is at its end."""
        ...

    def stop(self) -> None:
        """End what is being done; what was not done is untouched."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What a workforce is kept with.

    `folder` is for the job files of this machine's workers, which `launch` starts; `shared` for those of
    other machines. `post` hands an event to the main thread, `timeout` is in seconds for one job, `died` is
    called for a worker of this machine that ended too early.
    """

    launch: Launch
    post: Callable[[Callable[[], None]], None]
    clock: Clock
    folder: Path
    shared: Path
    timeout: float
    died: Callable[[Child], None]


Hire = Callable[[Site], Workforce]
"""Finds the workforce of a run, when its folders are there."""


def here(workers: int) -> Hire:
    """So many worker processes on this machine."""
    return lambda site: Crew(
        site.launch, site.clock, site.folder, workers=workers, timeout=site.timeout, died=site.died
    )


def worker_command(job_files: Sequence[Path]) -> tuple[str, ...]:
    """What starts a worker with these job files."""
    return (sys.executable, "-P", "-m", WORKER, *map(str, job_files))


def locally(launcher: Launcher, environment: Mapping[str, str] | None = None) -> Launch:
    """Workers without a ledger; `environment` is put over our own."""

    def launch(
        job_files: Sequence[Path],
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[Child, int], None],
    ) -> Child:
        child = launcher.launch(
            "postprocess",
            worker_command(job_files),
            environment=environment or {},
            on_line=on_line,
            on_exit=lambda code: on_exit(child, code),
        )
        return child

    return launch


def plain_site(
    launcher: Launcher, clock: Clock, *, folder: Path, shared: Path, timeout: float = float("inf")
) -> Site:
    """A site without a ledger; a worker that ended too early is only told of by the answers."""
    return Site(
        launch=locally(launcher),
        post=launcher.post,
        clock=clock,
        folder=folder,
        shared=shared,
        timeout=timeout,
        died=lambda _child: None,
    )


@dataclass(kw_only=True, slots=True)
class Batch:
    """What one worker was given; `turn` is the job that it is at, since `turn_at`."""

    answers: Sequence[Answer]
    folder: Path
    turn_at: float
    turn: int = 0
    child: Child | None = None
    overdue: bool = False
    last_line: str = ""


class Crew:
    """The workers of this machine, and their batches: a process each."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        launch: Launch,
        clock: Clock,
        folder: Path,
        *,
        workers: int,
        timeout: float,
        died: Callable[[Child], None],
    ) -> None:
        """`folder` is for job files, `timeout` in seconds for one job; `died` is called for a dead worker."""
        self._launch = launch
        self._died = died
        self._clock = clock
        self._folder = folder
        self._workers = workers
        self._timeout = timeout
        self._batches: list[Batch] = []
        self._stopping = False
        self._failure: NifflerError | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is being done."""
        return bool(self._batches)

    @property
    def size(self) -> int:
        """How many workers there may be."""
        return self._workers

    @property
    def has_room(self) -> bool:
        """Whether another batch may be given."""
        return len(self._batches) < self._workers and not self._stopping

    def watch(self) -> None:
        """End what takes too long. Raises CannotWriteError or ConfigurationError that ended a worker."""
        if self._failure is not None:
            raise self._failure
        now = self._clock.monotonic()
        for batch in self._batches:
            if now - batch.turn_at > self._timeout and batch.child is not None:
                batch.overdue = True
                batch.child.kill()

    def give(self, jobs: Sequence[tuple[Job, Answer]]) -> None:
        """Start a worker with these jobs; each answer is called when its job is at its end."""
        folder = self._folder / f"post-{next(self._numbers)}"
        make_private_folder(folder)
        paths = job_files(folder, len(jobs))
        for path, (job, _) in zip(paths, jobs, strict=True):
            write_private(path, job.written())
        answers = [answer for _, answer in jobs]
        batch = Batch(answers=answers, folder=folder, turn_at=self._clock.monotonic())
        self._batches.append(batch)
        try:
            batch.child = self._launch(
                paths,
                on_line=lambda line: self._line(batch, line),
                on_exit=lambda child, code: self._ended(batch, child, code),
            )
        except NifflerError:
            self._batches.remove(batch)
            remove_folder(folder)
            raise

    def stop(self) -> None:
        """End every worker; what they had not done is untouched."""
        self._stopping = True
        for batch in self._batches:
            if batch.child is not None:
                batch.child.terminate()

    def _line(self, batch: Batch, line: str) -> None:
        batch.last_line = line.strip()
        parsed = Outcome.parse(line)
        if parsed is not None and batch.turn < parsed[0] <= len(batch.answers):
            number, outcome = parsed
            for answer in batch.answers[batch.turn : number - 1]:
                answer(UNTOUCHED)  # its line was lost
            batch.turn, batch.turn_at = number, self._clock.monotonic()
            batch.answers[number - 1](outcome)

    def _ended(self, batch: Batch, child: Child, code: int) -> None:
        self._batches.remove(batch)
        remove_folder(batch.folder)
        unanswered = batch.answers[batch.turn :]
        if not unanswered:
            return
        if code == CannotWriteError.exit_status:
            self._failure = CannotWriteError(batch.last_line)
        elif code == ConfigurationError.exit_status:
            self._failure = ConfigurationError(batch.last_line)
        blameless = self._stopping or self._failure is not None
        if not blameless:
            self._died(child)
        first, *behind = unanswered
        first(UNTOUCHED if blameless else Outcome(verdict=Verdict.FAILED, reason=_why(batch, code)))
        for answer in behind:
            answer(UNTOUCHED)


def _why(batch: Batch, code: int) -> str:
    if batch.overdue:
        return "it took longer than PostTimeout"
    return f"its worker was ended by signal {-code}" if code < 0 else f"its worker ended with status {code}"
