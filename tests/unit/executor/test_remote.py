"""Every job is answered once, whatever becomes of workers, scheduler and copies. The pool is a list."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from niffler_ops.errors import CannotWriteError, ConfigurationError, NifflerError, StoppedError
from niffler_ops.executor.pool import Ticket
from niffler_ops.executor.remote import RemoteCrew
from niffler_ops.executor.task import TRAIL, End, Reply, Task
from niffler_ops.metadata import write_fragment
from niffler_ops.postprocess.crew import Site, locally
from niffler_ops.postprocess.job import Job, Outcome, Processor, Verdict
from niffler_ops.postprocess.places import MADE, Places
from niffler_ops.processes.launcher import Launcher
from tests.support.clock import FakeClock
from tests.unit.postprocess.workplace import Workplace

DONE = Outcome(verdict=Verdict.DONE, files=1)
UNTOUCHED = Outcome(verdict=Verdict.UNTOUCHED)


@dataclass
class Given:
    """A task that a worker has."""

    task: Task
    then: Callable[[Reply], None]
    key: str
    cancelled: bool = False

    @property
    def folder(self) -> Path:
        return Path(self.task.folder)

    @property
    def jobs(self) -> list[Job]:
        return [Job.load(self.folder / f"{number}.job") for number in range(1, self.task.jobs + 1)]

    def cancel(self) -> None:
        self.cancelled = True

    def tells(self, *outcomes: Outcome) -> None:
        """Write the trail as far as this."""
        lines = [f"{outcome.line(number)}\n" for number, outcome in enumerate(outcomes, start=1)]
        (self.folder / TRAIL).write_text("".join(lines) + '{"job": 9, "verd')


@dataclass
class ListedPool:
    """Workers that do nothing by themselves."""

    workers: int = 2
    others: bool = True
    reasons: list[str] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    name: str = "dask://test:1"
    planned: int = 0

    def present(self) -> int:
        return self.workers

    def submit(
        self, task: Task, then: Callable[[Reply], None], *, beside: Ticket | None = None
    ) -> Given | None:
        if beside is not None and not self.others:
            return None
        self.given.append(Given(task, then, str(len(self.given))))
        return self.given[-1]

    def examine(self, task: Task) -> list[str]:
        assert Path(task.folder).is_dir()
        return self.reasons


@dataclass
class Rig:
    place: Workplace
    pool: ListedPool
    clock: FakeClock
    launcher: Launcher
    answers: dict[str, list[Outcome]] = field(default_factory=dict)
    crew: RemoteCrew = field(init=False)

    def __post_init__(self) -> None:
        self.crew = self.hired()

    def hired(self) -> RemoteCrew:
        site = Site(
            launch=locally(self.launcher),
            post=lambda event: event(),
            clock=self.clock,
            folder=self.place.private / "requests",
            shared=self.place.private,
            timeout=100.0,
            died=lambda _child: None,
        )
        return RemoteCrew(self.pool, site, one_machine=False)

    def give(self, *names: str) -> Given:
        """Give a batch; what each job is answered comes into `answers`."""
        jobs = []
        for name in names:
            self.answers[name] = []
            jobs.append(
                (self.place.job(Processor.PNG, "/patient/file", name=name), self.answers[name].append)
            )
        self.crew.give(jobs)
        return self.pool.given[-1]

    def look(self, seconds: float = 2.0) -> None:
        self.clock.pass_time(seconds)
        self.crew.watch()


@pytest.fixture
def rig(place: Workplace) -> Rig:
    return Rig(place, ListedPool(), FakeClock(), Launcher())


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    made = Workplace(tmp_path / "originals", tmp_path / "output", tmp_path / "private")
    made.root.mkdir()
    return made


def test_a_batch_is_a_private_folder_that_is_gone_when_it_is_answered(rig: Rig) -> None:
    given = rig.give("a", "b")
    assert [job.name for job in given.jobs] == ["a", "b"]
    assert {oct(path.stat().st_mode & 0o777) for path in given.folder.iterdir()} == {"0o600"}
    assert given.folder.stat().st_mode & 0o777 == 0o700
    given.then(Reply(end=End.IN_ORDER, outcomes=(DONE, DONE)))
    assert rig.answers == {"a": [DONE], "b": [DONE]}
    assert not given.folder.exists()
    assert not rig.crew.busy


def test_what_dask_shows_of_a_task_tells_nothing(rig: Rig) -> None:
    assert str(rig.place.private) not in repr(rig.give("a").task)


def test_there_is_room_for_as_many_batches_as_there_are_workers(rig: Rig) -> None:
    rooms = []
    for name in "ab":
        given = rig.give(name)
        rooms.append(rig.crew.has_room)
    given.then(Reply(end=End.IN_ORDER, outcomes=(DONE,)))
    rooms.append(rig.crew.has_room)
    rig.pool.workers = 0
    rig.look()
    rooms.append(rig.crew.has_room)
    assert rooms == [True, False, True, False]
    assert rig.crew.size == 1


def test_what_a_worker_has_done_is_answered_while_it_is_at_the_rest(rig: Rig) -> None:
    given = rig.give("a", "b", "c")
    given.tells(DONE)
    rig.look()
    assert rig.answers == {"a": [DONE], "b": [], "c": []}
    given.then(Reply(end=End.IN_ORDER, outcomes=(DONE, DONE, DONE)))
    assert rig.answers == {"a": [DONE], "b": [DONE], "c": [DONE]}


@pytest.mark.parametrize("told", [True, False])
def test_a_worker_that_dies_fails_the_job_that_it_was_at_and_no_other(rig: Rig, *, told: bool) -> None:
    given = rig.give("a", "b", "c")
    given.tells(DONE)
    given.then(Reply(end=End.DIED, outcomes=(DONE,) if told else ()))
    failed = Outcome(verdict=Verdict.FAILED, reason="its worker at dask://test:1 died, or was lost")
    assert rig.answers == {"a": [DONE], "b": [failed], "c": [UNTOUCHED]}
    rig.crew.watch()


@pytest.mark.parametrize(
    ("end", "error", "text"),
    [
        (End.CANNOT_WRITE, CannotWriteError, "^the disk is full$"),
        (End.UNFIT, ConfigurationError, "^Executor dask://test:1: a worker cannot work: the disk is full$"),
        (End.LOST, StoppedError, "^Executor dask://test:1: the scheduler has gone"),
    ],
)
def test_what_leaves_the_workers_nothing_to_do_ends_the_run_and_costs_no_job_anything(
    rig: Rig, end: End, error: type[NifflerError], text: str
) -> None:
    given = rig.give("a", "b")
    given.then(Reply(end=end, outcomes=(DONE,), text="the disk is full"))
    assert rig.answers == {"a": [DONE], "b": [UNTOUCHED]}
    assert not rig.crew.has_room
    with pytest.raises(error, match=text):
        rig.crew.watch()


def straggler(rig: Rig) -> tuple[Given, list[Given]]:
    """A batch whose second job takes much longer than others, and what was submitted since."""
    for name in "abc":
        given = rig.give(name)
        rig.clock.pass_time(1)
        given.then(Reply(end=End.IN_ORDER, outcomes=(DONE,)))
    late = rig.give("d", "e")
    late.tells(DONE)
    rig.look()  # something was given since the last look
    rig.look(10)
    assert rig.pool.given[-1] is late, "it may just be slow"
    rig.look(10)
    rig.look(10)
    return late, rig.pool.given[rig.pool.given.index(late) + 1 :]


def test_a_straggler_is_started_once_more_from_where_it_is_and_whoever_is_first_counts(rig: Rig) -> None:
    late, (copy,) = straggler(rig)
    assert [(job.name, job.copy) for job in copy.jobs] == [("e", 1)]
    copy.then(Reply(end=End.IN_ORDER, outcomes=(DONE,)))
    assert rig.answers["e"] == [DONE]
    assert late.cancelled
    assert not late.folder.exists()
    late.then(Reply(end=End.CANNOT_WRITE, text="its file was renamed by the other"))
    rig.crew.watch()
    assert rig.answers["e"] == [DONE]


def test_a_straggler_that_is_first_after_all_counts_and_a_copy_that_dies_costs_nothing(rig: Rig) -> None:
    late, (copy,) = straggler(rig)
    copy.then(Reply(end=End.DIED))
    assert rig.answers["e"] == []
    late.then(Reply(end=End.IN_ORDER, outcomes=(DONE, DONE)))
    assert rig.answers["e"] == [DONE]


def test_nobody_is_started_again_where_there_is_no_other_worker_or_none_is_free(rig: Rig) -> None:
    rig.pool.others = False
    assert straggler(rig)[1] == []
    rig.pool.others, rig.pool.workers = True, 1
    rig.look(100)
    assert rig.pool.given[-1].jobs[0].copy == 0


def test_a_stop_gives_every_batch_up(rig: Rig) -> None:
    given = rig.give("a", "b")
    rig.crew.stop()
    assert rig.answers == {"a": [UNTOUCHED], "b": [UNTOUCHED]}
    assert given.cancelled
    assert not given.folder.exists()
    assert not rig.crew.busy
    assert not rig.crew.has_room
    given.then(Reply(end=End.LOST))
    rig.crew.watch()


def test_workers_that_cannot_work_are_named_before_anything_is_given(rig: Rig) -> None:
    rig.pool.reasons = ["the worker at tcp://host:1: it has niffler-ops 9, not 1"]
    with pytest.raises(ConfigurationError, match=r"^Executor dask://test:1: the worker at tcp://host:1: it"):
        rig.hired()


def test_what_killed_attempts_left_is_removed_before_the_tables_are_written(rig: Rig) -> None:
    picture = rig.place.output / "images" / "p.png"
    picture.parent.mkdir(parents=True)
    left = picture.with_name(".p.png.0123456789abcdef.part")
    foreign = picture.with_name(".q.png.0123456789abcdef.part")
    for path in (left, foreign):
        path.touch()
    first = rig.give("a")
    rig.crew = rig.hired()  # the supervisor was killed, too
    assert not first.folder.exists()
    job = rig.place.job(Processor.PNG, "/patient/file", name="a")
    made = Places.of(job.settings).fragments(MADE, Processor.PNG) / "a.jsonl"
    made.parent.mkdir(parents=True)
    write_fragment(made, [{"path": str(picture)}])
    rig.crew.give([(rig.place.job(Processor.TABLES), lambda _outcome: None)])
    assert rig.pool.given == [rig.pool.given[0]], "the tables are this machine's"
    assert not left.exists()
    assert foreign.exists()
    while rig.crew.busy:
        rig.launcher.dispatch(0.1)
