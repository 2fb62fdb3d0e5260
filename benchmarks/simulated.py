"""Many rows through the real supervisor, ledger and stages, from an archive that is played: what a row costs.

Half of the rows first, then the same extraction is resumed to its end. SIMULATED_ROWS=1000000 in the
environment adds as many, which takes about half an hour.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.many_rows import NOWHERE, write_list
from benchmarks.rows import Row, by_limit
from benchmarks.running import ENVIRONMENT, measured
from benchmarks.setting import Setting, settle
from benchmarks.simulation.extraction import Simulated

NAME = "simulated"
TITLE = "Supervisor, ledger and stages, a simulated archive"
MOST_SECONDS = 7200
MORE_ROWS = int(os.environ.get("SIMULATED_ROWS", "0"))


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """By the number of rows."""
    costs = []
    for rows in (1_000, 10_000, *(() if setting.quick else (100_000,)), *((MORE_ROWS,) if MORE_ROWS else ())):
        configuration = _configuration(setting, rows)
        first = _run(configuration, rows // 2)
        status = measured(
            [str(Path(sys.executable).with_name("niffler-status")), str(configuration.parent / "extraction")],
            configuration.with_name("status.log"),
        )
        rest = _run(configuration)
        if sum(rest.rows.values()) != rows or not rest.rows.keys() <= {"done", "failed", "not_found"}:
            raise RuntimeError(f"not every row is at its end: {rest.rows}")
        costs.append(1000 * (first.cpu + rest.cpu) / rows)
        what = f"{rows:,} rows"
        cost = by_limit(f"{what}, CPU of the supervisor", "ms/row", [costs[-1]], at_most=1)
        yield cost.on("CPU of the supervisor", "rows", rows)
        yield by_limit(f"{what}, memory", "MB", [first.memory, rest.memory], at_most=300)
        resumed = by_limit(
            f"{what}, half done: to the first retrieve", "s", [rest.to_first_retrieve], at_most=10
        )
        yield resumed.on("resume: to the first retrieve", "rows", rows)
        shown = by_limit(f"{what}, half done: status", "s", [status.seconds], at_most=0.3)
        yield shown.on("niffler-status", "rows", rows)
    yield by_limit("CPU of a row, the most rows to the fewest", "times", [costs[-1] / costs[0]], at_most=1.2)


def _configuration(setting: Setting, rows: int) -> Path:
    folder = setting.new_folder("simulated")
    write_list(folder / "list.csv", rows)
    return NOWHERE.write_configuration(folder, {"DestAet": "ELSEWHERE"})


def _run(configuration: Path, stop_at: int | None = None) -> Simulated:
    """In a process of its own, so that its memory is its own."""
    settle()
    command = [sys.executable, "-m", "benchmarks.simulation.extraction", str(configuration)]
    folder = configuration.parent
    with (folder / "log").open("ab") as log:
        told = subprocess.run(
            [*command, *([] if stop_at is None else [str(stop_at)])],
            env={**ENVIRONMENT, "NIFFLER_RUNTIME": str(folder / "locks")},
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=MOST_SECONDS,
            check=True,
        )
    return Simulated(**json.loads(told.stdout))
