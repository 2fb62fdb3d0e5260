"""Processes that a test starts from a few lines of Python, waits for, kills, and never leaves behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

PATIENCE = 30.0
ROOT = Path(__file__).resolve().parents[2]
KILLED = -signal.SIGKILL


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = PATIENCE) -> None:
    """Return as soon as the condition holds; fail, naming what was waited for, when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.005)


def python(code: str, *arguments: object) -> list[str]:
    """The command that runs these lines."""
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(extra)


def run_python(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run these lines to their end; gives status and output."""
    return subprocess.run(
        python(code, *arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        env=_environment(environment),
        check=False,
    )


@contextmanager
def running_python(code: str, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run these lines beside the test, from their first line of output on; killed with the block."""
    with running(python(code, *arguments), **environment) as process:
        yield process


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that prints a line when it is ready; killed with the block."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=_environment(environment), start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the process ended before it was ready"
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


def wait_for_first_line(pid: int, command: str) -> None:
    """Until the command, which a shell execs, handles SIGTERM; that is the first thing it does."""
    status = Path(f"/proc/{pid}/status")

    def handles() -> bool:
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        catches = int(fields["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1
        return fields["Name"].strip().startswith(command) and bool(catches)

    wait_until(handles, "the first line of the command")


def is_running(pid: int) -> bool:
    """Whether a process exists and is not defunct."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False


def end(pid: int) -> None:
    """Make sure that a process which the test started indirectly is gone."""
    if is_running(pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid), f"the end of process {pid}")
