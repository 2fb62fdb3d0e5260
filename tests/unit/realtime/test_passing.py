"""Studies are handed on once, as a whole, and their images may go together."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from niffler_ops.clock import timestamp
from niffler_ops.errors import ExhaustedError
from niffler_ops.files import make_private_folder
from niffler_ops.postprocess.crew import Answer, Crew
from niffler_ops.postprocess.job import UNTOUCHED, Job, Outcome, Processor, Settings, Verdict
from niffler_ops.realtime.passing import ATTEMPTS, Passing
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Due, Record, Waiting
from tests.support.clock import FakeClock

SETTLE = timedelta(minutes=10)
SETTINGS = Settings(root="", output="", private="", secret="", options=(), store="")
DONE = Outcome(verdict=Verdict.DONE)


class Workers:
    """A crew that answers when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Job, Answer]] = []
        self.stopped = False

    busy = property(lambda self: bool(self.jobs))
    has_room = property(lambda self: not self.jobs)

    def watch(self) -> None:
        pass

    def give(self, jobs: Sequence[tuple[Job, Answer]]) -> None:
        self.jobs += jobs

    def stop(self) -> None:
        self.stopped = True
        self.answer(UNTOUCHED)

    def answer(self, outcome: Outcome = DONE) -> list[Job]:
        jobs, self.jobs = self.jobs, []
        for _, answer in jobs:
            answer(outcome)
        return [job for job, _ in jobs]


