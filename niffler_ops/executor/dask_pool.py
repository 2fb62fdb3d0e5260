"""Tasks on Dask's workers. Keys are random, arguments name a folder, and results hold no identifier."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from niffler_ops.config.executor import Executor
from niffler_ops.errors import StoppedError
from niffler_ops.executor.pool import Ticket
from niffler_ops.executor.task import End, Reply, Task, unfit, work

PATIENCE_SECONDS = 600.0  # without any worker, where nobody can tell that some are to come
ASK_SECONDS = 5.0
ANSWER_SECONDS = 30.0
TELL_SECONDS = 30.0
TOP_UP_SECONDS = 30.0

log = logging.getLogger(__name__)


class DaskTicket:
    """A task of Dask."""

    def __init__(self, future: "Future[Reply]") -> None:
        self._future = future

    @property
    def key(self) -> str:
        """See Ticket."""
        return str(self._future.key)

    def cancel(self) -> None:
        """See Ticket."""
        self._future.cancel()


class DaskPool:
    """The workers of one scheduler; with `cluster`, this run's own jobs of Slurm."""

    def __init__(self, client: Client, executor: Executor, *, cluster: Any) -> None:
        self._client = client
        self._executor = executor
        self._cluster = cluster
        self._threads = 0
        self._alone_since = self._topped_up = time.monotonic()
        self._told = False
        if cluster is not None:
            cluster.scale(executor.workers)

    @property
    def name(self) -> str:
        """See Pool."""
        return self._executor.url

    @property
    def planned(self) -> int:
        """See Pool."""
        return self._executor.workers if self._cluster is not None else 0

    def present(self) -> int:
        """See Pool."""
        if self._client.status == "closed":
            raise StoppedError(
                f"Executor {self.name}: the scheduler has gone. Run the same command again when it is back."
            )
        if self._client.status != "running":
            self._threads = 0  # it looks for it
        else:
            self._threads = self._asked()
        now = time.monotonic()
        if self._threads:
            self._alone_since = now
        self._keep_up(now)
        return min(self._threads, self._executor.workers or self._threads)

    def submit(
        self, task: Task, then: Callable[[Reply], None], *, beside: Ticket | None = None
    ) -> DaskTicket | None:
        """See Pool."""
        others: list[str] | None = None
        if beside is not None:
            others = self._others(beside.key)
            if not others:
                return None
        future = self._client.submit(
            work, task, key=f"niffler-{secrets.token_hex(16)}", workers=others, pure=False
        )
        future.add_done_callback(lambda done: then(_reply(done)))
        return DaskTicket(future)

    def examine(self, task: Task) -> list[str]:
        """See Pool."""
        answers: dict[str, Any] = self._client.run(unfit, task, on_error="return")
        return [f"the worker at {address}: {_text(found)}" for address, found in answers.items() if found]

    def _asked(self) -> int:
        """How many threads the workers have, by the scheduler; as before where it is busy."""
        scheduler: Any = self._client.scheduler
        try:
            identity = self._client.sync(scheduler.identity, n_workers=0, callback_timeout=ASK_SECONDS)
        except (OSError, TimeoutError):
            return self._threads
        return int(identity["total_threads"])

    def _others(self, key: str) -> list[str]:
        """The workers that do not have this task."""
        having: dict[str, list[str]] = self._client.processing()
        return [address for address, keys in having.items() if key not in keys]

    def _keep_up(self, now: float) -> None:
        """Have jobs of Slurm that have ended replaced; wait for workers, but not for ever."""
        alone = now - self._alone_since
        if self._cluster is not None:
            if now - self._topped_up > TOP_UP_SECONDS:
                self._topped_up = now
                self._cluster.scale(self._executor.workers)
            if alone > TELL_SECONDS and not self._told:
                self._told = True
                log.warning("%s has started no worker so far; squeue tells why", self.name)
        elif alone > PATIENCE_SECONDS:
            raise StoppedError(
                f"Executor {self.name}: there has been no worker for ten minutes. Run the same command again"
                " when there is one."
            )


def _reply(future: "Future[Reply]") -> Reply:
    """What came of a task, whatever happened to it."""
    if future.status == "finished":
        try:
            reply: Reply = future.result(timeout=ANSWER_SECONDS)
        except Exception:  # noqa: BLE001 - its worker went before the result came
            return Reply(end=End.DIED)
        return reply
    if future.status == "error":
        error = future.exception(timeout=ANSWER_SECONDS)
        if isinstance(error, KilledWorker):
            return Reply(end=End.DIED)
        return Reply(end=End.UNFIT, text=_text(error))
    return Reply(end=End.LOST)


def _text(found: object) -> str:
    """Why a worker cannot work; an exception's own text may name anything."""
    if not isinstance(found, BaseException):
        return str(found)
    if ModuleNotFoundError.__name__ in repr(found):  # Dask may wrap it
        return (
            "niffler-ops is not installed there as it is here; install the same version, dask extra included"
        )
    return type(found).__name__
