"""Processes of a benchmark: started, waited for, measured, and never left behind."""

import itertools
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PATIENCE = 120.0
ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}
"""Without it DCMTK's tools and Orthanc measure Nagle's algorithm: 15 instances/s, whatever is done."""

_SAMPLE_SECONDS = 0.02
_SAMPLES_A_LOOK = 10  # at the worker processes, which takes longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a command took.

    `cpu_seconds` are those of the process itself, `workers_cpu_seconds` those of its worker processes,
    `children_cpu_seconds` those of all that it waited for; `peak_bytes` is the largest resident memory of
    the process itself.
    """

    seconds: float
    status: int
    cpu_seconds: float
    workers_cpu_seconds: float
    children_cpu_seconds: float
    peak_bytes: int


def measured(command: Sequence[str], log: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Usage:
    """Run a command to its end; its output goes to a file."""
    begun = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=dict(environment))
    samples = _Samples(process.pid)
    watcher = threading.Thread(target=samples.watch, daemon=True)
    watcher.start()
    try:
        status = process.wait(PATIENCE)
    finally:
        process.kill()
        samples.over.set()
        watcher.join()
    return Usage(
        seconds=time.perf_counter() - begun,
        status=status,
        cpu_seconds=samples.own,
        workers_cpu_seconds=sum(samples.workers.values()),
        children_cpu_seconds=samples.children,
        peak_bytes=samples.peak,
    )


class _Samples:
    """The latest that the kernel told of a process before it ended."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.over = threading.Event()
        self.own = self.children = 0.0
        self.workers: dict[int, float] = {}
        self.peak = 0

    def watch(self) -> None:
        """Look until it ends."""
        try:
            process = psutil.Process(self._pid)
            for number in itertools.count():
                if self.over.wait(_SAMPLE_SECONDS):
                    return
                if number % _SAMPLES_A_LOOK == 0:
                    self._look_at_workers(process)
                times = process.cpu_times()
                self.own = times.user + times.system
                self.children = times.children_user + times.children_system
                self.peak = max(self.peak, process.memory_info().rss)
        except psutil.Error:
            return

    def _look_at_workers(self, process: psutil.Process) -> None:
        for child in process.children():
            with suppress(psutil.Error):
                if any("multiprocessing" in part for part in child.cmdline()):
                    times = child.cpu_times()
                    self.workers[child.pid] = times.user + times.system


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] = ENVIRONMENT
) -> Iterator[subprocess.Popen[bytes]]:
    """A process beside the block; its output goes to a file."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=dict(environment))
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return as soon as somebody listens."""
    wait_until(lambda: _listens(port), process)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Return as soon as the condition holds, while the process runs."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} is not as it should be (exit status {process.poll()})")
        time.sleep(0.01)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