class Bench:
    """Studies on the disk, as the record has them."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)
        make_private_folder(self.place.private)
        self.clock = FakeClock()
        self.record = Record(self.place.record, self.clock)
        self.start()

    def start(self) -> None:
        """A receiver begins, whatever became of the last one."""
        self.crew = Workers()
        self.passing = Passing(
            self.place,
            self.record,
            cast("Crew", self.crew),
            self.clock,
            processors=["png"],
            settings=SETTINGS,
            settle=SETTLE,
        )

    def arrive(self, series: str, number: int, study: str = "study") -> None:
        waiting = Waiting(
            path=f"{study}/{series}/{number}.dcm",
            study=study,
            series=series,
            size=1,
            received=timestamp(self.clock.now()),
            inode=1,
            modified=1,
        )
        path = self.place.storage_folder / waiting.path
        make_private_folder(path.parent)
        path.touch()
        with self.record.transaction():
            self.record.add([waiting])

    def turn(self) -> None:
        self.clock.pass_time(6)
        self.passing.advance()

    def work(self, outcome: Outcome = DONE) -> list[Processor]:
        """Whatever is given is done, until there is nothing more."""
        worked: list[Processor] = []
        self.turn()
        while self.crew.jobs:
            worked += [job.processor for job in self.crew.answer(outcome)]
            self.turn()
        return worked

    def delete(self, series: str) -> None:
        """As a round of deletion ends."""
        (found,) = [one for one in self.record.series_by_age() if one.series == series]
        with self.record.transaction():
            self.record.forget([file.id for file in self.record.files_of_series(found, limit=9)])
            self.record.forget_passed()

    def may_go(self, series: str) -> bool:
        (found,) = [one for one in self.record.series_by_age() if one.series == series]
        return self.passing.is_passed_on(found, False)  # noqa: FBT003 - as Deletion calls it


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    with closing(made.record):
        yield made


def test_a_settled_study_is_given_once_with_all_its_files(bench: Bench) -> None:
    bench.arrive("a", 1)
    bench.arrive("b", 1)
    bench.turn()
    assert bench.crew.jobs == []
    bench.clock.pass_time(601)
    bench.turn()
    assert not bench.may_go("a")
    (job,) = bench.crew.answer()
    assert job.processor is Processor.PNG
    assert len(job.files) == 2
    assert bench.may_go("a")
    bench.turn()
    assert [one.processor for one in bench.crew.answer()] == [Processor.TABLES]
    bench.turn()
    assert bench.crew.jobs == []
    assert not bench.passing.busy


def test_what_came_while_the_clock_was_far_ahead_is_handed_on(bench: Bench) -> None:
    bench.clock.pass_time(timedelta(days=3650).total_seconds())
    bench.arrive("a", 1)
    bench.clock.set_back(timedelta(days=3650).total_seconds())
    bench.turn()
    (job,) = bench.crew.answer()
    assert len(job.files) == 1
    assert bench.may_go("a")


def test_where_no_worker_can_be_started_it_is_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(_jobs: object) -> None:
        raise ExhaustedError("python: cannot be started (Resource temporarily unavailable)")

    bench.arrive("a", 1)
    bench.clock.pass_time(601)
    with monkeypatch.context() as patched:
        patched.setattr(bench.crew, "give", unable)
        for _ in range(3):
            bench.turn()
    assert caplog.text.count("studies wait for a worker") == 1
    bench.turn()
    bench.crew.answer()
    assert bench.may_go("a")


def test_what_comes_late_is_handed_on_with_its_study(bench: Bench) -> None:
    bench.arrive("a", 1)
    bench.clock.pass_time(601)
    bench.work()
    bench.arrive("a", 2)
    assert not bench.may_go("a")
    bench.clock.pass_time(601)
    bench.turn()
    (job,) = [one for one in bench.crew.answer() if one.processor is Processor.PNG]
    assert len(job.files) == 2
    assert bench.may_go("a")


def test_a_file_that_has_gone_is_not_handed_on(bench: Bench) -> None:
    for number in (1, 2):
        bench.arrive("a", number)
    (bench.place.storage_folder / "study" / "a" / "1.dcm").unlink()
    bench.clock.pass_time(601)
    bench.turn()
    (job,) = bench.crew.answer()
    assert [Path(file).name for file in job.files] == ["2.dcm"]
    assert bench.may_go("a")


def test_what_comes_after_its_study_has_gone_is_added_to_what_was_made_of_it(bench: Bench) -> None:
    bench.arrive("a", 1)
    bench.clock.pass_time(601)
    bench.work()
    bench.delete("a")
    bench.arrive("a", 2)
    bench.clock.pass_time(601)
    bench.turn()
    (job,) = [one for one in bench.crew.answer() if one.processor is Processor.PNG]
    assert (len(job.files), job.adds) == (1, True)
    assert bench.may_go("a")


def test_when_one_series_of_a_study_has_gone_the_others_may_and_are_not_handed_on_again(bench: Bench) -> None:
    for series in "abc":
        bench.arrive(series, 1)
    bench.clock.pass_time(601)
    bench.turn()
    bench.crew.answer()
    bench.turn()
    bench.crew.answer()
    bench.delete("a")
    assert bench.may_go("b")
    bench.turn()
    assert bench.crew.jobs == [], "the output of series a would be replaced by nothing"


def test_what_fails_is_tried_again_and_then_given_up_and_said(bench: Bench) -> None:
    bench.arrive("a", 1)
    bench.clock.pass_time(601)
    for _ in range(ATTEMPTS):
        bench.turn()
        assert bench.crew.answer(Outcome(verdict=Verdict.FAILED, reason="no room"))
        assert not bench.may_go("a")
    bench.turn()
    assert bench.crew.jobs == []
    assert not bench.may_go("a")
    (series,) = bench.record.series_by_age()
    assert bench.passing.is_passed_on(series, True)  # noqa: FBT003 - as Deletion calls it


def pass_studies(bench: Bench, number: int) -> list[Processor]:
    """So many studies come, a quarter of an hour after each other; gives what workers did."""
    worked = []
    for _ in range(number):
        bench.arrive("a", 1, study=f"study at {bench.clock.monotonic()}")
        bench.clock.pass_time(15 * 60)
        worked += bench.work()
    return worked


def test_the_tables_are_written_once_an_hour(bench: Bench) -> None:
    assert pass_studies(bench, 8).count(Processor.TABLES) == 2
    bench.clock.pass_time(3600)
    assert bench.work() == [Processor.TABLES]
    bench.clock.pass_time(3600)
    assert bench.work() == [], "nothing is new"


def test_the_tables_are_written_for_whoever_asks_once_all_studies_are_done(bench: Bench) -> None:
    pass_studies(bench, 2)
    bench.arrive("b", 1)
    bench.clock.pass_time(601)
    bench.passing.ask_for_tables()
    assert bench.work() == [Processor.PNG, Processor.TABLES]
    bench.passing.ask_for_tables()
    assert not bench.passing.busy


def test_the_tables_are_made_up_for_after_a_kill(bench: Bench) -> None:
    assert pass_studies(bench, 2) == [Processor.PNG, Processor.TABLES, Processor.PNG]
    bench.start()
    bench.turn()
    assert [job.processor for job, _ in bench.crew.jobs] == [Processor.TABLES]
    bench.start()
    assert bench.work() == [Processor.TABLES]
    bench.start()
    assert bench.work() == []


def test_at_the_end_the_tables_are_brought_up_to_date(bench: Bench) -> None:
    pass_studies(bench, 2)
    bench.arrive("b", 1)
    bench.clock.pass_time(601)
    bench.turn()
    bench.passing.end()
    assert bench.crew.stopped
    assert [job.processor for job in bench.crew.answer()] == [Processor.TABLES]
    bench.start()
    bench.passing.end()
    assert bench.crew.jobs == []


def test_at_the_end_the_tables_that_are_being_written_are_waited_for(bench: Bench) -> None:
    pass_studies(bench, 2)
    bench.passing.ask_for_tables()
    bench.turn()
    bench.passing.end()
    assert [job.processor for job in bench.crew.answer()] == [Processor.TABLES]
    assert not bench.crew.stopped


def test_that_the_tables_cannot_be_written_is_said_and_they_are_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    pass_studies(bench, 2)
    bench.passing.ask_for_tables()
    failed = Outcome(verdict=Verdict.FAILED, reason="a fragment is damaged")
    assert bench.work(failed) == [Processor.TABLES]
    assert not bench.passing.busy
    assert "not up to date: a fragment is damaged" in caplog.text
    bench.clock.pass_time(3600)
    assert bench.work() == [Processor.TABLES]


def test_the_record_is_not_asked_each_turn_what_is_due(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def studies_due(*_: object, **__: object) -> list[Due]:
        asked.append(1)
        return []

    monkeypatch.setattr(bench.record, "studies_due", studies_due)
    for _ in range(100):
        bench.clock.pass_time(0.05)
        bench.passing.advance()
    assert len(asked) <= 2


def test_whether_a_series_may_go_is_asked_of_its_study_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.arrive("a", 1)
    bench.clock.pass_time(601)
    bench.turn()
    bench.crew.answer()
    monkeypatch.delattr(Record, "studies_due")
    assert bench.may_go("a")
