"""When a supervisor is killed, its tools and workers die with it and its locks are free."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from niffler_ops.errors import StoppedError
from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import running
from niffler_ops.processes.locks import acquire, acquire_folder
from tests.support import processes
from tests.support.processes import PATIENCE, ROOT, end, is_running, running_python, wait_until

SECONDS_TO_DIE = 1.0  # of their own; what is added below is for a busy machine

LAUNCHER = """
    import json, os, signal, sys
    from niffler_ops.processes.launcher import Launcher
    launcher = Launcher()
    deaf = "trap '' TERM HUP INT; echo ready; while :; do sleep 0.1; done"
    children = [
        launcher.launch(name, command, environment={}, on_line=lambda line: None, on_exit=lambda code: None)
        for name, command in (("storescp", ["sleep", "60"]), ("movescu", ["/bin/sh", "-c", deaf]))
    ]
    print("ready")
    print(json.dumps([child.pid for child in children]), flush=True)
    while True:
        launcher.dispatch(1)
"""
WORKERS = """
    import json, os, sys, time
    from niffler_ops.processes.launcher import Launcher
    from niffler_ops.processes.workers import Workers
    if __name__ == "__main__":
        launcher = Launcher()
        workers = Workers(2, launcher.post)
        for _ in range(2):
            workers.submit(time.sleep, 0.05, then=lambda _: None)
        workers.submit(os.getpid, then=lambda pid: print(pid, flush=True))
        while True:
            launcher.dispatch(1)
"""
HOLDER = """
    import signal, sys
    from pathlib import Path
    from niffler_ops.model import LocalEntity
    from niffler_ops.processes.launcher import Launcher
    from niffler_ops.processes.locks import acquire, acquire_folder
    storage = Path(sys.argv[1])
    locks = (
        acquire(LocalEntity(aet="QBNIFFLER", port=4243), storage_folder=storage, since="noon", limit=1),
        acquire_folder(storage / ".niffler"),
    )
    # A tool that outlives its holder for a moment must not keep the lock.
    child = Launcher().launch(
        "movescu", ["sleep", "60"], environment={}, on_line=lambda line: None, on_exit=lambda code: None
    )
    print("ready", flush=True)
    signal.pause()
"""


def gone_soon(pids: list[int]) -> bool:
    """Whether all of them end within the time that is promised, given the machine's noise."""
    begun = time.monotonic()
    wait_until(lambda: not any(map(is_running, pids)), f"the end of {pids}", seconds=PATIENCE)
    return time.monotonic() - begun < SECONDS_TO_DIE + 2.0


def test_tools_die_with_a_launcher_that_is_killed() -> None:
    with running_python(LAUNCHER) as launcher:
        assert launcher.stdout is not None
        pids = json.loads(launcher.stdout.readline())
        try:
            assert all(map(is_running, pids))
            launcher.kill()
            launcher.wait(PATIENCE)
            assert gone_soon(pids)
        finally:
            for pid in pids:
                end(pid)


def test_workers_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "supervisor.py"  # spawned workers read it again
    script.write_text(textwrap.dedent(WORKERS), encoding="utf-8")
    with processes.running([sys.executable, str(script)]) as supervisor:
        pids = [child.pid for child in psutil.Process(supervisor.pid).children(recursive=True)]
        try:
            assert len(pids) >= 2
            supervisor.kill()
            supervisor.wait(PATIENCE)
            assert gone_soon(pids)
        finally:
            for pid in pids:
                end(pid)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runtime"
    monkeypatch.setenv("NIFFLER_RUNTIME", str(folder))
    return folder


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    (tmp_path / "storage" / ".niffler").mkdir(parents=True)
    return tmp_path / "storage"


def test_locks_hold_over_processes_and_end_with_their_holder(runtime: Path, storage: Path) -> None:
    local = LocalEntity(aet="QBNIFFLER", port=4243)
    with running_python(HOLDER, storage) as holder:
        assert [(one.pid, one.folder) for one in running(runtime)] == [(holder.pid, str(storage))]
        with pytest.raises(StoppedError, match=f"process {holder.pid} of .*, since noon, in .*storage"):
            acquire(local, storage_folder=Path("/other"), since="now", limit=9)
        with pytest.raises(StoppedError, match="MaxNifflerProcesses is 1"):
            acquire(LocalEntity(aet="B", port=1), storage_folder=Path("/other"), since="now", limit=1)
        with pytest.raises(StoppedError, match="still running"):
            acquire_folder(storage / ".niffler")
        children = psutil.Process(holder.pid).children()
        holder.send_signal(signal.SIGKILL)
        holder.wait(PATIENCE)
        for lock in (
            acquire(local, storage_folder=storage, since="now", limit=1),
            acquire_folder(storage / ".niffler"),
        ):
            lock.release()
        for child in children:
            end(child.pid)


def test_of_many_starts_at_once_only_as_many_run_as_may(runtime: Path, storage: Path) -> None:
    starter = """
        import sys
        from pathlib import Path
        from niffler_ops.errors import StoppedError
        from niffler_ops.model import LocalEntity
        from niffler_ops.processes.locks import acquire
        try:
            lock = acquire(
                LocalEntity(aet="A", port=int(sys.argv[1])), storage_folder=Path("/x"), since="now", limit=2
            )
        except StoppedError:
            print("refused")
        else:
            print("running", flush=True)
            sys.stdin.readline()
    """
    starts = [
        subprocess.Popen(
            processes.python(starter, port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for port in range(1, 7)
    ]
    try:
        said = sorted(start.stdout.readline().strip() for start in starts if start.stdout)
        assert said == ["refused"] * 4 + ["running"] * 2
    finally:
        for start in starts:
            start.communicate("\n", timeout=PATIENCE)
    assert running(runtime) == []
    assert storage.exists()


@pytest.fixture(autouse=True)
def _leave_nothing_behind() -> Iterator[None]:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    assert left == []
