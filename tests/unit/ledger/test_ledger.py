"""The ledger refuses what the tables of states do not allow, and remembers what it was told."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops import ledger as ledger_package
from niffler_ops.database import connect, migrate, named_queries
from niffler_ops.errors import LedgerConflictError
from niffler_ops.ledger.page import query
from niffler_ops.ledger.reading import MIGRATIONS
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import CsvRow
from niffler_ops.states import StudyState
from tests.support.clock import FakeClock
from tests.support.extractions import (
    ARCHIVE,
    asked,
    make_ledger,
    match,
    move,
    receive,
    refused,
    studies_of_row,
)

QUERIES = named_queries("niffler_ops.ledger", "queries.sql")
# Read once in a command, for a report, or with an index that only the values can choose.
SCANS = {
    "answered_series",
    "answered_studies",
    "seconds_of_moves",
    "studies_without_count",
    "report_rows",
    "studies_with_arrivals",
    "tallies",
    "shown_processes",
    "rows_to_take_up",
    "forget_unavailable",
}
BOUNDED = re.compile(r"INDEX|CONSTANT ROW|\(subquery")  # the last: of a query with a limit


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    """Two rows of two studies each, one study in both; a third row with the keys of the first."""
    made = make_ledger(
        tmp_path, [asked(2, "A"), asked(3, "B"), asked(4, "A"), refused(5, "empty")], clock=clock
    )
    with closing(made):
        yield made


@pytest.fixture
def study(ledger: Ledger) -> Study:
    match(ledger, {2: ["1.1", "1.2"], 3: ["1.2"]})
    found = ledger.studies.by_uid("1.1")
    assert found is not None
    return found


def rows(ledger: Ledger) -> dict[int, str]:
    return {row["line"]: row["state"] for row in ledger.report_rows()}


def finish(ledger: Ledger, uid: str, outcome: StudyState = StudyState.DONE) -> None:
    study = move(ledger, uid)
    receive(ledger, study, 2)
    with ledger.transaction():
        ledger.studies.decide(study.id, outcome=outcome, verified="by_uid", reason="")
        ledger.studies.filed(study.id)


@pytest.mark.parametrize(
    "step",
    [
        lambda studies, study: studies.retry(study.id, delay=0, reason=""),
        lambda studies, study: studies.relist(study.id),
        lambda studies, study: studies.fail(study.id, ""),
        lambda studies, study: studies.skip_move(study.id),
        lambda studies, study: studies.begin_move(study, lane=1, level="STUDY"),
        lambda studies, study: studies.give_back(study.id, 1, ""),
        lambda studies, study: studies.end_move(study.id, 1, MoveOutcome(status=0), grace=0),
        lambda studies, study: studies.filed(study.id),
        lambda studies, study: studies.unfile(study.id, grace=0, reason=""),
        lambda studies, study: studies.decide(study.id, outcome="done", verified="by_uid", reason=""),
    ],
)
def test_a_step_from_another_state_is_refused_and_leaves_no_trace(
    ledger: Ledger, study: Study, step: Callable[..., object]
) -> None:
    with ledger.transaction():
        ledger.studies.claim_for_listing(1, archive=ARCHIVE)
    before, tallies = ledger.studies.get(study.id), ledger.tallies()
    with pytest.raises(LedgerConflictError), ledger.transaction():
        step(ledger.studies, study)
    assert (ledger.studies.get(study.id), ledger.tallies()) == (before, tallies)


def test_a_transition_that_no_table_lists_is_refused(ledger: Ledger, study: Study) -> None:
    with pytest.raises(ValueError, match="from found to moving"), ledger.transaction():
        ledger.studies._transition(study.id, StudyState.FOUND, StudyState.MOVING)


def test_a_row_is_claimed_once(ledger: Ledger) -> None:
    with ledger.transaction():
        first = ledger.rows.claim(10)
        assert ledger.rows.claim(10) == []
    assert [(row.line, row.keys, row.attempts) for row in first] == [
        (2, {"AccessionNumber": "A"}, 1),
        (3, {"AccessionNumber": "B"}, 1),
    ]
    with pytest.raises(LedgerConflictError), ledger.transaction():
        ledger.rows.not_found(first[0].id + 2, "")


def test_what_a_transaction_did_is_gone_when_it_fails(ledger: Ledger) -> None:
    def end_twice() -> None:
        with ledger.transaction():
            claimed = ledger.rows.claim(10)
            ledger.rows.not_found(claimed[0].id, "nothing")
            ledger.rows.not_found(claimed[0].id, "nothing")

    with pytest.raises(LedgerConflictError):
        end_twice()
    assert rows(ledger) == {2: "pending", 3: "pending", 4: "pending", 5: "rejected"}


def test_equal_rows_are_asked_once_and_end_alike(ledger: Ledger) -> None:
    match(ledger, {3: ["1.1"]}, mismatches=2)
    assert rows(ledger) == {2: "not_found", 3: "matched", 4: "not_found", 5: "rejected"}
    with ledger.transaction():
        assert ledger.rows.take_up() == 2
        assert [row.line for row in ledger.rows.claim(10)] == [2]


def test_equal_rows_have_the_same_studies_and_each_its_own_state(ledger: Ledger, study: Study) -> None:
    finish(ledger, "1.1")
    assert rows(ledger)[2] == rows(ledger)[4] == "matched"
    finish(ledger, "1.2", StudyState.PARTIAL)
    assert rows(ledger) == {2: "partial", 3: "partial", 4: "partial", 5: "rejected"}
    assert study.id in {found.id for found in studies_of_row(ledger, 3)}


def test_keys_are_equal_whatever_their_order(tmp_path: Path) -> None:
    one = CsvRow(line=2, values=(), keys={"PatientID": "P", "AccessionNumber": "ä"})
    two = CsvRow(line=3, values=(), keys={"AccessionNumber": "ä", "PatientID": "P"})
    with closing(make_ledger(tmp_path, [one, two])) as ledger, ledger.transaction():
        claimed = ledger.rows.claim(10)
    assert [(row.line, dict(row.keys)) for row in claimed] == [(2, dict(one.keys))]


def test_a_row_that_matches_finished_studies_is_at_its_end_at_once(ledger: Ledger) -> None:
    with ledger.transaction():
        first, second = ledger.rows.claim(2)
        found = [FoundStudy(study_instance_uid="1.1", promised_count=2)]
        ledger.rows.matched(first.id, found, archive=ARCHIVE, mismatches=0)
    finish(ledger, "1.1")
    with ledger.transaction():
        ledger.rows.matched(second.id, found, archive=ARCHIVE, mismatches=0)
    assert rows(ledger) == {2: "done", 3: "done", 4: "done", 5: "rejected"}
    assert not ledger.open_work()


def test_a_row_is_asked_again_only_after_its_delay(ledger: Ledger, clock: FakeClock) -> None:
    with ledger.transaction():
        first, second = ledger.rows.claim(2)
        ledger.rows.ask_again(first.id, delay=10, charged=True, reason="lost")
        ledger.rows.ask_again(second.id, delay=0, charged=False, reason="behind it")
        assert [(row.line, row.attempts) for row in ledger.rows.claim(2)] == [(3, 1)]
    clock.pass_time(9.9)
    with ledger.transaction():
        assert ledger.rows.claim(2) == []
    clock.pass_time(0.2)
    with ledger.transaction():
        assert [(row.line, row.attempts) for row in ledger.rows.claim(2)] == [(2, 2)]


def test_a_study_is_retrieved_again_only_after_its_delay(
    ledger: Ledger, study: Study, clock: FakeClock
) -> None:
    move(ledger, study.study_instance_uid)
    with ledger.transaction():
        ledger.studies.retry(study.id, delay=10, reason="short")
    assert ledger.studies.due_for_move(10, archive=ARCHIVE) == []
    clock.pass_time(10.1)
    assert [due.id for due in ledger.studies.due_for_move(10, archive=ARCHIVE)] == [study.id]


def test_what_is_given_back_or_refunded_costs_no_attempt(ledger: Ledger, study: Study) -> None:
    move(ledger, study.study_instance_uid)
    with ledger.transaction():
        ledger.studies.retry(study.id, delay=0, reason="")
        attempt = ledger.studies.begin_move(ledger.studies.get(study.id), lane=1, level="STUDY")
        ledger.studies.give_back(study.id, attempt, "the lane died")
        given_back = ledger.studies.get(study.id)
        again = ledger.studies.begin_move(given_back, lane=1, level="STUDY")
        ledger.studies.end_move(study.id, again, MoveOutcome(status=None), grace=0)
        charged = ledger.studies.get(study.id)
        ledger.studies.refund(study.id, again)
    refunded = ledger.studies.get(study.id)
    assert [one.attempts for one in (given_back, charged, refunded)] == [1, 2, 1]
    assert refunded.asked == 3


def test_a_new_promise_replaces_the_old_one_and_keeps_what_came(ledger: Ledger, study: Study) -> None:
    move(ledger, study.study_instance_uid)  # promises 1.1.1.0 and 1.1.1.1
    receive(ledger, study, 1)
    with ledger.transaction():
        ledger.instances.promise(study.id, [("1.1.1", "1.1.1.7"), ("1.1.1", "1.1.1.8"), ("1.1.2", "1.1.1.8")])
        ledger.studies.recount([study.id])
    now = ledger.studies.get(study.id)
    assert (now.expected, now.received, now.surplus) == (2, 0, 1)
    assert ledger.instances.missing(study.id) == ["1.1.1.7", "1.1.1.8"]
    assert {file.sop_instance_uid: file.state for file in ledger.instances.of_study(study.id)} == {
        "1.1.1.0": "received",
        "1.1.1.7": "awaited",
        "1.1.1.8": "awaited",
    }


def test_an_instance_that_came_and_was_lost_is_expected_even_where_nothing_is_promised(
    ledger: Ledger,
) -> None:
    with ledger.transaction():
        row = ledger.rows.claim(1)[0]
        untold = FoundStudy(study_instance_uid="1.1", promised_count=None)
        ledger.rows.matched(row.id, [untold], archive=ARCHIVE, mismatches=0)
        study = ledger.studies.claim_for_listing(1, archive=ARCHIVE)[0]
        ledger.studies.listed(study.id, StudyState.LISTING, "none")
    receive(ledger, study, 2)
    with ledger.transaction():
        ledger.instances.set_state(study.id, "1.1.1.0", "awaited")
        ledger.studies.recount([study.id])
    now = ledger.studies.get(study.id)
    assert (now.expected, now.received) == (2, 1)


def test_recovery_lets_a_crash_cost_nothing(ledger: Ledger, study: Study) -> None:
    move(ledger, "1.1")
    receive(ledger, study, 2)
    with ledger.transaction():
        ledger.studies.retry(study.id, delay=0, reason="")
        ledger.studies.begin_move(ledger.studies.get(study.id), lane=1, level="STUDY")
        ledger.studies.claim_for_listing(1, archive=ARCHIVE)
        assert ledger.studies.rewind(grace=7) == 2
        assert ledger.studies.reread() == 1
    moved, found = ledger.studies.get(study.id), ledger.studies.by_uid("1.2")
    assert found is not None
    assert (moved.state, moved.attempts, moved.grace, moved.received) == (StudyState.MOVED, 1, 7, 0)
    assert (found.state, found.listings) == (StudyState.FOUND, 0)


def test_taking_up_again_forgets_attempts_but_not_files(ledger: Ledger, study: Study) -> None:
    finish(ledger, "1.1", StudyState.PARTIAL)
    finish(ledger, "1.2")
    assert rows(ledger)[2] == "partial"
    with ledger.transaction():
        assert ledger.studies.take_up() == 1
        ledger.rows.take_up()
    again = ledger.studies.get(study.id)
    assert (again.state, again.attempts, again.outcome, again.verified) == (StudyState.FOUND, 0, None, None)
    assert again.received == 2
    assert rows(ledger) == {2: "matched", 3: "done", 4: "matched", 5: "rejected"}


def test_only_the_record_of_a_complete_import_exists(tmp_path: Path) -> None:
    def broken() -> Iterator[CsvRow]:
        yield asked(2)
        raise OSError("the CSV vanished")

    with pytest.raises(OSError, match="vanished"):
        make_ledger(tmp_path, broken())
    with closing(make_ledger(tmp_path, [asked(2)])) as ledger:
        record = ledger.record()
        assert record is not None
        assert record.imported
        assert rows(ledger) == {2: "pending"}


def test_a_launch_is_known_from_its_intent_to_its_end(ledger: Ledger) -> None:
    with ledger.transaction():
        token = ledger.launches.intend("storescp", ["storescp", "-b", "A:1"])
    assert [(launch.token, launch.command, launch.pid) for launch in ledger.launches.open()] == [
        (token, ("storescp", "-b", "A:1"), None)
    ]
    with ledger.transaction():
        ledger.launches.launched(token, pid=7, start_ticks=8, boot_id="9")
    with pytest.raises(LedgerConflictError), ledger.transaction():
        ledger.launches.launched(token, pid=8, start_ticks=8, boot_id="9")
    with ledger.transaction():
        ledger.launches.ended(token, -9)
        ledger.launches.ended(token, 0)  # the first word counts
    assert ledger.launches.open() == []


def extraction_events(ledger: Ledger) -> list[tuple[str, str, str]]:
    found = ledger._connection.execute(
        "SELECT from_state, to_state, reason FROM events WHERE subject = 'extraction' ORDER BY id"
    )
    return [tuple(row) for row in found]


def test_a_pause_and_each_change_of_its_cause_is_an_event_with_the_reason(ledger: Ledger) -> None:
    for step in (
        ledger.run_started,
        lambda: ledger.pause("the disk is full", until=None),
        lambda: ledger.pause("the disk is full", until=None),
        lambda: ledger.pause("it is day", until=None),
        ledger.go_on,
        lambda: ledger.run_ended("finished"),
    ):
        with ledger.transaction():
            step()
    assert extraction_events(ledger) == [
        ("stopped", "running", ""),
        ("running", "paused", "the disk is full"),
        ("paused", "paused", "it is day"),
        ("paused", "running", ""),
        ("running", "finished", ""),
    ]


def test_what_a_run_is_asked_is_an_event_that_leaves_its_state_as_it_is(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.run_started()
        ledger.asked("niffler-status asked to stop")
    assert extraction_events(ledger)[-1] == ("running", "running", "niffler-status asked to stop")
    assert [row["state"] for row in query(ledger, "turns", after=0, up_to=ledger.last_event())] == ["running"]


@pytest.fixture
def schema(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "schema.sqlite")) as connection:
        migrate(connection, MIGRATIONS)
        yield connection


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    names = dict.fromkeys(re.findall(r":([a-z_0-9]+)", statement))
    parameters = names or (None,) * statement.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_fits_the_schema_and_none_looks_at_all_rows(
    schema: sqlite3.Connection, name: str
) -> None:
    steps = plan(schema, QUERIES[name])
    scans = {step for step in steps if step.startswith("SCAN") and not BOUNDED.search(step)}
    assert not scans or name in SCANS


def test_every_query_has_a_name_of_its_own_and_is_used() -> None:
    folder = Path(ledger_package.__file__).parent
    text = (folder / "queries.sql").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    assert text.count("-- name:") == len(QUERIES)
    assert [name for name in QUERIES if f'"{name}"' not in code] == []
