"""Which studies the post-processors are given and when, and what their answers cost.

The worker is a shell script that notes its jobs and answers what it is told to.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.errors import CannotWriteError, StoppedError
from niffler_ops.ledger.handovers import Handover
from niffler_ops.postprocess.configured import settings_of
from niffler_ops.stages import tools
from niffler_ops.stages.filing import FilingStage
from niffler_ops.stages.gate import Pause
from niffler_ops.stages.handover import HandoverStage
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

KEYS: dict[str, Any] = {"PostWorkers": 2, "PostTimeout": 1000, "RetryDelay": 10}
PNG, METADATA = "png", "metadata"
HEADER = """
answer() {
    echo "{\\"job\\": $n, \\"verdict\\": \\"$1\\", \\"reason\\": \\"$2\\", \\"files\\": 2, \\"held\\": 1}"
}
tell() { printf '%s\\n' "$(cat "$1")" >> JOBS; }
n=0
for job; do
n=$((n + 1))
tell "$job"
"""
DOES = "answer done"
NOT_NOW = "answer later 'the store is away'"
FAILS = "answer failed 'it cannot'"
DIES = "kill -KILL $$"
HANGS = "exec sleep 60"
NO_ROOM = Pause(reason="the disk is full", until=None, at_once=True)
BY_DAY = Pause(reason="NightlyOnly", until=None, at_once=False)


class Handing:
    """A bench with its stage, and workers that do what `script` says for each job."""

    def __init__(self, made: Bench, *processors: str) -> None:
        self.bench = made
        self.jobs_file = made.folder / "jobs"
        with made.ledger.transaction():
            made.ledger.handovers.adopt({processor: {} for processor in processors})
        self.settings = settings_of(made.place.config, made.layout)
        self.stage = HandoverStage(made.place, self.settings)
        self.answers(DOES)

    def renew(self) -> None:
        """The stage as the next run has it."""
        self.stage = HandoverStage(self.bench.place, self.settings)

    def is_open(self) -> bool:
        return self.stage.is_open

    def is_open_anew(self) -> bool:
        """Whether the next run has anything to do."""
        self.renew()
        return self.is_open()

    def answers(self, script: str) -> None:
        """What the next workers do for each job: $n is its number, "$job" its file."""
        text = HEADER.replace("JOBS", str(self.jobs_file)) + script + "\ndone\n"
        self.bench.script("worker", text)

    def study(self, *uids: str, outcome: StudyState = StudyState.DONE) -> None:
        """Let studies of two instances be retrieved and filed."""
        self.bench.studies(*uids)
        for uid in uids:
            self.bench.move(uid)
            self.bench.receive(uid, [1, 2])
            self.bench.verify(uid, outcome)
        filing = FilingStage(self.bench.place, self.bench.progress)
        filing.advance()
        self.bench.dispatch_until(lambda: not filing.busy, "the end of filing")

    def advance(self, *, alone: bool = False, seconds: float = 0) -> None:
        """One turn, and wait until no worker runs."""
        self.bench.clock.pass_time(seconds)
        self.stage.advance(alone=alone)
        self.quiet()

    def quiet(self) -> None:
        self.bench.dispatch_until(lambda: not self.bench.launcher.children, "the end of the workers")

    def until(self, condition: Callable[[], object]) -> None:
        self.bench.dispatch_until(condition)

    def jobs(self) -> list[dict[str, Any]]:
        """What workers were given so far, in the order in which they came to it."""
        lines = self.jobs_file.read_text().splitlines() if self.jobs_file.exists() else []
        return [json.loads(line) for line in lines]

    def given(self) -> list[str]:
        """By which post-processor the jobs so far were done."""
        return [job["processor"] for job in self.jobs()]

    def states(self, processor: str = PNG) -> dict[str, int]:
        tallies = self.bench.ledger.tallies().items()
        return {
            name: number for (subject, name), number in tallies if subject == f"post {processor}" and number
        }


Make = Callable[..., Handing]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a bench for these post-processors."""
    with ExitStack() as stack:

        def handing(*processors: str, **keys: object) -> Handing:
            made = stack.enter_context(bench(tmp_path, lines=4, PostProcessors=[*processors], **KEYS | keys))
            monkeypatch.setattr(
                tools, "worker_command", lambda job_files: (str(tmp_path / "worker"), *map(str, job_files))
            )
            return Handing(made, *processors)

        yield handing


@pytest.fixture
def pictures(make: Make) -> Handing:
    """With `png` alone."""
    return make(PNG)


