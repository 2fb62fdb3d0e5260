"""`python -m benchmarks [--quick] [--only NAME]`: tables on the terminal, JSON in benchmarks/results/."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks import (
    busy,
    dcm4che,
    embedded,
    executor,
    headers,
    intake,
    lanes,
    metadata,
    orthanc,
    pacsifier,
    png,
    receiving,
    simulated,
    small,
    status,
    stream,
    transitions,
)
from benchmarks.curves import draw
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.tables import show, write_json


class Benchmark(Protocol):
    """What each module of a benchmark has."""

    NAME: str
    TITLE: str

    def missing(self, setting: Setting) -> str:
        """What the machine lacks for it, or nothing."""
        ...

    def measure(self, setting: Setting) -> Iterator[Row]:
        """The rows of its table."""
        ...


BENCHMARKS: Sequence[Benchmark] = (
    embedded,
    small,
    orthanc,
    dcm4che,
    pacsifier,
    lanes,
    busy,
    transitions,
    intake,
    status,
    simulated,
    headers,
    receiving,
    stream,
    png,
    metadata,
    executor,
)


def main() -> int:
    """Measure, print, write."""
    names = [benchmark.NAME for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller and once: a first impression")
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=", ".join(names))
    options = parser.parse_args()
    tables: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory(prefix="niffler-bench-", ignore_cleanup_errors=True) as folder:
        setting = Setting(folder=Path(folder), quick=options.quick)
        for benchmark in BENCHMARKS:
            if options.only and benchmark.NAME not in options.only:
                continue
            lacking = benchmark.missing(setting)
            if lacking:
                print(f"\n{benchmark.TITLE}: left out, {lacking}", flush=True)
                continue
            begun = time.perf_counter()
            tables[benchmark.NAME] = list(benchmark.measure(setting))
            show(benchmark.TITLE, tables[benchmark.NAME], time.perf_counter() - begun)
    written = write_json(tables, quick=options.quick)
    picture = written.with_suffix(".png")
    also = f", its curves to {picture.name}" if draw(tables, picture) else ""
    print(f"\nWritten to {written}{also}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
