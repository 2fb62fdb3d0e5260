"""The queries that docs/operations.md shows give an operator what it says."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.extractions import asked, fail, make_ledger, match, refused, retrieve
from tests.support.processes import ROOT

SHOWN = re.findall(
    r"```sql\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.DOTALL
)
ANSWERS = {
    "FROM rows": [(4, "failed"), (5, "rejected")],
    "FROM instances": [("1.2.4", "1.2.4.1", "1.2.4.1.1")],
    "FROM attempts": [(0, "STUDY", "0000")],
}


def test_there_are_queries_and_each_has_its_answer_here() -> None:
    assert len(SHOWN) == len(ANSWERS)


@pytest.mark.parametrize("statement", SHOWN)
def test_a_query_of_the_documentation_answers(tmp_path: Path, statement: str) -> None:
    ledger = make_ledger(tmp_path, [asked(2), asked(3), asked(4), refused(5, "a wildcard", ("P*", ""))])
    match(ledger, {2: ["1.2.3"], 3: ["1.2.4"], 4: ["1.2.5"]})
    retrieve(ledger, "1.2.3")
    retrieve(ledger, "1.2.4", missing=1)
    study = ledger.studies.by_uid("1.2.4")
    assert study is not None
    with ledger.transaction():
        ledger.instances.name_missing(study.id)
    fail(ledger, "1.2.5", "refused: A900")
    (file,) = tmp_path.rglob("ledger.sqlite")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        rows = connection.execute(statement).fetchall()
    (expected,) = [answer for part, answer in ANSWERS.items() if part in statement]
    told = [cell for row in rows for cell in row]
    assert all(cell in told for answer in expected for cell in answer), rows
