"""What arrives for a row that is retrieved by its keys."""

from dataclasses import replace
from pathlib import Path

import pytest

from niffler_ops.errors import ConfigurationError
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.gate import Pause
from niffler_ops.stages.unqueried import Retrieve, UnqueriedStage
from tests.support.peers import answering
from tests.support.stages import Bench, bench


@pytest.mark.parametrize(
    ("uid", "taken"), [("1.2.3", True), ("1.2.\xe9", False), ("1.2\\9.9", False), ("1.2\t", False)]
)
def test_only_what_can_be_asked_for_again_is_taken_for_the_rows(
    tmp_path: Path, uid: str, *, taken: bool
) -> None:
    with bench(tmp_path) as made:
        stage = made.unqueried
        with made.ledger.transaction():
            (row,) = made.ledger.rows.claim(1)
        stage._current = Retrieve(row=row, contact=made.contact, begun=0.0, progress_at=0.0)
        file = made.stage("1.2.3", 1, **row.keys)
        found = {"study_instance_uid": uid, "attributes": {**file.attributes, **row.keys}}
        with made.ledger.transaction():
            study = stage.adopt(
                type(file)(**{name: getattr(file, name) for name in file.__slots__} | found), None
            )
        assert (study is not None) is taken


def run_out(made: Bench, stage: UnqueriedStage) -> None:
    """Let what runs come to its end and be concluded."""
    current = stage._current
    assert current is not None
    made.dispatch_until(lambda: current.child is None and current.ended is not None, "the end of movescu")
    made.clock.pass_time(1000)
    stage.advance(receiving=True)


def row_of(made: Bench) -> tuple[str, int, int]:
    """State, attempts and untold studies of the only row."""
    row = made.ledger._connection.execute("SELECT state, attempts, untold FROM rows").fetchone()
    return row["state"], row["attempts"], row["untold"]


def begin(made: Bench) -> UnqueriedStage:
    """Have the only row retrieved without a query."""
    with made.ledger.transaction():
        (row,) = made.ledger.rows.claim(1)
        made.ledger.rows.retrieve_unqueried(row.id, "refused")
    stage = made.unqueried
    stage.advance(receiving=True)
    return stage


def arrive(made: Bench, stage: UnqueriedStage, uid: str, known: Study | None = None) -> None:
    """An instance of what the row asks for."""
    assert stage._current is not None
    keys = stage._current.row.keys
    file = made.stage(uid, 1, **keys)
    with made.ledger.transaction():
        assert stage.adopt(replace(file, attributes={**file.attributes, **keys}), known) is not None


def test_a_pause_ends_it_and_costs_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, RetrieveWithoutQuery=True) as made:
        made.script("movescu", "exec sleep 60")
        stage = begin(made)
        arrive(made, stage, "1.2.3")
        made.place.gate.pause = Pause(reason="full", until=None, at_once=True)
        stage.advance(receiving=True)
        run_out(made, stage)
        assert row_of(made) == ("pending", 0, 0)
        assert made.attempts() == [("1.2.3", 0)]
        stage.advance(receiving=True)
        assert len(made.calls()) == 1
        made.place.gate.pause = None
        stage.advance(receiving=True)
        made.dispatch_until(lambda: len(made.calls()) == 2, "another movescu")


def test_what_was_cut_off_is_retrieved_again_and_then_not_called_all(tmp_path: Path) -> None:
    with answering() as archive, bench(tmp_path, archive, RetrieveWithoutQuery=True, MaxAttempts=2) as made:
        made.script("movescu", "sleep 0.3; exit 2")
        stage = begin(made)
        arrive(made, stage, "1.2.3")
        run_out(made, stage)
        assert row_of(made) == ("pending", 1, 0)
        made.clock.pass_time(1000)
        stage.advance(receiving=True)
        arrive(made, stage, "1.2.3", made.study("1.2.3"))
        run_out(made, stage)
        assert row_of(made) == ("matched", 2, 1)


