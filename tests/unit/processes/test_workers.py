"""Worker processes: results, failures, and work that a dying worker lost."""

import errno
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from niffler_ops.errors import ExhaustedError
from niffler_ops.processes.launcher import Launcher
from niffler_ops.processes.workers import Workers
from tests.support.processes import is_running, wait_until


def square(number: int) -> int:
    return number * number


def fail(text: str) -> None:
    raise ValueError(text)


def die_once(marker: str) -> int:
    """Kills its worker the first time."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def describe() -> tuple[int, int]:
    umask = os.umask(0)
    os.umask(umask)
    return os.getpid(), umask


@pytest.fixture(scope="module")
def launcher() -> Launcher:
    return Launcher()


@pytest.fixture(scope="module")
def workers(launcher: Launcher) -> Iterator[Workers]:
    made = Workers(2, launcher.post)
    yield made
    made.stop()


def dispatch_until(launcher: Launcher, condition: Callable[[], object]) -> None:
    def met() -> object:
        launcher.dispatch(0.02)
        return condition()

    wait_until(met, "a result")


def test_results_come_on_the_main_thread(launcher: Launcher, workers: Workers) -> None:
    results: list[int] = []
    for number in range(50):
        workers.submit(square, number, then=results.append)
    dispatch_until(launcher, lambda: len(results) == 50)
    assert sorted(results) == [number * number for number in range(50)]


def test_an_exception_is_raised_where_the_results_are_awaited(launcher: Launcher, workers: Workers) -> None:
    results: list[object] = []
    workers.submit(fail, "the reason", then=results.append)
    with pytest.raises(ValueError, match="the reason"):
        dispatch_until(launcher, lambda: False)
    workers.submit(square, 3, then=results.append)
    dispatch_until(launcher, lambda: results)
    assert results == [9]


def test_work_that_a_killed_worker_had_is_done_by_another(
    launcher: Launcher, workers: Workers, tmp_path: Path
) -> None:
    results: list[int] = []
    workers.submit(die_once, str(tmp_path / "marker"), then=results.append)
    for number in range(20):
        workers.submit(square, number, then=results.append)
    dispatch_until(launcher, lambda: len(results) == 21)
    assert sorted(results)[:20] == sorted(number * number for number in range(20))


def test_workers_killed_while_idle_are_replaced(launcher: Launcher, workers: Workers) -> None:
    pids: list[tuple[int, int]] = []
    workers.submit(describe, then=pids.append)
    dispatch_until(launcher, lambda: pids)
    os.kill(pids[0][0], signal.SIGKILL)
    wait_until(lambda: not is_running(pids[0][0]), "the worker's end")
    workers.submit(describe, then=pids.append)
    dispatch_until(launcher, lambda: len(pids) == 2)
    assert pids[1][0] != pids[0][0]


def test_a_pool_that_breaks_while_it_starts_a_worker_is_replaced(
    launcher: Launcher, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen on a busy machine: multiprocessing closes its pipes under the start that is under way."""

    def breaking(*_arguments: object) -> None:
        raise OSError("handle is closed")

    monkeypatch.setattr(workers._pool, "submit", breaking)
    results: list[int] = []
    workers.submit(square, 3, then=results.append)
    dispatch_until(launcher, lambda: results)
    assert results == [9]


def test_where_no_worker_can_be_started_work_is_lost_and_a_later_one_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.collect()
    launcher, lost, results = Launcher(), [], []  # type: ignore[var-annotated]
    workers = Workers(2, launcher.post)
    before = len(list(Path("/proc/self/fd").iterdir()))

    def none_left(*_arguments: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(multiprocessing.util, "spawnv_passfds", none_left)
        for number in range(5):
            workers.submit(square, number, then=results.append, lost=partial(lost.append, number))
        dispatch_until(launcher, lambda: len(lost) == 5)
        with pytest.raises(ExhaustedError, match="cannot be started"):
            workers.submit(square, 1, then=results.append)
    workers.submit(square, 3, then=results.append, lost=partial(lost.append, 3))
    dispatch_until(launcher, lambda: results)
    assert (results, lost) == ([9], [0, 1, 2, 3, 4])
    workers.stop()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_a_worker_whose_thread_cannot_be_started_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher, lost, results = Launcher(), [], []  # type: ignore[var-annotated]
    workers = Workers(2, launcher.post)
    start = threading.Thread.start

    def none_left(thread: threading.Thread) -> None:
        if type(thread).__name__ == "_ExecutorManagerThread":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        workers.submit(square, 1, then=results.append, lost=partial(lost.append, 1))
    dispatch_until(launcher, lambda: lost)
    wait_until(lambda: not multiprocessing.active_children(), "the end of the worker")
    workers.submit(square, 3, then=results.append, lost=partial(lost.append, 3))
    dispatch_until(launcher, lambda: results)
    assert (results, lost) == ([9], [1])
    workers.stop()


def hang() -> None:
    signal.pause()


def test_workers_that_hang_are_replaced_and_what_they_had_is_lost(launcher: Launcher) -> None:
    workers, lost, results = Workers(2, launcher.post), [], []  # type: ignore[var-annotated]
    for number in range(3):
        workers.submit(hang, then=results.append, lost=partial(lost.append, number))
    dispatch_until(launcher, lambda: len(multiprocessing.active_children()) >= 2)
    workers.renew()
    dispatch_until(launcher, lambda: len(lost) == 3)
    workers.submit(square, 3, then=results.append, lost=partial(lost.append, 3))
    dispatch_until(launcher, lambda: results)
    assert (results, lost) == ([9], [0, 1, 2])
    workers.stop()


def test_what_workers_write_is_private(launcher: Launcher, workers: Workers) -> None:
    described: list[tuple[int, int]] = []
    workers.submit(describe, then=described.append)
    dispatch_until(launcher, lambda: described)
    assert described[0][1] == 0o077


def test_stopping_ends_every_worker() -> None:
    launcher = Launcher()
    pids: list[tuple[int, int]] = []
    stopped = Workers(2, launcher.post)
    for _ in range(20):
        stopped.submit(describe, then=pids.append)
    dispatch_until(launcher, lambda: len(pids) == 20)
    stopped.stop()
    assert not any(is_running(pid) for pid, _ in pids)


def test_stopping_drops_what_has_not_begun() -> None:
    launcher = Launcher()
    stopped = Workers(1, launcher.post)
    for _ in range(100):
        stopped.submit(describe, then=lambda _described: None)
    stopped.stop()
    while launcher.dispatch(0):
        pass
