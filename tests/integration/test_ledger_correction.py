"""A corrected CSV given back: rows are matched by what they ask for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops.database import named_queries
from niffler_ops.ledger.correction import Correction
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import CsvRow
from tests.support.extractions import ARCHIVE, HEADER, asked, make_ledger, refused, retrieve

OTHER = "PACS2@archive:104"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Lines 2 to 5 ask for A, B, B and C; B has been found and A has not."""
    with closing(make_ledger(tmp_path, lines("A", "B", "B", "C"))) as ledger:
        with ledger.transaction():
            first, second = ledger.rows.claim(2)
            ledger.rows.not_found(first.id, "the archive has no match")
            found = FoundStudy(study_instance_uid="1.2", promised_count=3)
            ledger.rows.matched(second.id, [found], archive=ARCHIVE, mismatches=0)
        yield ledger


def lines(*accessions: str) -> list[CsvRow]:
    return [asked(line, accession) for line, accession in enumerate(accessions, start=2)]


def given(ledger: Ledger, rows: Sequence[CsvRow]) -> Correction:
    return ledger.correct(csv_file=Path("corrected.csv"), csv_digest="other", csv_header=HEADER, rows=rows)


def states(ledger: Ledger) -> list[tuple[int, str]]:
    return [(row["line"], row["state"]) for row in ledger.report_rows()]


def tally(ledger: Ledger, name: str, subject: str = "row") -> int:
    return ledger.tallies()[subject, name]


def test_the_same_lines_in_another_order_keep_their_states(ledger: Ledger) -> None:
    assert given(ledger, lines("C", "B", "A", "B")) == Correction(new=0, withdrawn=0, returned=0, kept=4)
    assert states(ledger) == [(2, "pending"), (3, "matched"), (4, "not_found"), (5, "matched")]


def test_new_lines_are_added_and_vanished_ones_withdrawn(ledger: Ledger) -> None:
    assert given(ledger, lines("B", "B", "C", "D")) == Correction(new=1, withdrawn=1, returned=0, kept=3)
    assert states(ledger) == [(2, "matched"), (3, "matched"), (4, "pending"), (5, "pending")]
    assert tally(ledger, "withdrawn") == 1


def test_a_withdrawn_row_is_counted_and_not_worked_on(ledger: Ledger) -> None:
    given(ledger, lines("A", "B", "B"))
    with ledger.transaction():
        assert ledger.rows.claim(10) == []
    assert sum(number for (subject, _), number in ledger.tallies().items() if subject == "row") == 4


def test_a_line_that_returns_is_pending_again(ledger: Ledger) -> None:
    given(ledger, lines("B", "B", "C"))
    assert given(ledger, lines("A", "B", "B", "C")) == Correction(new=0, withdrawn=0, returned=1, kept=3)
    assert states(ledger)[0] == (2, "pending")
    assert tally(ledger, "withdrawn") == 0


def test_a_new_line_takes_over_what_came_of_the_same_line_before(ledger: Ledger) -> None:
    given(ledger, lines("A", "B", "B", "C", "A", "B"))
    assert states(ledger)[4:] == [(6, "not_found"), (7, "matched")]


@pytest.mark.parametrize(("missing", "state"), [(0, "done"), (1, "partial")])
def test_a_repeated_line_that_returns_takes_over_what_came_of_its_equal_meanwhile(
    ledger: Ledger, missing: int, state: str
) -> None:
    given(ledger, lines("A", "B", "C"))
    retrieve(ledger, "1.2", missing=missing)
    assert given(ledger, lines("A", "B", "B", "C")).returned == 1
    assert states(ledger) == [(2, "not_found"), (3, state), (4, state), (5, "pending")]


def test_a_line_that_returns_begins_anew_with_what_the_archive_tells_then(ledger: Ledger) -> None:
    with ledger.transaction():
        (row,) = ledger.rows.claim(1)
        found = FoundStudy(study_instance_uid="1.3", promised_count=2)
        ledger.rows.matched(row.id, [found], archive=ARCHIVE, mismatches=0, untold=1)
    retrieve(ledger, "1.3")
    assert states(ledger)[-1] == (5, "partial")
    given(ledger, lines("A", "B", "B"))
    given(ledger, lines("A", "B", "B", "C"))
    with ledger.transaction():
        (row,) = ledger.rows.claim(1)
        ledger.rows.matched(row.id, [found], archive=ARCHIVE, mismatches=0)
    assert states(ledger)[-1] == (5, "done")


