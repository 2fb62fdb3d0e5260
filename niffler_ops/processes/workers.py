"""Worker processes that read files for the supervisor, and die with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import TypeVar, TypeVarTuple

from niffler_ops.errors import ExhaustedError
from niffler_ops.pixelless import forgo_pixels
from niffler_ops.processes.parents import die_with

WARNINGS_VARIABLE = "PYTHONWARNINGS"

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


def _die_with_supervisor(supervisor: int, *, niceness: int, pixels: bool) -> None:
    die_with(supervisor)()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    if not pixels:
        forgo_pixels()
    os.nice(niceness)


def _kill_workers() -> None:
    for worker in multiprocessing.active_children():
        worker.kill()


class Workers:
    """A pool of spawned processes (a forked one would keep the supervisor's locks).

    Call `submit` from the main thread only: the parent-death signal is tied to the starting thread.
    """

    def __init__(
        self,
        number: int,
        post: Callable[[Callable[[], None]], None],
        *,
        niceness: int = 0,
        pixels: bool = False,
    ) -> None:
        """`niceness` above 0 leaves the processors to others first; `pixels`: they need more than headers."""
        self._number = number
        self._initializer = partial(_die_with_supervisor, os.getpid(), niceness=niceness, pixels=pixels)
        self._post = post
        self._given: dict[object, Callable[[], None]] = {}  # what is not back, and what to do if it is lost
        self._pool: ProcessPoolExecutor | None = self._start()

    def submit(
        self,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        then: Callable[[Result], None],
        lost: Callable[[], None] | None = None,
    ) -> None:
        """Run a module-level function; `then` gets its result on the main thread.

        Work that a dying worker lost is done again by a new one, or `lost` is called instead: also where no
        worker can be started. Without it ExhaustedError is raised then.
        """
        token = object()

        def again() -> None:
            if lost is not None:
                lost()
            else:
                self.submit(work, *arguments, then=then)

        def finished(future: Future[Result]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                self._answer(token, again)
            elif error is not None:
                self._answer(token, lambda: _raise(error))
            else:
                self._answer(token, lambda: then(future.result()))

        try:
            future = self._handed_over(work, *arguments)
        except (OSError, RuntimeError) as error:
            if lost is None:
                cause = getattr(error, "strerror", None) or "no thread is left"
                raise ExhaustedError(f"Readers of files cannot be started ({cause})") from None
            self._post(lost)
        else:
            self._given[token] = again
            future.add_done_callback(finished)

    def renew(self) -> None:
        """End them all, as where one hangs: what they had is lost."""
        pool, self._pool = self._pool, None
        if pool is not None:
            for worker in multiprocessing.active_children():
                worker.kill()
            pool.shutdown(wait=False)
        given, self._given = self._given, {}
        for lost in given.values():  # the pool tells it too, unless its own thread could not be started
            self._post(lost)

    def _answer(self, token: object, handle: Callable[[], None]) -> None:
        """Have it handled on the main thread, unless its work was given up meanwhile."""

        def answered() -> None:
            if self._given.pop(token, None) is not None:
                handle()

        self._post(answered)

    def _handed_over(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> "Future[Result]":
        """To the pool that there is, or to a new one. OSError or RuntimeError where none can be started."""
        if self._pool is not None:
            with suppress(OSError, RuntimeError):  # broken, or it broke while a worker was being started
                return self._pool.submit(work, *arguments)
            self.renew()
        self._pool = self._start()
        try:
            return self._pool.submit(work, *arguments)
        except (OSError, RuntimeError):
            self.renew()  # a worker that was started and that nobody listens to would stay for ever
            raise

    def stop(self, *, patience: float | None = None) -> None:
        """End the workers; what they were given and have not done is dropped.

        With `patience` (seconds) one that hangs is killed after it.
        """
        if self._pool is None:
            return
        if patience is None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            return
        # Not without waiting: Python's own end may then meet the pool's thread amid its end, and say so.
        ending = threading.Thread(target=partial(self._pool.shutdown, cancel_futures=True), daemon=True)
        try:
            ending.start()
        except RuntimeError:  # no thread is left that could be waited for
            _kill_workers()
            self._pool.shutdown(cancel_futures=True)
            return
        ending.join(patience)
        if ending.is_alive():
            _kill_workers()
            ending.join()

    def _start(self) -> ProcessPoolExecutor:
        # Python's resource tracker outlives a killed supervisor, tidies up, and would say so on its terminal.
        before = os.environ.get(WARNINGS_VARIABLE)
        os.environ[WARNINGS_VARIABLE] = "ignore"
        try:
            resource_tracker.ensure_running()
        finally:
            if before is None:
                del os.environ[WARNINGS_VARIABLE]
            else:
                os.environ[WARNINGS_VARIABLE] = before
        return ProcessPoolExecutor(
            self._number,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=self._initializer,
        )


def _raise(error: BaseException) -> None:
    raise error
