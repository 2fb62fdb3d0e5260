"""The queries that docs/operations.md shows give an operator what it says."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.layout import Layout
from tests.support.extractions import asked, fail, make_ledger, match, refused, retrieve
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"([^\n]+):\n\n```sql\n(.*?)```", PAGE, re.DOTALL))
DONE, PARTIAL, FAILED = "1.2.3", "1.2.4", "1.2.5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An extraction of a line of each outcome; the study that the page names is among them."""
    rows = [*map(asked, range(2, 7)), refused(7, "AccessionNumber holds a wildcard", ("P*", ""))]
    with closing(make_ledger(tmp_path, rows)) as ledger:
        match(ledger, {2: [DONE], 3: [PARTIAL], 4: [FAILED], 6: [DONE]})
        retrieve(ledger, DONE)
        retrieve(ledger, PARTIAL, missing=1)
        partial = ledger.studies.by_uid(PARTIAL)
        assert partial is not None
        with ledger.transaction():
            ledger.instances.name_missing(partial.id)
        fail(ledger, FAILED, "refused: A900")
    return tmp_path


def answers(folder: Path, title: str) -> list[dict[str, Any]]:
    """What the query under this title answers, read as the page says."""
    file = Layout(folder).ledger
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(SHOWN[title])]


def test_the_page_shows_these_and_no_others() -> None:
    assert list(SHOWN) == [
        "Rows that are not done, with their reasons",
        "The instances that are missing, by study",
        "Every retrieve of one study, and what the archive answered",
    ]
    assert PAGE.count("```sql") == len(SHOWN)


def test_rows_that_are_not_done_are_told_with_their_reasons(folder: Path) -> None:
    found = answers(folder, "Rows that are not done, with their reasons")
    assert [tuple(row.values()) for row in found] == [
        (3, "partial", f"1 instances missing: {PARTIAL}.1.9"),
        (4, "failed", "refused: A900"),
        (5, "not_found", "the archive has nothing that matches"),
        (7, "rejected", "AccessionNumber holds a wildcard"),
    ]
    assert list(found[0]) == ["line", "state", "reason"]


def test_the_instances_that_are_missing_are_named_by_study(folder: Path) -> None:
    assert answers(folder, "The instances that are missing, by study") == [
        {
            "study_instance_uid": PARTIAL,
            "series_instance_uid": f"{PARTIAL}.1",
            "sop_instance_uid": f"{PARTIAL}.1.1",
        }
    ]


def test_every_retrieve_of_one_study_is_told_with_its_status(folder: Path) -> None:
    (attempt,) = answers(folder, "Every retrieve of one study, and what the archive answered")
    started, ended = attempt.pop("started_at"), attempt.pop("ended_at")
    assert started <= ended
    assert attempt == {
        "lane": 0,
        "level": "STUDY",
        "status": "0000",
        "completed": None,
        "failed": None,
        "charged": 1,
        "reason": "",
    }
