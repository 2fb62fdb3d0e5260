"""After a crash everything stands where work can go on: processes ended, states rewound, files kept."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.errors import StoppedError
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.processes.launcher import Launcher
from niffler_ops.processes.workers import Workers
from niffler_ops.recovery import recover
from niffler_ops.stages.arrivals import Arrivals
from niffler_ops.stages.filing import FilingStage
from niffler_ops.stages.move import MoveStage
from niffler_ops.stages.verify import VerifyStage
from niffler_ops.states import STUDY_REWINDS, StudyState
from tests.support.extractions import GONE, launch
from tests.support.processes import PATIENCE, is_running, run_python, running_python
from tests.support.stages import Bench, bench

WAIT = "import signal; print('ready', flush=True); signal.pause()"
STEPS = list(StudyState)


def bring_to(made: Bench, uid: str, state: StudyState) -> None:
    """Lead a listed study along to a state."""
    study, studies = made.study(uid), made.ledger.studies
    if state in {StudyState.FOUND, StudyState.LISTING}:
        with made.ledger.transaction():
            made.ledger._connection.execute("UPDATE studies SET state = ? WHERE id = ?", (state, study.id))
        return
    if state is StudyState.LISTED:
        return
    if state is StudyState.MOVING:
        with made.ledger.transaction():
            studies.begin_move(study, lane=1, level="STUDY")
        return
    made.move(uid)
    with made.ledger.transaction():
        match state:
            case StudyState.RELISTING:
                studies.relist(study.id)
            case StudyState.FAILED:
                studies.fail(study.id, "")
            case StudyState.VERIFIED | StudyState.DONE | StudyState.PARTIAL:
                outcome = StudyState.DONE if state is StudyState.VERIFIED else state
                studies.decide(study.id, outcome=outcome, verified=None, reason="")
                if state is not StudyState.VERIFIED:
                    studies.filed(study.id)
            case _:
                pass


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """An extraction with a study in every state, named 1.1, 1.2, …, and nothing closed in order."""
    with bench(tmp_path) as made:
        made.studies(*(f"1.{number}" for number in range(1, len(STEPS) + 1)))
        for number, state in enumerate(STEPS, start=1):
            bring_to(made, f"1.{number}", state)
        assert list(made.states().values()) == STEPS
    return tmp_path


def test_every_state_in_flight_is_rewound_as_the_table_says_and_no_other(crashed: Path) -> None:
    with bench(crashed) as made:
        attempts = made.study(f"1.{STEPS.index(StudyState.MOVING) + 1}").attempts
        recover(made.ledger, made.layout, quiet_time=7)
        assert list(made.states().values()) == [STUDY_REWINDS.get(state, state) for state in STEPS]
        moving = made.study(f"1.{STEPS.index(StudyState.MOVING) + 1}")
        assert (attempts, moving.attempts, moving.grace) == (1, 0, 7)
        assert not made.ledger._connection.execute("SELECT 1 FROM attempts WHERE ended_at IS NULL").fetchall()


def test_recovering_twice_changes_nothing_more(crashed: Path) -> None:
    with bench(crashed) as made:
        recover(made.ledger, made.layout, quiet_time=7)
        once = [made.study(uid) for uid in made.states()]
        recover(made.ledger, made.layout, quiet_time=7)
        assert [made.study(uid) for uid in made.states()] == once


def test_rows_that_were_being_asked_for_are_asked_again_at_no_cost(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        with made.ledger.transaction():
            made.ledger.rows.claim(1)
        recover(made.ledger, made.layout, quiet_time=0)
        with made.ledger.transaction():
            assert [row.attempts for row in made.ledger.rows.claim(1)] == [1]


def test_what_was_half_received_or_half_asked_is_removed_and_whole_files_stay(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.studies("1.1")
        made.move("1.1")
        whole = Path(made.stage("1.1", 1).path)
        (made.layout.incoming / "1.2.3.part").write_bytes(b"half")
        request = made.layout.requests / "move-1"
        request.mkdir()
        (request / "1.query").write_bytes(b"identifier")
        recover(made.ledger, made.layout, quiet_time=0)
        assert [path for path in made.layout.incoming.rglob("*") if path.is_file()] == [whole]
        assert list(made.layout.requests.iterdir()) == []
        assert made.layout.requests.stat().st_mode & 0o777 == 0o700


def resume(made: Bench, until: Callable[[VerifyStage], object]) -> None:
    """Recover and let arrivals, verification and filing work."""
    readers = Launcher()
    with ExitStack() as stack:
        workers = Workers(1, readers.post)
        stack.callback(workers.stop)
        recover(made.ledger, made.layout, quiet_time=5)
        arrivals = Arrivals(made.place, workers, made.progress, made.unqueried)
        verify = VerifyStage(made.place, made.progress, made.succession)
        filing = FilingStage(made.place, made.progress)

        def reached() -> object:
            readers.dispatch(0.01)
            made.clock.pass_time(1)
            arrivals.advance()
            verify.advance()
            filing.advance()
            return not filing.busy and until(verify)

        made.dispatch_until(reached, "what is to become of the files in staging")


@pytest.mark.parametrize(
    "state", [StudyState.MOVING, StudyState.MOVED, StudyState.RELISTING, StudyState.VERIFIED]
)
def test_files_that_arrived_whole_are_recorded_again_and_not_fetched_again(
    tmp_path: Path, state: StudyState
) -> None:
    with bench(tmp_path) as made:
        made.studies("1.1")
        if state is StudyState.VERIFIED:
            made.move("1.1")
            made.receive("1.1", [1, 2])
            made.verify("1.1")
        else:
            bring_to(made, "1.1", state)
            made.receive("1.1", [1, 2])
    with bench(tmp_path) as made:
        resume(made, lambda _verify: made.states() == {"1.1": "done"})
        assert len(made.tree()) == 2
        assert made.study("1.1").asked == 1
        assert list(made.layout.unexpected.iterdir()) == []


def test_files_that_did_not_survive_are_fetched_again_and_only_they(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.studies("1.1", instances=3)
        made.move("1.1", status=0xC000)
        made.receive("1.1", [1, 2, 3])
        made.layout.staged(staging_name("1.1"), staging_name("1.1.1.1")).unlink()
        lost = made.layout.staged(staging_name("1.1"), staging_name("1.1.1.2"))
        lost.write_bytes(lost.read_bytes()[:100])  # as after a power failure
    with bench(tmp_path) as made:
        resume(made, lambda verify: verify.to_relist)
        assert made.ledger.instances.missing(made.study("1.1").id) == ["1.1.1.1", "1.1.1.2"]
        assert (made.study("1.1").received, made.states()) == (1, {"1.1": "moved"})
        with made.ledger.transaction():
            made.ledger.studies.retry(made.study("1.1").id, delay=0, reason="")
        made.script("movescu", "exec sleep 60")
        stage = MoveStage(made.place, made.contact, made.progress)
        stage.advance(receiving=True)
        made.dispatch_until(made.calls)
        stage.stop()
        made.dispatch_until(lambda: not stage.busy)
        (call,) = made.calls()
        assert call[call.index("-L") + 1] == "IMAGE"


@pytest.mark.parametrize("promised_by", ["none", "count"])
def test_what_is_known_to_be_lost_is_not_forgotten_where_no_uid_was_promised(
    tmp_path: Path, promised_by: str
) -> None:
    with bench(tmp_path) as made:
        made.studies("1.1")
        with made.ledger.transaction():
            made.ledger.instances.promise(made.study("1.1").id, [])
            made.ledger._connection.execute(
                "UPDATE studies SET promised_by = ?, promised_count = ?, expected = 0",
                (promised_by, 1 if promised_by == "count" else None),
            )
        made.move("1.1")
        made.receive("1.1", [1, 2])
        made.layout.staged(staging_name("1.1"), staging_name("1.1.1.1")).unlink()
    with bench(tmp_path) as made:
        resume(made, lambda _verify: made.states() != {"1.1": "moved"})
        study = made.study("1.1")
        assert (study.state, study.expected, study.received) == (StudyState.LISTED, 2, 1)


def test_processes_of_the_ledger_that_still_run_are_ended_and_no_others(tmp_path: Path) -> None:
    with bench(tmp_path) as made, running_python(WAIT) as ours, running_python(WAIT) as other:
        identity = identify(ours.pid)
        assert identity is not None
        launch(made.ledger, "storescp", identity)
        launch(made.ledger, "movescu", GONE)
        reused = identify(other.pid)
        assert reused is not None
        launch(made.ledger, "findscu", Identity(pid=other.pid, start_ticks=1, boot_id=reused.boot_id))
        with made.ledger.transaction():
            made.ledger.launches.intend("movescu", ["never launched"])
        recover(made.ledger, made.layout, quiet_time=0)
        assert ours.wait(PATIENCE) < 0
        assert is_running(other.pid)
        assert made.ledger.launches.open() == []


def test_a_process_that_cannot_be_ended_is_named_and_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path) as made, running_python(WAIT) as foreign:
        identity = identify(foreign.pid)
        assert identity is not None
        launch(made.ledger, "storescp", identity)
        monkeypatch.setattr("niffler_ops.recovery.end_leftovers", list)
        with pytest.raises(StoppedError, match=rf"storescp \(pid {foreign.pid}\).*kill -9 PID"):
            recover(made.ledger, made.layout, quiet_time=0)
        assert len(made.ledger.launches.open()) == 1


RECOVER = """
    import sys
    from pathlib import Path
    from niffler_ops.layout import Layout
    from niffler_ops.ledger.store import Ledger
    from niffler_ops.recovery import recover
    layout = Layout(Path(sys.argv[1]) / "storage")
    recover(Ledger.open(layout.ledger), layout, quiet_time=7)
"""


@pytest.mark.parametrize(
    "failpoint", ["commit-before:1", "commit-after:1", "commit-before:2", "commit-after:2"]
)
def test_a_recovery_that_is_killed_is_completed_by_the_next(crashed: Path, failpoint: str) -> None:
    assert run_python(RECOVER, crashed, NIFFLER_FAILPOINT=failpoint).returncode < 0
    assert run_python(RECOVER, crashed).returncode == 0
    with bench(crashed) as made:
        assert list(made.states().values()) == [STUDY_REWINDS.get(state, state) for state in STEPS]
        assert made.study(f"1.{STEPS.index(StudyState.MOVING) + 1}").attempts == 0
