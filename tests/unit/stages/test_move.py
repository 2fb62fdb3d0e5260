"""Lanes: which studies go to which movescu, what its words mean, and what its end costs.

The movescu is a shell script that says what the real one says.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.dicomtools.answerfiles import Match, read_answer_file
from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.errors import ConfigurationError, UnavailableError
from niffler_ops.ledger.studies import MoveOutcome
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.stages import move
from niffler_ops.stages.move import MoveStage, _share
from niffler_ops.states import StudyState
from tests.support.peers import absent, answering
from tests.support.stages import Bench, bench

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts" / "5.22.5"
KEYS: dict[str, Any] = {
    "MoveLanes": 1,
    "BatchSize": 10,
    "IdleTimeout": 100,
    "FirstInstanceTimeout": 1000,
    "QuietTime": 5,
    "RetryDelay": 10,
}
FOUR = ("1.1", "1.2", "1.3", "1.4")
HANGS = "exec sleep 60"


class Moving:
    """A bench with its stage."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.stage = MoveStage(made.place, made.contact, made.progress)

    def advance(self) -> None:
        self.stage.advance(receiving=True)

    def advance_until(self, condition: Callable[[], object]) -> None:
        def met() -> object:
            self.advance()
            return condition()

        self.bench.dispatch_until(met)

    def run(self, script: str, *, seconds: float = 0) -> None:
        """Start what is due with this movescu, and go on until no lane runs and all is concluded."""
        self.bench.script("movescu", script)
        self.bench.clock.pass_time(seconds)
        self.advance()
        self.bench.dispatch_until(lambda: not self.stage.busy, "the end of every lane")

    def dispatch_until_given_back(self, uid: str, attempts: int) -> None:
        self.bench.dispatch_until(lambda: self.bench.study(uid).attempts == attempts, "the refund")

    def begin(self, script: str) -> None:
        """Start what is due, up to the first word that this movescu says."""
        self.bench.script("movescu", f"echo begun\n{script}")
        self.advance()
        self.bench.dispatch_until(
            lambda: all(child.output for child in self.bench.launcher.children), "the movescu"
        )

    def states(self) -> list[str]:
        return list(self.bench.states().values())


@pytest.fixture(params=["an archive that answers"])
def moving(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Moving]:
    with ExitStack() as stack:
        archive = absent() if request.param == "no archive" else stack.enter_context(answering())
        yield Moving(stack.enter_context(bench(tmp_path, archive, **KEYS)))


without_archive = pytest.mark.parametrize("moving", ["no archive"], indirect=True)


def move_once(moving: Moving, uid: str, level: str = "STUDY", status: int = 0) -> None:
    studies = moving.bench.ledger.studies
    with moving.bench.ledger.transaction():
        attempt = studies.begin_move(moving.bench.study(uid), lane=1, level=level)
        studies.end_move(moving.bench.study(uid).id, attempt, MoveOutcome(status=status), grace=0)
        studies.retry(moving.bench.study(uid).id, delay=0, reason="")


def requests(moving: Moving) -> list[Match]:
    """The query files that were kept, in their order."""
    paths = sorted(moving.bench.folder.glob("*.kept"), key=lambda path: int(path.name.split(".")[0]))
    read = [read_answer_file(path) for path in paths]
    return [keys for keys in read if keys is not None]


def keep_queries(moving: Moving) -> str:
    copy = f'cp "$file" "{moving.bench.folder}/${{file##*/}}.kept"'
    return f"for file; do case $file in *.query) {copy};; esac; done\n"


def transcript(name: str) -> str:
    return f"cat {TRANSCRIPTS / name}.txt\n"


