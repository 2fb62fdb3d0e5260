"""Many rows through the real supervisor, ledger and stages, with faults, on a clock that nobody waits for."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.many_rows import NOWHERE, write_list
from benchmarks.simulation.archive import is_never_given, is_unknown
from benchmarks.simulation.extraction import extract
from niffler_ops.database import connect_read_only
from niffler_ops.layout import Layout

ROWS = 2000


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list whose images the archive sends elsewhere."""
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "locks"))
    write_list(tmp_path / "list.csv", ROWS)
    return NOWHERE.write_configuration(tmp_path, {"DestAet": "ELSEWHERE"})


def test_every_row_comes_to_the_end_that_the_archive_gives_it(configuration: Path) -> None:
    refused: set[int] = set()
    half = extract(configuration, refused=refused, stop_at=ROWS // 2)
    assert ROWS // 2 <= sum(half.rows.get(end, 0) for end in ("done", "failed", "not_found")) < ROWS
    rest = extract(configuration, refused=refused)
    expected = Counter(_end(number) for number in range(ROWS))
    assert rest.rows == expected
    with closing(connect_read_only(Layout(configuration.parent / "extraction").ledger)) as ledger:
        wrong = [
            patient
            for cells, state in ledger.execute("SELECT cells, state FROM rows")
            if state != _end(int((patient := cells.split('"')[1])[1:]))
        ]
        twice = ledger.execute(
            "SELECT count(*) FROM (SELECT study_id FROM attempts WHERE status = 0 GROUP BY study_id"
            " HAVING count(*) > 1)"
        ).fetchone()[0]
    assert wrong == []
    assert twice == 0, "what the archive has sent is not asked for again"


def _end(number: int) -> str:
    if is_unknown(number):
        return "not_found"
    return "failed" if is_never_given(number) else "done"
