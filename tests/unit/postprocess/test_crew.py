"""Every job that is given is answered, however its worker ends. The workers are small shell scripts."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from niffler_ops.errors import CannotWriteError, ConfigurationError, UnavailableError
from niffler_ops.postprocess.crew import Crew, worker_command
from niffler_ops.postprocess.job import Job, Outcome, Processor, Verdict
from niffler_ops.processes.launcher import Child, Launcher
from tests.support.clock import FakeClock
from tests.support.processes import wait_until
from tests.unit.postprocess.workplace import Workplace

DONE = 'done_job() { echo "{\\"job\\": $1, \\"verdict\\": \\"done\\", \\"files\\": 2, \\"held\\": 1}"; }\n'
ALL = "n=0; for job; do n=$((n + 1)); done_job $n; done"
SLEEPS = "exec sleep 60"
UNTOUCHED = Outcome(verdict=Verdict.UNTOUCHED)
GOOD = Outcome(verdict=Verdict.DONE, files=2, held=1)


def failed(reason: str) -> Outcome:
    return Outcome(verdict=Verdict.FAILED, reason=reason)


@dataclass
class Hands:
    """A crew whose workers run the script of the moment."""

    folder: Path
    launcher: Launcher
    clock: FakeClock
    job: Job
    script: str = ALL
    dead: list[Child] = field(default_factory=list)
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self.crew = Crew(
            self.launch, self.clock, self.folder, workers=2, timeout=100.0, died=self.dead.append
        )

    def launch(
        self,
        job_files: Sequence[Path],
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[Child, int], None],
    ) -> Child:
        command = ("/bin/sh", "-c", DONE + self.script, "worker", *map(str, job_files))
        child = self.launcher.launch(
            "postprocess", command, environment={}, on_line=on_line, on_exit=lambda code: on_exit(child, code)
        )
        return child

    def give(self, jobs: int) -> list[list[Outcome]]:
        """Give a worker so many jobs; what each is answered comes into these lists."""
        answers: list[list[Outcome]] = [[] for _ in range(jobs)]
        self.crew.give([(self.job, each.append) for each in answers])
        return answers

    def until(self, condition: Callable[[], object]) -> None:
        def met() -> object:
            self.launcher.dispatch(0.01)
            return condition()

        wait_until(met, "an event of a worker")

    def end(self, script: str, jobs: int) -> list[list[Outcome]]:
        """Give jobs to a worker with this script, and wait for its end."""
        self.script = script
        answers = self.give(jobs)
        self.until(lambda: not self.crew.busy)
        return answers


@pytest.fixture
def hands(place: Workplace, tmp_path: Path) -> Iterator[Hands]:
    made = Hands(tmp_path / "requests", Launcher(), FakeClock(), place.job(Processor.PNG, "/a/file"))
    yield made
    for child in list(made.launcher.children):
        child.kill()
    made.until(lambda: not made.launcher.children)


def test_each_job_is_answered_by_its_line(hands: Hands) -> None:
    assert hands.end(ALL, 3) == [[GOOD]] * 3
    assert hands.dead == []


def test_a_worker_is_given_files_that_only_its_user_may_read_and_they_are_gone_at_its_end(
    hands: Hands, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    hands.end(f'for job; do stat -c %a "$job" $(dirname "$job"); cat "$job"; echo; done > {seen}\n{ALL}', 1)
    mode, folder_mode, text = seen.read_text().splitlines()
    assert (mode, folder_mode) == ("600", "700")
    assert json.loads(text)["files"] == ["/a/file"]
    assert list(hands.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -KILL $$", "its worker was ended by signal 9"),
        ("kill -SEGV $$", "its worker was ended by signal 11"),
        ("exit 1", "its worker ended with status 1"),
        ("exit 0", "its worker ended with status 0"),
    ],
)
def test_a_worker_that_ends_too_early_fails_the_job_that_it_was_at_and_no_other(
    hands: Hands, script: str, reason: str
) -> None:
    answers = hands.end(f"done_job 1; {script}", 4)
    assert answers == [[GOOD], [failed(reason)], [UNTOUCHED], [UNTOUCHED]]
    assert len(hands.dead) == 1
    hands.crew.watch()


def test_what_else_a_worker_prints_changes_nothing(hands: Hands) -> None:
    noise = "echo a warning; echo '{}'; echo '[1]' >&2"
    answers = hands.end(f"{noise}; done_job 1; {noise}; done_job 1; done_job 0; done_job 9; done_job 2", 2)
    assert answers == [[GOOD], [GOOD]]


def test_a_line_that_is_lost_does_not_leave_its_job_without_an_answer(hands: Hands) -> None:
    answers = hands.end("printf 'no end of line'; done_job 1; done_job 2", 2)
    assert list(map(len, answers)) == [1, 1]


@pytest.mark.parametrize(("status", "error"), [(73, CannotWriteError), (78, ConfigurationError)])
def test_a_worker_that_cannot_work_at_all_ends_the_run_and_costs_no_job_anything(
    hands: Hands, status: int, error: type[Exception]
) -> None:
    answers = hands.end(f"done_job 1; echo 'The disk is full.'; exit {status}", 3)
    assert answers == [[GOOD], [UNTOUCHED], [UNTOUCHED]]
    assert hands.dead == []
    with pytest.raises(error, match=r"^The disk is full\.$"):
        hands.crew.watch()


def test_a_job_that_takes_too_long_is_ended_with_its_worker(hands: Hands) -> None:
    hands.script = f"done_job 1; {SLEEPS}"
    answers = hands.give(3)
    hands.clock.pass_time(99)
    hands.crew.watch()
    hands.until(lambda: answers[0])
    hands.clock.pass_time(99)
    hands.crew.watch()
    assert hands.crew.busy, "each job has its own time"
    hands.clock.pass_time(2)
    hands.crew.watch()
    hands.until(lambda: not hands.crew.busy)
    assert answers == [[GOOD], [failed("it took longer than PostTimeout")], [UNTOUCHED]]


def test_so_many_workers_at_once_and_no_more(hands: Hands) -> None:
    hands.script = SLEEPS
    assert (hands.crew.busy, hands.crew.has_room) == (False, True)
    hands.give(1)
    assert (hands.crew.busy, hands.crew.has_room) == (True, True)
    hands.give(1)
    assert (hands.crew.busy, hands.crew.has_room) == (True, False)
    next(iter(hands.launcher.children)).kill()
    hands.until(lambda: hands.crew.has_room)


def test_a_stop_ends_workers_in_order_and_what_they_had_not_done_is_untouched(
    hands: Hands, tmp_path: Path
) -> None:
    hands.script = (
        f"trap 'touch {tmp_path}/in-order; exit 143' TERM; done_job 1; while :; do sleep 0.01; done"
    )
    answers = [*hands.give(2), *hands.give(1)]
    hands.until(lambda: answers[0] and answers[2])
    hands.crew.stop()
    assert not hands.crew.has_room
    hands.until(lambda: not hands.crew.busy)
    assert answers == [[GOOD], [UNTOUCHED], [GOOD]]
    assert (tmp_path / "in-order").exists()
    assert hands.dead == []


def test_a_worker_that_is_killed_during_a_stop_is_not_held_against_its_job(hands: Hands) -> None:
    hands.script = f"trap '' TERM; done_job 1; {SLEEPS}"
    answers = hands.give(2)
    hands.until(lambda: answers[0])
    hands.crew.stop()
    for child in hands.launcher.children:
        child.kill()
    hands.until(lambda: not hands.crew.busy)
    assert answers == [[GOOD], [UNTOUCHED]]
    assert hands.dead == []


def test_batches_do_not_share_a_folder(hands: Hands) -> None:
    hands.script = SLEEPS
    hands.give(1)
    hands.give(1)
    assert len(list(hands.folder.iterdir())) == 2


def test_a_worker_that_cannot_be_started_is_told(hands: Hands) -> None:
    def launch(*_: object, **__: object) -> Child:
        raise UnavailableError("python: cannot be started")

    crew = Crew(launch, hands.clock, hands.folder, workers=1, timeout=1.0, died=hands.dead.append)
    with pytest.raises(UnavailableError):
        crew.give([(hands.job, lambda _outcome: None)])
    crew.stop()


def test_a_worker_is_started_by_the_same_python_whatever_folder_is_current() -> None:
    program, *arguments = worker_command([Path("/a/1.job")])
    assert Path(program).is_absolute()
    assert arguments == ["-P", "-m", "niffler_ops.postprocess.worker", "/a/1.job"]
