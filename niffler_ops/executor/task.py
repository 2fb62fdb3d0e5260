"""What a worker of another machine does: a batch of jobs, in a process of its own as on this machine.

What is sent names a folder that both see; which files the jobs are about stands there, and nowhere else.
"""

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path

from niffler_ops.clock import SystemClock
from niffler_ops.errors import CannotWriteError, NifflerError
from niffler_ops.files import PART_VARIABLE, PRIVATE_FILE
from niffler_ops.postprocess.crew import Crew, locally
from niffler_ops.postprocess.job import Job, Outcome, job_files
from niffler_ops.processes.identity import boot_id
from niffler_ops.processes.launcher import Launcher

FOLDER = "executor"
TRAIL = "trail"
TURN_SECONDS = 0.25
GRACE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Task:
    """A batch: how many job files stand in `folder`, with `timeout` in seconds for each.

    `version` is the supervisor's, `machine` its boot id where no other may do it. Its repr tells nothing,
    because Dask logs it.
    """

    folder: str
    jobs: int
    timeout: float
    version: str
    machine: str = ""


class End(StrEnum):
    """How a batch ended."""

    IN_ORDER = "in order"  # with an outcome for each job
    DIED = "died"  # the worker, after the outcomes that there are
    CANNOT_WRITE = "cannot write"
    UNFIT = "unfit"  # the worker, or the settings
    LOST = "lost"  # the scheduler


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came of a batch: the outcomes of its first jobs; `text` says why there are no more."""

    end: End
    outcomes: tuple[Outcome, ...] = ()
    text: str = ""


def our_version() -> str:
    """The version of this package where this runs."""
    return version("niffler-ops")


def unfit(task: Task) -> str:
    """Why this worker cannot do the batch; "" if it can."""
    if our_version() != task.version:
        return f"it has niffler-ops {our_version()}, not {task.version}; install the same version everywhere"
    if task.machine and task.machine != boot_id():
        return (
            "it is on another machine, and the records would go into an SQLite file, which only one"
            " machine may write; name a MongoDB store"
        )
    folder = Path(task.folder)
    try:
        _look_at(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        return (
            f"it cannot use {folder.parent} ({error.strerror}); originals, OutputFolder and what is private"
            " must be on a file system that all machines share, and the workers run as the same user"
        )
    return ""


def work(task: Task) -> Reply:
    """Do the batch, unless a worker died at it before; then tell how far that one came."""
    if reason := unfit(task):
        return Reply(end=End.UNFIT, text=reason)
    folder = Path(task.folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        with _opened(folder / TRAIL, flags) as trail:
            return _do(task, folder, trail)
    except FileExistsError:
        return Reply(end=End.DIED, outcomes=told(folder))
    except OSError as error:
        text = f"it cannot work in {folder.parent} ({error.strerror})"
        return Reply(end=End.UNFIT if _is_wanted(folder) else End.IN_ORDER, text=text)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """A private file, by its descriptor."""
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def told(folder: Path) -> tuple[Outcome, ...]:
    """The outcomes of the first jobs of the batch in `folder`, as far as they are known."""
    try:
        lines = (folder / TRAIL).read_text(encoding="utf-8").split("\n")[:-1]  # the last may be half a line
    except OSError:
        return ()
    parsed = [Outcome.parse(line) for line in lines]
    return tuple(found[1] for found in parsed if found is not None)


def _do(task: Task, folder: Path, trail: int) -> Reply:
    launcher, outcomes = Launcher(), list[Outcome]()

    def answered(number: int, outcome: Outcome) -> None:
        outcomes.append(outcome)
        os.write(trail, f"{outcome.line(number)}\n".encode())

    crew = Crew(
        # Somebody else may be at the same files: a copy, or one that was given up and lives.
        locally(launcher, {PART_VARIABLE: secrets.token_hex(8)}),
        SystemClock(),
        folder,
        workers=1,
        timeout=task.timeout,
        died=lambda _child: None,
    )
    jobs = [Job.load(path) for path in job_files(folder, task.jobs)]
    with _none_left(launcher):
        try:
            crew.give([(job, partial(answered, number)) for number, job in enumerate(jobs, start=1)])
            while crew.busy and _is_wanted(folder):
                launcher.dispatch(TURN_SECONDS)
                crew.watch()
            crew.watch()
        except CannotWriteError as error:
            return Reply(end=End.CANNOT_WRITE, outcomes=tuple(outcomes), text=str(error))
        except NifflerError as error:
            return Reply(end=End.UNFIT, outcomes=tuple(outcomes), text=str(error))
    return Reply(end=End.IN_ORDER, outcomes=tuple(outcomes))


@contextmanager
def _none_left(launcher: Launcher) -> Iterator[None]:
    """End in order what still runs at the end, and by force what does not obey."""
    try:
        yield
    finally:
        deadline = time.monotonic() + GRACE_SECONDS
        for child in launcher.children:
            child.terminate()
        while launcher.children and time.monotonic() < deadline:
            launcher.dispatch(TURN_SECONDS)
        for child in launcher.children:
            child.kill()


def _is_wanted(folder: Path) -> bool:
    """Whether the supervisor has not given the batch up."""
    try:
        _look_at(folder)
    except OSError:
        return False
    return True


def _look_at(folder: Path) -> None:
    """Open the first job file: over a network that asks the server, where other looks ask a cache."""
    with job_files(folder, 1)[0].open("rb"):
        pass
