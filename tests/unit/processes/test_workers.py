"""Worker processes: results, failures, and work that a dying worker lost."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
