"""The embedded storescp against pynetdicom's as it is shipped, over one association and over four.

The sender is DCMTK's dcmsend, which is faster than either and which both get; without it, the embedded
archive sends. pynetdicom's storescp decodes every data set and encodes it again.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, alternately, by_ratio
from benchmarks.running import ENVIRONMENT, running, wait_for_port
from benchmarks.sending import RECEIVER_AET, send
from benchmarks.setting import Setting, Studies, free_ports, settle
from benchmarks.storescp import storescp

NAME = "receiving"
TITLE = "Embedded storescp"


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """By the number of associations that send at once."""
    studies = setting.studies(20 if setting.quick else 40)
    for associations in (1, 4):
        pairs = alternately(
            1 if setting.quick else 3,
            partial(_receive, setting, studies, associations, ours=True),
            partial(_receive, setting, studies, associations, ours=False),
        )
        yield by_ratio(f"associations: {associations}", "instances/s", pairs, at_least=1.4)


def _receive(setting: Setting, studies: Studies, associations: int, *, ours: bool) -> float:
    (port,) = free_ports(1)
    folder = setting.new_folder("receiving")
    incoming = folder / "incoming"
    incoming.mkdir()
    settle()
    command, environment = storescp(port, incoming) if ours else _shipped(port, incoming)
    with running(command, folder / "log", environment) as process:
        wait_for_port(port, process)
        begun = time.perf_counter()
        send(studies.paths, port, associations)
        seconds = time.perf_counter() - begun
        received = sum(path.is_file() for path in incoming.rglob("*"))
    if received != len(studies.paths):
        raise RuntimeError(f"{received} of {len(studies.paths)} instances received")
    return received / seconds


def _shipped(port: int, incoming: Path) -> tuple[list[str], Mapping[str, str]]:
    options = ["--quiet", "--ae-title", RECEIVER_AET, "--output-directory", str(incoming)]
    return [sys.executable, "-m", "pynetdicom", "storescp", *options, str(port)], ENVIRONMENT