def test_studies_that_nothing_asks_for_any_more_are_forgotten(ledger: Ledger) -> None:
    given(ledger, lines("A", "C"))
    assert ledger.studies.by_uid("1.2") is None
    assert tally(ledger, "found", "study") == 0
    assert tally(ledger, "expected", "instance") == 0


def test_one_of_two_equal_lines_may_vanish(ledger: Ledger) -> None:
    given(ledger, lines("A", "B", "C"))
    assert ledger.studies.by_uid("1.2") is not None
    assert Counter(state for _, state in states(ledger)) == {"not_found": 1, "matched": 1, "pending": 1}


def test_a_refused_line_that_is_mended_is_withdrawn_and_asked_for_anew(ledger: Ledger) -> None:
    given(ledger, [*lines("A", "B", "B"), refused(5, "AccessionNumber is empty", ("P5", ""))])
    assert states(ledger)[-1] == (5, "rejected")
    assert given(ledger, lines("A", "B", "B", "D")) == Correction(new=1, withdrawn=1, returned=0, kept=3)
    assert states(ledger)[-1] == (5, "pending")


def test_a_study_that_ends_leaves_a_withdrawn_row_as_it_is(ledger: Ledger) -> None:
    study = ledger.studies.by_uid("1.2")
    assert study is not None
    with ledger.transaction():
        ledger.studies.claim_for_listing(1, archive=ARCHIVE)
    given(ledger, lines("A", "C"))
    with ledger.transaction():
        ledger.rows.settle_study(study.id)
    assert tally(ledger, "withdrawn") == 2


def test_the_ledger_remembers_the_corrected_file(ledger: Ledger) -> None:
    given(ledger, lines("A"))
    record = ledger.record()
    assert record is not None
    assert (record.csv_file, record.csv_digest) == ("corrected.csv", "other")


def test_a_withdrawn_row_forgets_who_was_asked_for_it_and_begins_anew_when_it_returns(ledger: Ledger) -> None:
    (row,) = ledger._connection.execute("SELECT id FROM rows WHERE state = 'pending'").fetchall()
    with ledger.transaction():
        ledger.passing.note("row", row["id"], ARCHIVE, Passed(why=Why.ABSENT, reason=""))
        ledger.rows.pass_on(row["id"], archive=OTHER, waits=True, reason="")
    given(ledger, lines("A", "B", "B"))
    assert ledger.passing.of("row", row["id"]) == {}
    assert not ledger.passing.rows_at(OTHER, last_line=None)
    given(ledger, lines("A", "B", "B", "C"))
    with ledger.transaction():
        assert [claimed.id for claimed in ledger.rows.claim(10)] == [row["id"]]


def test_a_study_that_waits_for_an_archive_is_forgotten_with_all_that_is_known_of_it(ledger: Ledger) -> None:
    study = ledger.studies.by_uid("1.2")
    assert study is not None
    with ledger.transaction():
        ledger.studies.keep_answer(study.id, "", {"StudyDate": "20240105"})
        ledger.passing.note("study", study.id, ARCHIVE, Passed(why=Why.FAILED, reason=""))
        ledger.studies.pass_on(study, archive=OTHER, waits=True, reason="")
    given(ledger, lines("A", "C"))
    assert ledger.studies.by_uid("1.2") is None
    assert not ledger.passing.studies_at(OTHER)
    assert ledger.passing.of("study", study.id) == {}


def test_a_line_that_is_refused_for_another_reason_now_says_so(ledger: Ledger) -> None:
    cells = ("P1", "A*")
    given(ledger, [*lines("A"), refused(3, "the header has 2 columns", cells)])
    given(ledger, [*lines("A"), refused(3, "the header has 3 columns", cells)])
    assert [row["reason"] for row in ledger.report_rows()][1] == "the header has 3 columns"


def test_rows_and_lines_are_paired_by_an_index_of_what_they_ask_for(ledger: Ledger) -> None:
    """Else each of a long list is compared with each, which takes hours."""
    queries = named_queries("niffler_ops.ledger", "correction.sql")
    for name in ("make_given", "make_pairs"):
        ledger._connection.execute(queries[name])
    plan = ledger._connection.execute(f"EXPLAIN QUERY PLAN {queries['pair_by_content']}")
    (searched,) = [row["detail"] for row in plan if row["detail"].startswith("SEARCH")]
    assert "content=?" in searched
