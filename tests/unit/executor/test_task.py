"""A batch on a worker of another machine: in a process of its own, once, and only while it is wanted."""

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from niffler_ops.executor.task import TRAIL, End, Reply, Task, our_version, told, unfit, work
from niffler_ops.files import make_private_folder, write_private
from niffler_ops.postprocess import crew
from niffler_ops.postprocess.job import Job, Outcome, Processor, Verdict, job_files
from niffler_ops.postprocess.places import Places
from niffler_ops.processes.identity import boot_id
from tests.support.processes import is_running, wait_until
from tests.unit.postprocess.workplace import Workplace

ANSWERS = (
    'n=0; for job; do n=$((n + 1)); echo "{\\"job\\": $n, \\"verdict\\": \\"done\\", \\"files\\": 1}"; done\n'
)
DONE = Outcome(verdict=Verdict.DONE, files=1)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "originals", tmp_path / "output", tmp_path / "private")


@pytest.fixture
def task(place: Workplace) -> Task:
    folder = place.private / "executor" / "batch"
    make_private_folder(folder)
    for path in job_files(folder, 2):
        write_private(path, place.job(Processor.PNG, "/a/file").written())
    return Task(folder=str(folder), jobs=2, timeout=60.0, version=our_version())


def script(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Workers are this shell script."""
    monkeypatch.setattr(crew, "worker_command", lambda files: ("/bin/sh", "-c", text, "sh", *map(str, files)))


def test_every_job_has_an_outcome_and_the_trail_tells_the_same(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, ANSWERS)
    assert work(task) == Reply(end=End.IN_ORDER, outcomes=(DONE, DONE))
    assert told(Path(task.folder)) == (DONE, DONE)
    assert (Path(task.folder) / TRAIL).stat().st_mode & 0o777 == 0o600


def test_each_attempt_marks_its_halves_as_its_own(
    task: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(monkeypatch, f"echo $NIFFLER_PART >> {tmp_path}/marks; {ANSWERS}")
    work(task)
    (Path(task.folder) / TRAIL).unlink()
    work(task)
    marks = (tmp_path / "marks").read_text().split()
    assert [len(mark) for mark in marks] == [16, 16]
    assert len(set(marks)) == 2


def test_a_process_that_dies_fails_the_job_that_it_was_at(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, "kill -KILL $$")
    failed = Outcome(verdict=Verdict.FAILED, reason="its worker was ended by signal 9")
    assert work(task) == Reply(end=End.IN_ORDER, outcomes=(failed, Outcome(verdict=Verdict.UNTOUCHED)))


def test_a_job_that_takes_too_long_is_ended(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, "exec sleep 60")
    failed = Outcome(verdict=Verdict.FAILED, reason="it took longer than PostTimeout")
    assert work(replace(task, timeout=0.1)).outcomes[0] == failed


@pytest.mark.parametrize(("status", "end"), [(73, End.CANNOT_WRITE), (78, End.UNFIT)])
def test_a_process_that_cannot_work_at_all_says_why(
    task: Task, monkeypatch: pytest.MonkeyPatch, status: int, end: End
) -> None:
    script(monkeypatch, f"echo 'The disk is full.'; exit {status}")
    reply = work(task)
    assert (reply.end, reply.text) == (end, "The disk is full.")


def test_a_batch_that_a_worker_died_at_is_not_done_again_but_told_of(
    task: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(monkeypatch, f"touch {tmp_path}/begun")
    (Path(task.folder) / TRAIL).write_text(f'{DONE.line(1)}\n{{"job": 2, "verd')
    assert work(task) == Reply(end=End.DIED, outcomes=(DONE,))
    assert not (tmp_path / "begun").exists()


def test_a_batch_that_is_not_wanted_any_more_is_ended(
    task: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(monkeypatch, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(work(task)))
    thread.start()
    pid = tmp_path / "pid"
    wait_until(lambda: pid.exists() and pid.read_text().strip(), "the worker")
    shutil.rmtree(task.folder)
    thread.join(20)
    assert [reply.end for reply in replies] == [End.IN_ORDER]
    wait_until(lambda: not is_running(int(pid.read_text())), "its end")


def test_a_worker_of_another_version_or_machine_or_without_the_folder_is_unfit(
    task: Task, tmp_path: Path
) -> None:
    assert unfit(task) == ""
    assert unfit(replace(task, machine=boot_id())) == ""
    assert unfit(replace(task, version="0.0.7")).startswith(f"it has niffler-ops {our_version()}, not 0.0.7")
    assert unfit(replace(task, machine="another")).startswith("it is on another machine")
    elsewhere = replace(task, folder=str(tmp_path / "elsewhere" / "batch"))
    assert f"it cannot use {tmp_path}/elsewhere (No such file or directory)" in unfit(elsewhere)
    assert work(elsewhere) == Reply(end=End.UNFIT, text=unfit(elsewhere))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_worker_that_may_not_read_the_folder_is_unfit(task: Task) -> None:
    Path(task.folder).chmod(0)
    assert "(Permission denied)" in unfit(task)
    Path(task.folder).chmod(0o700)


def test_a_copy_has_a_marker_of_its_own_so_that_it_is_no_death_of_the_other(place: Workplace) -> None:
    place.root.mkdir()
    file = place.instance(1)
    job = place.job(Processor.PNG, file, everything=True)
    assert Job.load(_written(place, replace(job, copy=1))).copy == 1
    places = Places.of(job.settings)
    assert places.marker("png", job.name, copy=1) != places.marker("png", job.name)


def _written(place: Workplace, job: Job) -> Path:
    make_private_folder(place.private)
    path = place.private / "1.job"
    write_private(path, job.written())
    return path
