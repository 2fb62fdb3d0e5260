"""Lists of many rows, and the ledger that one becomes; `python -m benchmarks.many_rows FILE` imports one.

The import runs in a process of its own, so that its memory is its own.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.cold import Cold
from benchmarks.running import ENVIRONMENT, Usage, measured
from benchmarks.setting import Setting
from niffler_ops.cli.opening import open_extraction
from niffler_ops.clock import SystemClock
from niffler_ops.config import load
from niffler_ops.model import LocalEntity, Peer

STRIDE = 7919  # a prime: every number comes once, far from the one before
NOWHERE = Cold(
    toolkit="embedded",
    archive=Peer(aet="ARCHIVE", host="127.0.0.1", port=11112),
    local=LocalEntity(aet="BENCH", port=11113),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What the import took, the list, and the StorageFolder whose ledger has it."""

    usage: Usage
    list: Path
    storage: Path


@cache
def imported(setting: Setting, rows: int) -> Imported:
    """A list of so many rows in a ledger; none of them has been asked for."""
    folder = setting.new_folder("import")
    path = folder / "list.csv"
    write_list(path, rows)
    configuration = NOWHERE.write_configuration(folder, {})
    usage = measured(
        [sys.executable, "-m", "benchmarks.many_rows", str(configuration)],
        folder / "import.log",
        {**ENVIRONMENT, "NIFFLER_RUNTIME": str(folder / "locks")},
    )
    if usage.status:
        raise RuntimeError(f"the import failed: see {folder}")
    return Imported(usage=usage, list=path, storage=folder / "extraction")


def write_list(path: Path, rows: int) -> None:
    """A CSV whose rows no archive knows, in no order: sorted ones would spare SQLite's cache."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write("PatientID,AccessionNumber\n")
        for line in range(rows):
            number = line * STRIDE % rows
            stream.write(f"P{number:08d},A{number:08d}\n")


def main() -> int:
    """Open the extraction of a configuration as niffler-cold does, and end."""
    with ExitStack() as stack:
        open_extraction(load(Path(sys.argv[1]), None, {}), SystemClock(), stack)
    return 0


if __name__ == "__main__":
    sys.exit(main())
