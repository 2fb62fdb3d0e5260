"""A CSV is imported whole or not at all, whatever happens on the way."""

from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from tests.support.extractions import asked, make_ledger
from tests.support.processes import KILLED, run_python

ROWS, FEWER = 100_000, 3000
IMPORT = """
    import os, signal, sys
    from pathlib import Path
    from tests.support.extractions import asked, make_ledger
    folder, rows, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    def lines():
        for line in range(2, rows + 2):
            if line == last:
                os.kill(os.getpid(), signal.SIGKILL)
            yield asked(line)
    make_ledger(folder, lines())
"""


@pytest.mark.parametrize(
    ("rows", "last", "failpoint"),
    [(FEWER, 2, ""), (ROWS, ROWS // 2, ""), (FEWER, FEWER + 1, ""), (FEWER, 0, "commit-before")],
    ids=["at the first row", "in the middle", "at the last row", "before the commit"],
)
def test_an_import_that_is_killed_leaves_an_empty_ledger_that_is_imported_anew(
    tmp_path: Path, rows: int, last: int, failpoint: str
) -> None:
    assert run_python(IMPORT, tmp_path, rows, last, NIFFLER_FAILPOINT=failpoint).returncode == KILLED
    with closing(Ledger.open(Layout(tmp_path).ledger)) as ledger:
        assert ledger.record() is None
        assert not any(ledger.tallies().values())
    with closing(make_ledger(tmp_path, map(asked, range(2, 1002)))) as ledger:
        assert ledger.tallies()["row", "pending"] == 1000
        record = ledger.record()
        assert record is not None
        assert record.imported


def test_an_import_that_is_killed_after_its_commit_is_complete(tmp_path: Path) -> None:
    assert run_python(IMPORT, tmp_path, FEWER, 0, NIFFLER_FAILPOINT="commit-after").returncode == KILLED
    with closing(Ledger.open(Layout(tmp_path).ledger)) as ledger:
        assert ledger.record() is not None
        assert ledger.tallies()["row", "pending"] == FEWER
        with ledger.transaction():
            assert [row.line for row in ledger.rows.claim(2)] == [2, 3]


STEPS = """
    import sys
    from pathlib import Path
    from niffler_ops.layout import Layout
    from niffler_ops.ledger.store import Ledger
    ledger = Ledger.open(Layout(Path(sys.argv[1])).ledger)
    with ledger.transaction():
        claimed = ledger.rows.claim(1)
    with ledger.transaction():
        ledger.rows.not_found(claimed[0].id, "the archive has no match")
"""


@pytest.mark.parametrize(
    ("failpoint", "states"),
    [
        ("commit-before:1", {"pending": 2}),
        ("commit-after:1", {"pending": 1, "querying": 1}),
        ("commit-before:2", {"pending": 1, "querying": 1}),
        ("commit-after:2", {"pending": 1, "not_found": 1}),
    ],
)
def test_a_step_is_in_the_ledger_exactly_when_its_commit_was_reached(
    tmp_path: Path, failpoint: str, states: dict[str, int]
) -> None:
    make_ledger(tmp_path, [asked(2), asked(3)]).close()
    assert run_python(STEPS, tmp_path, NIFFLER_FAILPOINT=failpoint).returncode == KILLED
    with closing(Ledger.open_read_only(Layout(tmp_path).ledger)) as ledger:
        tallies = ledger.tallies()
    assert {name: number for (kind, name), number in tallies.items() if kind == "row" and number} == states