def test_a_batch_is_one_movescu_with_a_request_for_each_study(moving: Moving) -> None:
    moving.bench.studies(*FOUR)
    moving.run(keep_queries(moving) + "for n in 1 2 3 4; do response $n 0 'completed=2, '; done")
    assert moving.states() == ["moved"] * 4
    (call,) = moving.bench.calls()
    assert call[call.index("-L") + 1] == "STUDY"
    assert "--not-async" in call
    assert [keys["StudyInstanceUID"] for keys in requests(moving)] == list(FOUR)
    assert moving.bench.attempts() == [(uid, 1) for uid in FOUR]
    study = moving.bench.study("1.1")
    assert (study.last_status, study.last_completed, study.grace) == (0, 2, 100)


def test_no_identifier_stands_in_the_arguments(moving: Moving) -> None:
    moving.bench.studies("1.2.840.113619.2.55.3")
    moving.run("response 1 0")
    assert "1.2.840.113619.2.55.3" not in " ".join(moving.bench.calls()[0])


def test_studies_are_shared_among_the_free_lanes_in_batches(tmp_path: Path) -> None:
    with bench(tmp_path, **KEYS | {"MoveLanes": 3, "BatchSize": 2}) as made:
        moving = Moving(made)
        made.studies(*(f"1.{number}" for number in range(1, 9)))
        moving.begin(HANGS)
        assert moving.states().count("moving") == 6
        assert (
            sorted(len([word for word in call if word.endswith(".query")]) for call in made.calls())
            == [2] * 3
        )
        rows = made.ledger._connection.execute("SELECT lane, count(*) FROM attempts GROUP BY lane")
        assert [tuple(row) for row in rows] == [(1, 2), (2, 2), (3, 2)]


def test_few_studies_are_spread_over_the_lanes(tmp_path: Path) -> None:
    with bench(tmp_path, **KEYS | {"MoveLanes": 2}) as made:
        made.studies(*FOUR)
        Moving(made).begin(HANGS)
        assert [len([word for word in call if word.endswith(".query")]) for call in made.calls()] == [2, 2]


@pytest.mark.parametrize(
    ("studies", "lanes", "free", "share"),
    [
        (100, 2, 2, 50),
        (100, 2, 1, 50),
        (10, 2, 2, 5),
        (10, 2, 1, 10),
        (12, 2, 1, 10),
        (3, 4, 1, 3),
        (1, 4, 4, 1),
    ],
)
def test_a_free_lane_leaves_the_others_theirs_but_for_a_few(
    studies: int, lanes: int, free: int, share: int
) -> None:
    assert _share(studies, lanes, free) == share


def test_what_a_command_line_cannot_hold_is_for_the_next_movescu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "MOST_REQUESTS", 3)
    monkeypatch.setattr(
        MoveStage,
        "_requests",
        lambda _stage, study, _level: [{"StudyInstanceUID": study.study_instance_uid}] * 2,
    )
    with bench(tmp_path, **KEYS | {"MoveLanes": 1}) as made:
        moving = Moving(made)
        made.studies("1.1", "1.2")
        moving.begin(HANGS)
        assert moving.states() == ["moving", "listed"]
        assert len([word for word in made.calls()[0] if word.endswith(".query")]) == 2


