"""niffler-meta against its bare storescp: instances a second, received and in the store.

One association sends new instances all the time. Rates are those from a quarter of the time on, so that the
start does not weigh in what runs for years. STREAM_MINUTES=10 in the environment makes each stream so long,
with images of a size of which ten minutes fit on a disk.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, alternately, by_limit, by_ratio
from benchmarks.running import ENVIRONMENT, running, wait_for_port
from benchmarks.sending import RECEIVER_AET
from benchmarks.setting import Setting, free_ports, settle
from benchmarks.storescp import storescp

NAME = "stream"
TITLE = "niffler-meta against bare storescp, one association"
MINUTES = float(os.environ.get("STREAM_MINUTES", "0"))
SIDES = (128,) if MINUTES else (512, 22)  # images of 33 KB; of 0.5 MB, and of 1 KB
SHARE = 0.7  # of what the bare storescp takes, at which nothing may pile up
MOST_BEHIND = 4.0  # seconds, of which two pass between one round of storing and the next
MOST_GROWN = 1.0
LOOK_SECONDS = 0.5
FORGOTTEN_SECONDS = 70.0  # after which files that were removed do not make new ones dearer, on ext4


@dataclass(frozen=True, kw_only=True, slots=True)
class Streamed:
    """Instances a second, received and stored, and how many seconds the store was behind at the end.

    `grown`: by how many seconds more it was behind in the last third of the time than in the first.
    """

    received: float
    stored: float = 0.0
    behind: float = 0.0
    grown: float = 0.0


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """By the size of images, and at a part of the rate."""
    for side in SIDES:
        stream = partial(_receiver, setting, side)
        pairs = alternately(1 if setting.quick or MINUTES else 2, stream, partial(_bare, setting, side))
        size = f"{side} x {side}"
        received = [(ours.received, bare.received) for ours, bare in pairs]
        stored = [(ours.stored, bare.received) for ours, bare in pairs]
        yield by_ratio(f"{size}: received", "instances/s", received, at_least=0.9)
        yield by_ratio(f"{size}: stored", "instances/s", stored, at_least=0.9)
        steady = stream(rate=SHARE * pairs[-1][1].received)
        yield by_limit(f"{size}: behind at {SHARE:.0%}", "s", [steady.behind], at_most=MOST_BEHIND)
        yield by_limit(f"{size}: more behind at the end", "s", [steady.grown], at_most=MOST_GROWN)


def _seconds(setting: Setting) -> float:
    if MINUTES:
        return 60 * MINUTES
    return 12.0 if setting.quick else 16.0


def _bare(setting: Setting, side: int) -> Streamed:
    (port,) = free_ports(1)
    with _folder(setting) as folder:
        (folder / "incoming").mkdir()
        command, environment = storescp(port, folder / "incoming")
        with running(command, folder / "log", environment) as process:
            wait_for_port(port, process)
            with _sender(port, _seconds(setting), side) as sender:
                return Streamed(received=_sent(sender)[1])


def _receiver(setting: Setting, side: int, *, rate: float = 0.0) -> Streamed:
    (port,) = free_ports(1)
    with _folder(setting) as folder:
        store = folder / "records.sqlite"
        config = {
            "QueryAet": f"{RECEIVER_AET}:{port}",
            "StorageFolder": "received",
            "MetadataStore": f"sqlite:///{store}",
        }
        (folder / "meta.json").write_text(json.dumps(config))
        command = [str(Path(sys.executable).with_name("niffler-meta")), "--config", str(folder / "meta.json")]
        environment = {**ENVIRONMENT, "NIFFLER_RUNTIME": str(folder)}
        with running(command, folder / "log", environment) as process:
            wait_for_port(port, process)
            seconds, begun, looks = _seconds(setting), time.perf_counter(), []
            with _sender(port, seconds, side, rate) as sender:
                while sender.poll() is None:
                    time.sleep(LOOK_SECONDS)
                    looks.append((time.perf_counter() - begun, _stored(store)))
                number, received = _sent(sender)
        return Streamed(
            received=received,
            stored=_slope(looks, seconds),
            behind=(number - looks[-1][1]) / received,
            grown=_growth(looks, rate or received),
        )


def _slope(looks: list[tuple[float, int]], seconds: float) -> float:
    """Instances a second in the store, between two of its changes: it grows by steps."""
    steps = [look for before, look in pairwise(looks) if look[1] > before[1] and look[0] >= seconds / 4]
    (begun, first), (ended, last) = steps[0], steps[-1]
    return (last - first) / (ended - begun)


def _growth(looks: list[tuple[float, int]], rate: float) -> float:
    """Seconds; what is sent at a steady rate comes as late at the end as at first where nothing piles up."""
    late = [at - number / rate for at, number in looks]
    third = len(late) // 3
    return median(late[-third:]) - median(late[:third])


def _stored(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT coalesce(sum(instances), 0) FROM 'default'").fetchone()[0])
    except sqlite3.OperationalError:  # nothing is stored yet
        return 0


@contextmanager
def _sender(port: int, seconds: float, side: int, rate: float = 0.0) -> Iterator["subprocess.Popen[str]"]:
    arguments = [str(port), str(seconds), str(side), str(rate)]
    command = [sys.executable, "-m", "benchmarks.streaming", *arguments]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _sent(sender: "subprocess.Popen[str]") -> tuple[int, float]:
    """How many in all, and how many a second."""
    told, _ = sender.communicate()
    if sender.returncode:
        raise RuntimeError(f"the sender failed: exit status {sender.returncode}")
    number, rate = told.split()
    return int(number), float(rate)


@contextmanager
def _folder(setting: Setting) -> Iterator[Path]:
    """Some gigabytes, which do not stay where a disk could not hold them all."""
    folder = setting.new_folder("stream")
    settle()
    yield folder
    if MINUTES:
        shutil.rmtree(folder)
        settle()
        time.sleep(FORGOTTEN_SECONDS)
