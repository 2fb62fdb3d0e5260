"""Leftovers are ended, whatever they do about it; everything else is left alone."""

import signal
from dataclasses import replace

import psutil
import pytest

from niffler_ops.processes import leftovers
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.processes.leftovers import end_leftovers
from tests.support.processes import PATIENCE, running_python, wait_until

WAIT = "import signal; print('ready', flush=True); signal.pause()"
DEAF = """
    import signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        signal.pause()
"""


def identity_of(pid: int) -> Identity:
    identity = identify(pid)
    assert identity is not None
    return identity


def test_a_leftover_is_asked_and_one_that_ignores_it_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "GRACE_SECONDS", 0.3)
    with running_python(WAIT) as willing, running_python(DEAF) as deaf, running_python(WAIT) as other:
        assert end_leftovers([identity_of(willing.pid), identity_of(deaf.pid)]) == []
        assert willing.wait(PATIENCE) == -signal.SIGTERM
        assert deaf.wait(PATIENCE) == -signal.SIGKILL
        assert other.poll() is None


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"boot_id": "another boot"}])
def test_a_process_that_only_has_the_pid_of_a_leftover_is_left_alone(change: dict[str, object]) -> None:
    with running_python(WAIT) as other:
        assert end_leftovers([replace(identity_of(other.pid), **change)]) == []  # type: ignore[arg-type]
        assert other.poll() is None


def test_a_stopped_leftover_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "GRACE_SECONDS", 0.2)
    with running_python(WAIT) as stopped:
        stopped.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(stopped.pid).status() == psutil.STATUS_STOPPED, "its stop")
        assert end_leftovers([identity_of(stopped.pid)]) == []
        assert stopped.wait(PATIENCE) == -signal.SIGKILL


def test_a_defunct_leftover_needs_no_ending() -> None:
    with running_python(WAIT) as process:
        identity = identity_of(process.pid)
        process.kill()
        assert end_leftovers([identity]) == []


def test_what_cannot_be_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user's process cannot be: no signal reaches it."""
    monkeypatch.setattr(leftovers, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(leftovers, "KILL_SECONDS", 0.0)

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", refuse)
    with running_python(WAIT) as foreign:
        identity = identity_of(foreign.pid)
        assert end_leftovers([identity]) == [identity]
        assert foreign.poll() is None
        monkeypatch.undo()