def test_nothing_is_asked_for_while_storescp_or_the_archive_is_away(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.stage.advance(receiving=False)
    assert moving.states() == ["listed"]


@without_archive
def test_nothing_is_asked_of_an_archive_that_is_lost(moving: Moving) -> None:
    moving.bench.studies("1.1")
    contact = moving.bench.contact
    contact.ask(contact.lost)
    moving.bench.dispatch_until(lambda: not contact.usable)
    moving.advance()
    assert moving.states() == ["listed"]


def test_what_has_arrived_whole_is_not_asked_for(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2")
    move_once(moving, "1.1")
    moving.bench.receive("1.1", [1, 2])
    moving.run("response 1 0")
    assert moving.bench.study("1.1").asked == 1
    assert moving.bench.study("1.2").asked == 1
    assert moving.states() == ["moved", "moved"]


def test_only_what_is_missing_is_asked_for_again(moving: Moving) -> None:
    moving.bench.studies("1.1", instances=450)
    move_once(moving, "1.1", status=0xB000)
    moving.bench.receive("1.1", [1, 3])
    moving.run(keep_queries(moving) + "for n in 1 2 3; do response $n 0 'completed=149, failed=0, '; done")
    (call,) = moving.bench.calls()
    assert call[call.index("-L") + 1] == "IMAGE"
    asked = [uid for keys in requests(moving) for uid in keys["SOPInstanceUID"].split("\\")]
    assert len(asked) == len(set(asked)) == 448
    assert not {"1.1.1.1", "1.1.1.3"} & set(asked)
    assert {keys["SeriesInstanceUID"] for keys in requests(moving)} == {"1.1.1"}
    study = moving.bench.study("1.1")
    assert (study.state, study.last_status, study.last_completed) == (StudyState.MOVED, 0, 447)


def test_a_study_in_several_requests_is_answered_when_the_last_one_is(moving: Moving) -> None:
    moving.bench.studies("1.1", instances=450)
    move_once(moving, "1.1")
    moving.bench.receive("1.1", [1])
    moving.run("response 1 0\nresponse 2 b000\nresponse 3 0")
    assert moving.bench.study("1.1").last_status == 0xB000
    moving.bench.clock.pass_time(1000)
    with moving.bench.ledger.transaction():
        moving.bench.ledger.studies.retry(moving.bench.study("1.1").id, delay=0, reason="")
    moving.run("response 1 0\nresponse 2 0\nkill -9 $$")
    assert moving.bench.study("1.1").last_status is None


def test_a_study_that_was_refused_at_image_level_is_asked_for_whole(moving: Moving) -> None:
    moving.bench.studies("1.1")
    move_once(moving, "1.1", level="IMAGE", status=0xA900)
    moving.bench.receive("1.1", [1])
    moving.run("response 1 0")
    (call,) = moving.bench.calls()
    assert call[call.index("-L") + 1] == "STUDY"


def want_series(made: Bench, *, told: Sequence[str], instances: int = 2) -> None:
    """A study of which two series are wanted; the archive tells the instances of these."""
    wanted = tuple(FoundSeries(series_instance_uid=uid, promised_count=2) for uid in ("1.1.1", "1.1.2"))
    found = FoundStudy(study_instance_uid="1.1", promised_count=9, series=wanted)
    promise = [(uid, f"{uid}.{number}") for uid in told for number in range(1, instances + 1)]
    with made.ledger.transaction():
        (row,) = made.ledger.rows.claim(1)
        made.ledger.rows.matched(row.id, [found], archive=made.contact.name, mismatches=0)
        (study,) = made.ledger.studies.claim_for_listing(1, archive=made.contact.name)
        made.ledger.instances.promise(study.id, promise)
        made.ledger.studies.listed(study.id, StudyState.LISTING, "uid")


def series_asked(moving: Moving) -> list[str]:
    return [keys["SeriesInstanceUID"] for keys in requests(moving)]


def test_series_are_asked_for_one_by_one(moving: Moving) -> None:
    want_series(moving.bench, told=["1.1.1", "1.1.2"])
    moving.run(keep_queries(moving) + "response 1 0 'completed=2, '\nresponse 2 0 'completed=2, '")
    (call,) = moving.bench.calls()
    assert call[call.index("-L") + 1] == "SERIES"
    assert series_asked(moving) == ["1.1.1", "1.1.2"]
    assert moving.bench.study("1.1").last_completed == 4


def test_a_series_of_which_no_instance_is_known_is_asked_for_without_those_that_are_here(
    moving: Moving,
) -> None:
    want_series(moving.bench, told=["1.1.1"])
    move_once(moving, "1.1", level="SERIES")
    moving.bench.receive("1.1", [1, 2])
    moving.run(keep_queries(moving) + "response 1 0 'completed=2, '")
    (call,) = moving.bench.calls()
    assert call[call.index("-L") + 1] == "SERIES"
    assert series_asked(moving) == ["1.1.2"]
    assert moving.states() == ["moved"]


def test_instances_that_are_known_to_be_missing_come_first(moving: Moving) -> None:
    want_series(moving.bench, told=["1.1.1"])
    move_once(moving, "1.1", level="SERIES")
    moving.bench.receive("1.1", [1])
    moving.run(keep_queries(moving) + "response 1 0 'completed=1, '")
    (call,) = moving.bench.calls()
    assert call[call.index("-L") + 1] == "IMAGE"
    assert [keys["SOPInstanceUID"] for keys in requests(moving)] == ["1.1.1.2"]


def test_levels_are_never_mixed_in_a_batch(tmp_path: Path) -> None:
    with bench(tmp_path, **KEYS | {"MoveLanes": 3}) as made:
        moving = Moving(made)
        made.studies("1.1", "1.2", "1.3")
        for uid in ("1.1", "1.3"):
            move_once(moving, uid)
        made.receive("1.1", [1])
        moving.begin(HANGS)
        levels = sorted(call[call.index("-L") + 1] for call in made.calls())
        assert levels[0] == "IMAGE"
        assert set(levels[1:]) == {"STUDY"}


@pytest.mark.parametrize(
    ("name", "statuses", "graces"),
    [
        ("pynetdicom_movescu_batch_ok", [0, 0, 0], [100, 100, 100]),
        ("pynetdicom_movescu_batch_second_a900", [0, 0xA900, 0], [100, 5, 100]),
        ("pynetdicom_movescu_batch_second_b000", [0, 0xB000, 0], [100, 5, 100]),
        ("pynetdicom_movescu_batch_second_c001", [0, 0xC001, 0], [100, 5, 100]),
    ],
)
def test_each_study_of_a_real_batch_has_its_own_outcome(
    moving: Moving, name: str, statuses: list[int], graces: list[float]
) -> None:
    moving.bench.studies("1.1", "1.2", "1.3")
    moving.run(transcript(name))
    studies = [moving.bench.study(uid) for uid in ("1.1", "1.2", "1.3")]
    assert [study.last_status for study in studies] == statuses
    assert [study.grace for study in studies] == graces
    assert [study.attempts for study in studies] == [1, 1, 1]


@pytest.mark.parametrize(
    "script",
    [
        transcript("pynetdicom_movescu_batch_connection_lost") + "exit 2",
        transcript("pynetdicom_movescu_batch_second_hangs") + "exit 2",
        "response 1 0\nresponse 2 ff00 'remaining=1, completed=1, '\nkill -9 $$",
        "response 1 0\nexit 0",
    ],
)
def test_the_death_of_a_batch_costs_only_the_first_study_without_an_answer(
    moving: Moving, script: str
) -> None:
    moving.bench.studies("1.1", "1.2", "1.3", "1.4")
    moving.run(script)
    moving.bench.dispatch_until(lambda: moving.states() == ["moved", "moved", "listed", "listed"])
    studies = [moving.bench.study(uid) for uid in FOUR]
    assert [study.attempts for study in studies] == [1, 1, 0, 0]
    assert [study.last_status for study in studies[:2]] == [0, None]
    assert moving.bench.attempts() == [("1.1", 1), ("1.2", 1), ("1.3", 0), ("1.4", 0)]


@without_archive
def test_the_death_of_a_batch_costs_nothing_when_the_archive_itself_is_gone(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2")
    moving.run("exit 2")
    moving.dispatch_until_given_back("1.1", 0)
    moving.bench.dispatch_until(lambda: not moving.bench.contact.usable)
    assert [moving.bench.study(uid).attempts for uid in ("1.1", "1.2")] == [0, 0]
    moving.bench.dispatch_until(lambda: moving.bench.attempts() == [("1.1", 0), ("1.2", 0)])


@without_archive
def test_a_study_is_not_judged_before_it_is_known_who_is_to_blame(moving: Moving) -> None:
    """Or the last attempt of a study is spent on an archive that is away."""
    moving.bench.studies("1.1")
    moving.run("exit 2")
    seen = set()

    def refunded() -> bool:
        study = moving.bench.study("1.1")
        seen.add((study.state, study.attempts))
        return study.state is StudyState.MOVED and study.attempts == 0

    moving.bench.dispatch_until(refunded)
    assert (StudyState.MOVED, 1) not in seen


def test_lanes_that_die_follow_each_other_ever_more_slowly(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2", "1.3")
    moving.run("kill -9 $$")
    moving.run("exit 2", seconds=9)
    assert len(moving.bench.calls()) == 1
    moving.run("exit 2", seconds=4)
    moving.run("exit 2", seconds=19)
    assert len(moving.bench.calls()) == 2
    moving.run("response 1 0", seconds=7)
    assert len(moving.bench.calls()) == 3


def test_a_lost_line_does_not_end_the_run(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2")
    moving.run("response 2 0")
    assert moving.states() == ["moved", "moved"]
    assert [moving.bench.study(uid).last_status for uid in ("1.1", "1.2")] == [None, 0]


def test_an_answer_to_what_is_not_asked_yet_undoes_no_turn(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2")
    moving.bench.script("movescu", "response 2 0\nsleep 0.3\nresponse 1 0\nresponse 2 0")
    moving.advance()
    moving.advance_until(lambda: not moving.stage.busy)
    for _ in range(50):  # whoever is asked what is to blame for a lane that ended early answers later
        moving.bench.launcher.dispatch(0.01)
    assert moving.states() == ["moved", "moved"]
    assert moving.bench.attempts() == [("1.1", 1), ("1.2", 1)]


def test_lines_that_are_no_responses_change_nothing(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.run(
        "response 9 0\nresponse 0 0\nprintf '\\377\\376 >> garbage\\n'\n"
        "echo '(0010,0010) PN [x >> 1:C-MOVE-RSP[pcid=1, status=0H] PatientName'\n"
        "echo '1:C-MOVE-RQ[pcid=1'\nkill -9 $$"
    )
    assert moving.bench.study("1.1").last_status is None


def test_a_destination_that_the_archive_does_not_know_is_a_configuration_error_and_costs_nothing(
    moving: Moving,
) -> None:
    moving.bench.studies("1.1", "1.2", "1.3")
    moving.begin("response 1 0\nresponse 2 a801\nexec sleep 60")
    contact = moving.bench.contact
    moving.advance_until(lambda: contact.misconfigured)
    with pytest.raises(ConfigurationError, match=r"QBNIFFLER as a move destination .*port 4243"):
        moving.bench.succession.advance()
    assert moving.states() == ["moved", "listed", "moving"]
    moving.bench.dispatch_until(lambda: not moving.stage.busy)
    assert [moving.bench.study(uid).attempts for uid in ("1.1", "1.2", "1.3")] == [1, 0, 0]


def test_further_refusals_while_stopping_do_not_disturb_the_stop(moving: Moving) -> None:
    moving.bench.studies(*FOUR)
    moving.begin(
        "trap 'response 2 a801; response 3 a801; exit 143' TERM\nresponse 1 a801\n"
        "while :; do sleep 0.02; done"
    )
    contact = moving.bench.contact
    moving.advance_until(lambda: contact.misconfigured)
    moving.bench.dispatch_until(lambda: not moving.stage.busy)
    assert [moving.bench.study(uid).attempts for uid in FOUR] == [0, 0, 0, 0]


def test_stopping_costs_nothing_and_keeps_what_was_answered(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2", "1.3")
    moving.begin("response 1 0\necho answered\nexec sleep 60")
    moving.bench.dispatch_until(lambda: len(next(iter(moving.bench.launcher.children)).output) == 3)
    moving.stage.stop()
    moving.bench.dispatch_until(lambda: not moving.stage.busy)
    assert moving.states() == ["moved", "moved", "listed"]
    assert [moving.bench.study(uid).attempts for uid in ("1.1", "1.2", "1.3")] == [1, 0, 0]


def test_an_archive_that_is_paced_is_not_asked_before_what_it_sent_is_noticed(tmp_path: Path) -> None:
    with bench(tmp_path, **KEYS | {"MaxInstancesPerSecond": 2}) as made:
        moving = Moving(made)
        made.studies("1.1", "1.2", "1.3", instances=15)  # two of them are what 15 s allow
        moving.run("response 1 0; response 2 0", seconds=1)
        moving.advance()
        assert moving.states() == ["moved", "moved", "listed"]
        moving.advance()
        assert len(made.calls()) == 1

        made.clock.pass_time(1)
        made.progress.looked_at = made.clock.monotonic()
        made.progress.received[made.contact.name] = 30
        moving.advance()
        assert len(made.calls()) == 1
        moving.run("response 1 0", seconds=15)
        assert len(made.calls()) == 2


def test_what_another_system_took_with_a_warning_spends_the_limit(tmp_path: Path) -> None:
    with bench(tmp_path, **KEYS | {"MaxInstancesPerSecond": 2, "DestAet": "OTHER"}) as made:
        moving = Moving(made)
        made.studies("1.1", "1.2", "1.3", instances=15)
        warned = "b000 'completed=0, failed=0, warning=15, '"
        moving.run(f"response 1 {warned}; response 2 {warned}", seconds=1)
        moving.advance()
        assert len(made.calls()) == 1


def test_what_an_archive_did_not_send_is_not_waited_for(tmp_path: Path) -> None:
    with bench(tmp_path, **KEYS | {"MaxInstancesPerSecond": 2}) as made:
        moving = Moving(made)
        made.studies("1.1", "1.2", "1.3", instances=15)
        moving.run("response 1 0; response 2 0", seconds=1)
        made.clock.pass_time(1)
        made.progress.looked_at = made.clock.monotonic()
        moving.run("response 1 0")
        assert len(made.calls()) == 2


IGNORES = "trap '' TERM\necho deaf\nwhile :; do sleep 0.02; done"


def watch(moving: Moving, seconds: float) -> bool:
    """Let time pass; whether the movescu still runs and was not signalled."""
    moving.bench.clock.pass_time(seconds)
    moving.advance()
    (lane,) = moving.stage._lanes.values()
    return not lane.hung


def test_a_move_that_never_begins_is_ended_after_the_first_instance_timeout(moving: Moving) -> None:
    moving.bench.studies("1.1", "1.2")
    moving.begin(HANGS)
    assert watch(moving, 999)
    assert not watch(moving, 2)
    moving.bench.dispatch_until(lambda: not moving.stage.busy)
    moving.bench.dispatch_until(lambda: moving.states() == ["moved", "listed"])
    assert [moving.bench.study(uid).attempts for uid in ("1.1", "1.2")] == [1, 0]


def test_a_move_that_has_begun_is_ended_after_the_idle_timeout(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.begin(HANGS)
    assert watch(moving, 500)
    moving.bench.progress.arrived(staging_name("1.1"), 1, moving.bench.clock.monotonic())
    assert watch(moving, 99)
    moving.bench.progress.arrived(staging_name("1.1"), 1, moving.bench.clock.monotonic())
    assert watch(moving, 99)
    assert not watch(moving, 2)


@pytest.mark.parametrize("destination", ["", "OTHER"])
def test_arrivals_count_for_their_archive_where_they_come_to_us(tmp_path: Path, destination: str) -> None:
    with bench(tmp_path, **KEYS, DestAet=destination) as made:
        moving = Moving(made)
        made.studies("1.1")
        moving.begin(HANGS)
        made.progress.arrived(staging_name("1.1"), 1, made.clock.monotonic())
        assert made.progress.received == {"" if destination else made.contact.name: 1}


def test_an_instance_that_grows_is_progress(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.begin(HANGS)
    moving.bench.progress.arrived(staging_name("1.1"), 1, moving.bench.clock.monotonic())
    for size in range(1, 6):
        moving.bench.progress.receiving({"1.part": size}, moving.bench.clock.monotonic())
        assert watch(moving, 99)
    assert not watch(moving, 2)


def test_what_others_go_on_to_send_does_not_hide_a_lane_that_hangs(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.begin(HANGS)
    moving.bench.progress.arrived(staging_name("1.1"), 1, moving.bench.clock.monotonic())
    hangs_after = next(
        turn for turn in range(100) if not watch_beside(moving, f"{turn // 2}.part", size=1 + turn % 2)
    )
    assert 100 < hangs_after * 4 < 120


def watch_beside(moving: Moving, part: str, *, size: int) -> bool:
    moving.bench.progress.receiving({part: size}, moving.bench.clock.monotonic())
    return watch(moving, 4)


@pytest.mark.parametrize(
    ("counters", "limit"), [("remaining=9, completed=0, ", 1000), ("completed=1, ", 100)]
)
def test_a_pending_response_is_progress_and_tells_whether_the_move_has_begun(
    moving: Moving, counters: str, limit: int
) -> None:
    moving.bench.studies("1.1")
    go = moving.bench.folder / "go"
    wait = f"until [ -e {go} ]; do sleep 0.02; done\n"
    moving.begin(f"{wait}response 1 ff00 '{counters}'\necho now\n{HANGS}")
    assert watch(moving, 999)
    go.touch()
    (child,) = moving.bench.launcher.children
    moving.bench.dispatch_until(lambda: "now\n" in child.output)
    assert watch(moving, limit - 1)
    assert not watch(moving, 2)


def test_a_move_that_ignores_being_ended_is_killed(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.begin(IGNORES)
    (child,) = moving.bench.launcher.children
    moving.bench.dispatch_until(lambda: "deaf\n" in child.output)
    assert not watch(moving, 1001)
    assert not watch(moving, 6)
    moving.bench.dispatch_until(lambda: not moving.stage.busy)
    assert child.exit_code == -9


def test_a_release_that_hangs_costs_nothing(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.begin(f"response 1 0\necho said\n{HANGS}")
    (child,) = moving.bench.launcher.children
    moving.bench.dispatch_until(lambda: "said\n" in child.output)
    moving.bench.clock.pass_time(11)
    moving.advance()
    moving.bench.dispatch_until(lambda: not moving.stage.busy)
    assert moving.bench.attempts() == [("1.1", 1)]
    assert moving.bench.study("1.1").last_status == 0
    assert list(moving.bench.layout.logs.iterdir()) == []


def test_a_movescu_that_cannot_run_ends_the_run_and_its_output_is_kept_privately(moving: Moving) -> None:
    moving.bench.studies("1.1")
    with pytest.raises(UnavailableError, match=r"DCM4CHEBin: movescu cannot run .*: Java was not found"):
        moving.run("echo 'java: not found'; exit 127")
    (kept,) = moving.bench.layout.logs.iterdir()
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("java: not found\n", 0o600)


def test_every_launch_is_in_the_ledger(moving: Moving) -> None:
    moving.bench.studies("1.1")
    moving.begin(HANGS)
    (launch,) = moving.bench.ledger.launches.open()
    (child,) = moving.bench.launcher.children
    assert (launch.role, launch.pid) == ("movescu", child.pid)
    assert child.identity is not None
    assert launch.start_ticks == child.identity.start_ticks
    child.kill()
    moving.bench.dispatch_until(lambda: not moving.bench.ledger.launches.open())
