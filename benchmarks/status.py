"""niffler-status of a long list, at rest and while a writer changes rows as fast as it can.

The reference is a Python that starts and reads one number from the ledger: less cannot be.
`python -m benchmarks.status FOLDER` is the writer.
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.many_rows import imported
from benchmarks.rows import Row, by_limit
from benchmarks.running import measured, running, wait_until
from benchmarks.setting import Setting, settle
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger

NAME = "status"
TITLE = "niffler-status"
GROUP = 100
ONE_NUMBER = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM tallies').fetchone()"


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """Seconds from command to exit."""
    rows = setting.many_rows
    storage = imported(setting, rows).storage
    settle()
    yield _row(setting, storage, f"{rows:,} rows, at rest")
    log = setting.new_folder("writer") / "log"
    with running([sys.executable, "-m", "benchmarks.status", str(storage)], log) as writer:
        wait_until(lambda: log.stat().st_size > 0, writer)
        yield _row(setting, storage, f"{rows:,} rows, beside a writer")


def _row(setting: Setting, storage: Path, what: str) -> Row:
    log = setting.new_folder("status") / "log"
    command = [str(Path(sys.executable).with_name("niffler-status")), str(storage)]
    bare = [sys.executable, "-c", ONE_NUMBER, str(Layout(storage).ledger)]
    ours, reference = [], []
    for _ in range(3 if setting.quick else 9):
        usage = measured(command, log)
        if usage.status:
            raise RuntimeError(f"niffler-status failed: see {log}")
        ours.append(usage.seconds)
        reference.append(measured(bare, log).seconds)
    return by_limit(what, "s", ours, at_most=0.3, reference=sorted(reference)[len(reference) // 2])


def main() -> None:
    """Bring row after row to its end, in groups as the supervisor does."""
    with closing(Ledger.open(Layout(Path(sys.argv[1])).ledger)) as ledger:
        print("writing", flush=True)
        while True:
            with ledger.transaction():
                claimed = ledger.rows.claim(GROUP)
            with ledger.transaction():
                for row in claimed:
                    ledger.rows.not_found(row.id, "the archive has no match")
            if not claimed:
                return


if __name__ == "__main__":
    main()
