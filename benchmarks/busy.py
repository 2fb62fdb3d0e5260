"""Which stage is how busy while studies are retrieved, and what limits the rate.

Cores by process, from the first C-MOVE to the last study done; of the supervisor's main thread, by stage.
"""

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import archives
from benchmarks.cold import Cold
from benchmarks.retrieval import LANES
from benchmarks.rows import Row, by_limit
from benchmarks.setting import Setting, settle

NAME = "busy"
TITLE = "Busy time of each stage, embedded toolkit and archive"
SAMPLE_SECONDS = 0.1
FULL = 0.9
ROLES = {
    "niffler_ops.cli.archive": "archive: query and send",
    "storescp": "storescp: receive",
    "movescu": "movescu",
    "findscu": "findscu",
    "spawn_main": "readers: identity, completeness, SHA-256",
    "benchmarks.instrumented": "supervisor",
}


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


@dataclass
class Watch:
    """CPU seconds of each child process, looked at now and then."""

    over: threading.Event = field(default_factory=threading.Event)
    looks: list[tuple[float, dict[int, float]]] = field(default_factory=list)
    roles: dict[int, str] = field(default_factory=dict)

    def run(self) -> None:
        """Look until it is over."""
        latest: dict[int, float] = {}
        while not self.over.wait(SAMPLE_SECONDS):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if process.pid not in self.roles:
                        self.roles[process.pid] = _role(process.cmdline())
                    times = process.cpu_times()
                    latest[process.pid] = times.user + times.system
            self.looks.append((time.time(), dict(latest)))

    def cores(self, first: float, last: float) -> dict[str, float]:
        """Cores that each role kept busy between these times."""
        before = max((look for look in self.looks if look[0] <= first), default=self.looks[0])
        after = min((look for look in self.looks if look[0] >= last), default=self.looks[-1])
        used: dict[str, float] = defaultdict(float)
        for pid, seconds in after[1].items():
            used[self.roles[pid]] += (seconds - before[1].get(pid, 0.0)) / (after[0] - before[0])
        return used


def _role(command: list[str]) -> str:
    words = " ".join(command)
    return next((role for mark, role in ROLES.items() if mark in words), "other")


def measure(setting: Setting) -> Iterator[Row]:
    """Ten instances a study."""
    studies = setting.studies(40 if setting.quick else 200)
    with archives.embedded(setting, studies) as (archive, local):
        cold = Cold(toolkit="embedded", archive=archive, local=local)
        folder = setting.new_folder("busy")
        settle()
        watch = Watch()
        thread = threading.Thread(target=watch.run, daemon=True)
        thread.start()
        times = folder / "stages.json"
        run = cold.retrieve(studies.corpus, LANES, folder, program=_instrumented(times))
        watch.over.set()
        thread.join()
    cores = watch.cores(run.first, run.last)
    for role in ROLES.values():
        yield by_limit(role, "cores", [cores[role]])
    for stage, seconds in _stages(times).items():
        yield by_limit(f"supervisor's main thread: {stage}", "cores", [seconds / run.retrieving])
    total, available = sum(cores.values()), len(os.sched_getaffinity(0))
    yield by_limit(f"limit: {_limit(cores, total / available)}", "cores", [total], reference=available)


def _instrumented(times: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.instrumented", str(times))


def _stages(times: Path) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float, json.loads(times.read_text()))
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def _limit(cores: dict[str, float], share: float) -> str:
    """What cannot do more."""
    if share >= FULL:
        return "the processors"
    role = max(cores, key=cores.__getitem__)
    return role if cores[role] >= FULL else "none: each waits for another"
