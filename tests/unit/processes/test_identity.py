"""A process is the same one only if pid, start time and boot agree."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from niffler_ops.processes.identity import (
    Identity,
    ancestors,
    boot_id,
    identify,
    is_alive,
    is_defunct,
    parent_of,
)
from tests.support.processes import running_python, wait_until

WAIT = "import signal; print('ready', flush=True); signal.pause()"


def identity_of(pid: int) -> Identity:
    identity = identify(pid)
    assert identity is not None
    return identity


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with running_python(WAIT) as started:
        yield started


def test_a_running_process_is_itself(process: subprocess.Popen[str]) -> None:
    identity = identity_of(process.pid)
    assert (identity.pid, identity.boot_id) == (process.pid, boot_id())
    assert identify(process.pid) == identity
    assert is_alive(identity)


def test_its_start_time_is_in_ticks_since_boot(process: subprocess.Popen[str]) -> None:
    seconds = identity_of(process.pid).start_ticks / os.sysconf("SC_CLK_TCK")
    assert seconds == pytest.approx(psutil.Process(process.pid).create_time() - psutil.boot_time(), abs=2)


def test_two_processes_differ() -> None:
    with running_python(WAIT) as one, running_python(WAIT) as other:
        assert identity_of(one.pid) != identity_of(other.pid)


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"boot_id": "another boot"}, {"pid": os.getpid()}])
def test_a_reused_pid_is_another_process(process: subprocess.Popen[str], change: dict[str, object]) -> None:
    assert not is_alive(replace(identity_of(process.pid), **change))  # type: ignore[arg-type]


def test_a_process_that_was_reaped_does_not_exist(process: subprocess.Popen[str]) -> None:
    identity = identity_of(process.pid)
    process.kill()
    process.wait()
    assert identify(process.pid) is None
    assert not is_alive(identity)


def test_a_defunct_process_exists_and_is_not_alive(process: subprocess.Popen[str]) -> None:
    identity = identity_of(process.pid)
    process.kill()
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, "a defunct process")
    assert identify(process.pid) == identity
    assert is_defunct(process.pid)
    assert not is_alive(identity)


def test_a_process_descends_from_its_parent_and_that_ones(process: subprocess.Popen[str]) -> None:
    assert parent_of(process.pid) == os.getpid()
    assert list(ancestors(process.pid)) == [os.getpid(), *ancestors(os.getpid())]
    assert list(ancestors(process.pid))[-1] == 1
    assert list(ancestors(1)) == []


def test_a_stopped_process_is_alive(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, "a stopped process")
    assert is_alive(identity_of(process.pid))


@pytest.mark.parametrize("name", ["a) R 1 (b", "with blank", "((("])
def test_a_name_with_parentheses_and_blanks_does_not_confuse(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(psutil.Process().exe())
    code = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [str(tmp_path / name), "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == f"{started.pid}\n"
        assert name in Path(f"/proc/{started.pid}/stat").read_text(encoding="utf-8")
        assert is_alive(identity_of(started.pid))
        started.kill()


def test_a_process_of_another_user_is_told_apart_like_any_other() -> None:
    init = identity_of(1)
    assert is_alive(init)
    assert not is_alive(replace(init, start_ticks=init.start_ticks + 1))


def test_a_pid_that_never_was_is_nobody() -> None:
    assert identify(2**22 + 1) is None
    assert parent_of(2**22 + 1) is None
    assert is_defunct(2**22 + 1)