def test_a_study_is_handed_over_with_its_filed_files(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.advance()
    (job,) = pictures.jobs()
    root = pictures.bench.layout.storage_folder
    assert job["name"] == staging_name("1.1")
    assert job["files"] == [f"{root}/P1/1.1/1.1.1/1.1.1.{n}.dcm" for n in (1, 2)]
    assert all(Path(file).is_file() for file in job["files"])
    assert pictures.states() == {"done": 1, "files": 2, "held": 1}


def test_a_partial_study_is_not_handed_over(pictures: Handing) -> None:
    pictures.study("1.1", outcome=StudyState.PARTIAL)
    pictures.advance(alone=True)
    assert pictures.jobs() == []
    assert not pictures.is_open()


def test_studies_are_shared_out_among_the_workers(pictures: Handing) -> None:
    pictures.answers(HANGS)
    pictures.study("1.1", "1.2", "1.3", "1.4", "1.5")
    pictures.stage.advance(alone=False)
    assert len(pictures.bench.launcher.children) == 2
    assert pictures.states() == {"processing": 4, "waiting": 1}, "three for the first, then half of two"


def test_every_post_processor_gets_every_study(make: Make) -> None:
    handing = make(PNG, METADATA, "deidentify")
    handing.study("1.1", "1.2")
    handing.advance()
    handing.advance()
    assert sorted(handing.given()) == sorted([PNG, METADATA, "deidentify"] * 2)


def test_what_fails_is_tried_again_after_a_pause_that_grows_until_it_has_failed(pictures: Handing) -> None:
    pictures.answers(FAILS)
    pictures.study("1.1")
    pictures.advance()
    assert pictures.states() == {"waiting": 1}
    pictures.advance(seconds=9)
    assert len(pictures.jobs()) == 1
    pictures.advance(seconds=5)
    assert len(pictures.jobs()) == 2
    pictures.advance(seconds=14)
    assert len(pictures.jobs()) == 2
    pictures.advance(seconds=14)
    assert len(pictures.jobs()) == 3
    assert pictures.states() == {"failed": 1}
    assert not pictures.is_open()


def test_a_failure_is_told_without_an_identifier(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    handing = make(PNG, MaxAttempts=1)
    handing.answers(FAILS)
    handing.study("1.1")
    handing.advance()
    assert f"png of study {staging_name('1.1')[:8]} failed: it cannot" in caplog.text
    assert "1.1" not in caplog.text


def test_a_worker_that_dies_is_charged_to_the_study_that_it_was_at(pictures: Handing) -> None:
    pictures.answers(f'case "$n" in 1) {DOES};; *) {DIES};; esac')
    pictures.study("1.1", "1.2", "1.3", "1.4", "1.5")
    pictures.advance()
    attempts = pictures.bench.ledger._connection.execute("SELECT state, attempts FROM handovers ORDER BY id")
    assert list(map(tuple, attempts)) == [
        ("done", 1),
        ("waiting", 1),
        ("waiting", 0),
        ("done", 1),
        ("waiting", 0),
    ]  # the fifth was not claimed
    (log,) = pictures.bench.layout.logs.iterdir()
    assert log.name.startswith("postprocess-")


def test_one_that_waits_costs_no_attempt_however_often(pictures: Handing) -> None:
    pictures.answers(NOT_NOW)
    pictures.study("1.1")
    for _ in range(8):
        pictures.advance(seconds=60)
    assert len(pictures.jobs()) == 8
    pictures.answers(DOES)
    pictures.advance(seconds=60)
    assert pictures.states() == {"done": 1, "files": 2, "held": 1}


def test_one_that_waits_is_asked_at_growing_intervals_and_the_others_go_on(make: Make) -> None:
    handing = make(PNG, METADATA, PostWorkers=1)
    handing.answers(f'if grep -q \'"processor": "metadata"\' "$job"; then {NOT_NOW}; else {DOES}; fi')
    handing.study("1.1", "1.2")
    handing.advance()
    assert (handing.states(PNG)["done"], handing.states(METADATA)) == (2, {"waiting": 2})
    asked = []
    for second in range(1, 200):
        before = len(handing.given())
        handing.advance(seconds=1)
        if len(handing.given()) > before:
            asked.append(second)
    assert asked == [2, 6, 14, 30, 62, 122, 182]
    handing.study("1.3")
    handing.advance()
    assert (handing.states(PNG)["done"], handing.states(METADATA)) == (3, {"waiting": 3})


def test_one_that_waits_for_days_is_asked_every_minute(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.answers(NOT_NOW)
    pictures.advance()
    now = pictures.stage._place.clock.monotonic()
    pictures.stage._rests[PNG].times = 2000
    pictures.advance(seconds=60)
    assert pictures.stage._rests[PNG].until == now + 120
    assert pictures.states() == {"waiting": 1}


def test_a_rest_begins_anew_once_something_was_done(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.answers(NOT_NOW)
    for _ in range(3):
        pictures.advance(seconds=60)
    pictures.answers(DOES)
    pictures.advance(seconds=60)
    pictures.study("1.2")
    pictures.answers(NOT_NOW)
    pictures.advance()
    before = len(pictures.jobs())
    pictures.advance(seconds=1)
    assert len(pictures.jobs()) == before
    pictures.advance(seconds=1)
    assert len(pictures.jobs()) == before + 1


def test_a_store_that_stays_away_is_waited_for_while_studies_come_and_then_ten_minutes(
    pictures: Handing,
) -> None:
    pictures.answers(NOT_NOW)
    pictures.study("1.1")
    pictures.advance()
    for _ in range(9):
        pictures.advance(seconds=60, alone=True)
    pictures.advance(seconds=59, alone=True)
    pictures.advance(seconds=2, alone=True)
    assert len(pictures.jobs()) == 11, "once more at the end"
    told = r"^png: the store is away\. All studies are retrieved; run the same command again"
    with pytest.raises(StoppedError, match=told):
        pictures.advance(alone=True)
    assert pictures.states() == {"waiting": 1}


def test_nobody_loses_patience_while_studies_are_on_their_way(pictures: Handing) -> None:
    pictures.answers(NOT_NOW)
    pictures.study("1.1")
    for _ in range(60):
        pictures.advance(seconds=59.5)
    assert pictures.states() == {"waiting": 1}


def test_a_worker_that_takes_too_long_is_ended_and_the_study_charged(pictures: Handing) -> None:
    pictures.answers(HANGS)
    pictures.study("1.1")
    pictures.stage.advance(alone=False)
    pictures.until(pictures.jobs)
    pictures.bench.clock.pass_time(1001)
    pictures.stage.advance(alone=False)
    pictures.quiet()
    (row,) = pictures.bench.ledger._connection.execute("SELECT state, attempts, reason FROM handovers")
    assert tuple(row) == ("waiting", 1, "it took longer than PostTimeout")


def test_a_worker_that_cannot_write_ends_the_run_and_costs_nothing(pictures: Handing) -> None:
    pictures.answers("echo 'The disk is full.'; exit 73")
    pictures.study("1.1", "1.2")
    pictures.advance()
    with pytest.raises(CannotWriteError, match="The disk is full"):
        pictures.advance()
    attempts = pictures.bench.ledger._connection.execute("SELECT state, attempts FROM handovers")
    assert list(map(tuple, attempts)) == [("waiting", 0)] * 2


@pytest.mark.parametrize(("pause", "jobs"), [(NO_ROOM, 0), (BY_DAY, 1)], ids=["disk", "night"])
def test_nothing_begins_while_there_is_no_room_and_by_day_it_does(
    pictures: Handing, pause: Pause, jobs: int
) -> None:
    gate = pictures.bench.place.gate
    pictures.study("1.1")
    gate.pause = pause
    pictures.advance(alone=True)
    assert len(pictures.jobs()) == jobs
    assert pictures.is_open()
    gate.pause = None
    pictures.advance(alone=True)
    assert pictures.given()[0] == PNG


def test_a_pause_for_room_ends_nobodys_patience(pictures: Handing) -> None:
    pictures.answers(NOT_NOW)
    pictures.study("1.1")
    pictures.advance()
    pictures.bench.place.gate.pause = NO_ROOM
    pictures.advance(seconds=10_000, alone=True)


def test_tables_are_written_once_when_there_is_nothing_else_to_do(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.advance()
    assert pictures.is_open()
    pictures.advance()
    assert pictures.given() == [PNG]
    pictures.advance(alone=True)
    assert pictures.given() == [PNG, "tables"]
    assert not pictures.is_open()
    pictures.advance(alone=True)
    assert pictures.given() == [PNG, "tables"]


def test_tables_wait_for_what_is_tried_again_and_come_after_what_has_failed(make: Make) -> None:
    handing = make(PNG, METADATA, PostWorkers=1)
    handing.answers(f'if grep -q \'"processor": "metadata"\' "$job"; then {FAILS}; else {DOES}; fi')
    handing.study("1.1")
    for _ in range(3):
        handing.advance(alone=True)
        assert "tables" not in handing.given()
        handing.bench.clock.pass_time(60)
    handing.advance(alone=True)
    handing.advance(alone=True)
    assert handing.given()[-1] == "tables"


def test_a_command_of_the_sites_own_has_no_tables(make: Make) -> None:
    handing = make("command", Command=["/opt/convert"])
    handing.study("1.1")
    handing.advance(alone=True)
    handing.advance(alone=True)
    assert handing.given() == ["command"]
    assert not handing.is_open()


def test_tables_that_cannot_be_written_are_told_and_do_not_hold_up_the_run(
    pictures: Handing, caplog: pytest.LogCaptureFixture
) -> None:
    pictures.study("1.1")
    pictures.advance()
    pictures.answers(DIES)
    for _ in range(3):
        assert pictures.is_open()
        pictures.advance(alone=True)
    assert "are not up to date: its worker was ended by signal 9" in caplog.text
    assert not pictures.is_open()
    assert pictures.is_open_anew(), "the next run tries again"


def test_a_table_writer_that_is_killed_once_is_followed_by_another(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.advance()
    pictures.answers(DIES)
    pictures.advance(alone=True)
    pictures.answers(DOES)
    pictures.advance(alone=True)
    assert pictures.given() == [PNG, "tables", "tables"]
    assert not pictures.is_open_anew()


def test_tables_that_a_run_before_did_not_come_to_are_written_by_the_next(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.advance()
    pictures.renew()
    assert pictures.is_open()
    pictures.advance(alone=True)
    assert pictures.given() == [PNG, "tables"]
    assert not pictures.is_open_anew()


def test_tables_that_are_older_than_what_was_done_are_written_by_the_next_run(pictures: Handing) -> None:
    pictures.study("1.1")
    pictures.advance()
    pictures.advance(alone=True)
    pictures.renew()
    pictures.study("1.2")
    pictures.advance()  # and then it is killed
    pictures.renew()
    assert pictures.is_open()
    pictures.advance(alone=True)
    assert pictures.given()[-1] == "tables"


def test_a_run_with_nothing_to_do_starts_no_worker(make: Make) -> None:
    handing = make("command", Command=["/opt/convert"])
    handing.study("1.1")
    handing.advance(alone=True)
    assert not handing.is_open_anew()


def test_a_stop_ends_workers_and_what_they_had_not_done_goes_back_at_no_cost(pictures: Handing) -> None:
    pictures.answers(f'case "$n" in 1) {DOES};; *) {HANGS};; esac')
    pictures.study("1.1", "1.2", "1.3")
    pictures.stage.advance(alone=False)
    pictures.until(lambda: pictures.states().get("done") == 2)
    pictures.stage.stop()
    pictures.quiet()
    attempts = pictures.bench.ledger._connection.execute("SELECT state, attempts FROM handovers ORDER BY id")
    assert list(map(tuple, attempts)) == [("done", 1), ("waiting", 0), ("done", 1)]
    pictures.advance(alone=True)
    assert len(pictures.jobs()) == 3, "nothing is begun any more"


def claimed(made: Bench, limit: int = 10) -> list[Handover]:
    with made.ledger.transaction():
        return made.ledger.handovers.claim(limit)


def test_the_answer_of_a_worker_that_nobody_waits_for_any_more_changes_nothing(pictures: Handing) -> None:
    go = pictures.bench.folder / "go"
    pictures.answers(f"while [ ! -e {go} ]; do sleep 0.01; done; {DOES}")
    pictures.study("1.1")
    pictures.stage.advance(alone=False)
    with pictures.bench.ledger.transaction():
        assert pictures.bench.ledger.handovers.rewind() == 1
    (again,) = claimed(pictures.bench)
    assert again.given == 2
    go.touch()
    pictures.quiet()
    assert pictures.states() == {"processing": 1}


def test_a_study_that_has_grown_is_not_given_to_a_second_worker_beside_the_first(pictures: Handing) -> None:
    go = pictures.bench.folder / "go"
    pictures.answers(f"while [ ! -e {go} ]; do sleep 0.01; done; {DOES}")
    pictures.study("1.1")
    pictures.stage.advance(alone=False)
    pictures.until(pictures.jobs)
    with pictures.bench.ledger.transaction():  # as when more of its series have come
        pictures.bench.ledger.handovers.rewind()
    pictures.stage.advance(alone=False)
    running = len(pictures.bench.launcher.children)
    go.touch()
    pictures.quiet()
    assert running == 1


def test_patience_is_not_lost_with_a_store_that_has_answered_since(make: Make) -> None:
    handing = make(PNG, METADATA, MaxAttempts=1)
    handing.answers(f'if grep -q \'"processor": "metadata"\' "$job"; then {NOT_NOW}; else {DOES}; fi')
    handing.study("1.1")
    handing.advance()
    handing.answers(f'if grep -q \'"processor": "metadata"\' "$job"; then {FAILS}; else {DOES}; fi')
    handing.advance(seconds=60)
    assert handing.states(METADATA) == {"failed": 1}
    handing.advance(seconds=601, alone=True)
    assert handing.given()[-1] == "tables"