@pytest.mark.parametrize("ends_first", [True, False])
def test_a_row_that_an_earlier_try_gave_a_study_is_partial_at_best(
    tmp_path: Path, *, ends_first: bool
) -> None:
    with answering() as archive, bench(tmp_path, archive, RetrieveWithoutQuery=True, MaxAttempts=2) as made:
        made.script("movescu", "sleep 0.3; exit 2")
        stage = begin(made)
        arrive(made, stage, "1.2.3")
        run_out(made, stage)
        with made.ledger.transaction():
            made.ledger.studies.retry(made.study("1.2.3").id, delay=0, reason="")

        def retrieve_the_study() -> None:
            made.move("1.2.3")
            made.receive("1.2.3", [1])
            made.verify("1.2.3")
            with made.ledger.transaction():
                made.ledger.studies.filed(made.study("1.2.3").id)

        if ends_first:
            retrieve_the_study()
        made.clock.pass_time(1000)
        stage.advance(receiving=True)
        run_out(made, stage)
        if not ends_first:
            assert row_of(made) == ("matched", 2, 1)
            retrieve_the_study()
        assert row_of(made) == ("partial", 2, 1)
        with made.ledger.transaction():
            assert made.ledger.rows.take_up() == 1


def test_an_archive_that_is_away_costs_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, RetrieveWithoutQuery=True) as made:
        made.script("movescu", "echo 'java.net.ConnectException: Connection refused'; exit 2")
        stage = begin(made)
        run_out(made, stage)
        assert row_of(made) == ("pending", 0, 0)
        assert not made.contact.usable
        stage.advance(receiving=True)
        assert len(made.calls()) == 1


def test_nothing_is_charged_while_storescp_is_away(tmp_path: Path) -> None:
    with answering() as archive, bench(tmp_path, archive, RetrieveWithoutQuery=True) as made:
        made.script("movescu", "response 1 0; exit 0")
        stage = begin(made)
        made.progress.receiver_gone(made.clock.monotonic())
        run_out(made, stage)
        assert row_of(made) == ("pending", 0, 0)


def test_an_archive_that_does_not_know_our_ae_title_ends_the_run(tmp_path: Path) -> None:
    with answering() as archive, bench(tmp_path, archive, RetrieveWithoutQuery=True) as made:
        made.script("movescu", "response 1 a801; exit 0")
        stage = begin(made)
        run_out(made, stage)
        assert row_of(made) == ("pending", 0, 0)
        with pytest.raises(ConfigurationError, match="QBNIFFLER as a move destination"):
            made.succession.advance()


def test_a_row_that_is_answered_does_not_wait_for_what_others_go_on_to_send(tmp_path: Path) -> None:
    with bench(tmp_path, RetrieveWithoutQuery=True, IdleTimeout=10) as made:
        made.script("movescu", "response 1 0; exit 0")
        stage = begin(made)
        arrive(made, stage, "1.2.3")
        made.dispatch_until(lambda: not made.launcher.children, "the end of movescu")
        for number in range(10):
            made.clock.pass_time(4)
            made.progress.receiving({f"{number}.part": 1}, made.clock.monotonic())
            stage.advance(receiving=True)
        assert row_of(made)[0] == "matched"


def test_no_row_beyond_the_last_line_is_retrieved(tmp_path: Path) -> None:
    with bench(tmp_path, lines=2) as made, made.ledger.transaction():
        first, second = made.ledger.rows.claim(2)
        made.ledger.rows.not_found(first.id, "")
        made.ledger.rows.retrieve_unqueried(second.id, "refused")
        assert made.ledger.rows.claim_unqueried(archive="", last_line=2) is None
        assert made.ledger.rows.claim_unqueried(archive="", last_line=3) is not None


def test_a_row_is_retrieved_when_the_archive_may_be_asked_for_more(tmp_path: Path) -> None:
    with bench(tmp_path, RetrieveWithoutQuery=True, MaxInstancesPerSecond=2) as made:
        made.script("movescu", "exec sleep 60")
        load = made.contact.load
        load.observe(0, 0)
        load.observe(40, 0)  # of 30 that were saved up
        stage = begin(made)
        made.clock.pass_time(12)
        load.observe(40, 0)
        stage.advance(receiving=True)
        assert made.calls() == []
        made.clock.pass_time(2)
        load.observe(40, 0)
        stage.advance(receiving=True)
        made.dispatch_until(made.calls, "the movescu")
        made.progress.arrived("folder", 3, made.clock.monotonic())
        assert made.progress.received[made.contact.name] == 3
        made.progress.read("folder", 3)
        made.launcher.children.copy().pop().terminate()
        run_out(made, stage)
        made.progress.arrived("folder", 1, made.clock.monotonic())
        assert made.progress.received[made.contact.name] == 3
