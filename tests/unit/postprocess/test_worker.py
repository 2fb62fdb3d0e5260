"""A worker does its jobs one after another, says why it stops, and ends with whoever started it."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from niffler_ops.postprocess.crew import worker_command
from niffler_ops.postprocess.job import Job, Outcome, Processor, Verdict
from niffler_ops.postprocess.places import Places
from tests.support.processes import PATIENCE, end, is_running, running_python, wait_until
from tests.unit.postprocess.workplace import NAME, Workplace

WAITS = "#!/bin/sh\ntouch {}\nexec sleep 60\n"

Ended = subprocess.CompletedProcess[str]
Work = Callable[..., Ended]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """Runs a worker with these jobs to its end."""

    def run(*jobs: Job) -> Ended:
        return subprocess.run(
            worker_command(written(tmp_path, *jobs)),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


def written(folder: Path, *jobs: Job) -> list[Path]:
    paths = [folder / f"{number}.job" for number in range(1, len(jobs) + 1)]
    for path, job in zip(paths, jobs, strict=True):
        path.write_bytes(job.written())
    return paths


def waiting(place: Workplace) -> tuple[Job, Path]:
    """A job that does not end, and the file that tells that it has begun."""
    script, begun = place.root / "convert", place.root / "begun"
    script.write_text(WAITS.format(begun))
    script.chmod(0o700)
    return place.job(Processor.COMMAND, "/a/1.dcm", command=(str(script),)), begun


def test_it_prints_a_line_for_each_job_as_it_ends(place: Workplace, work: Work) -> None:
    file = place.instance(1)
    bad = place.put("2.dcm", b"no DICOM")
    ended = work(
        place.job(Processor.PNG, file, name="one"),
        place.job(Processor.METADATA, file, bad, name="two"),
        place.job(Processor.TABLES, name="tables"),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [Outcome.parse(line) for line in ended.stdout.split("\n") if line] == [
        (1, Outcome(verdict=Verdict.DONE, files=1)),
        (2, Outcome(verdict=Verdict.DONE, files=2, held=1)),
        (3, Outcome(verdict=Verdict.DONE)),
    ]


def test_what_it_writes_is_private_whatever_the_umask_was(place: Workplace, work: Work) -> None:
    file = place.instance(1)
    jobs = [place.job(one, file) for one in (Processor.PNG, Processor.METADATA, Processor.DEIDENTIFY)]
    work(*jobs, place.job(Processor.TABLES))
    paths = [*place.output.rglob("*"), *place.private.rglob("*"), place.output, place.private]
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}


def test_where_it_cannot_write_it_says_so_in_one_line(place: Workplace, work: Work) -> None:
    place.output.write_text("in the way")
    ended = work(place.job(Processor.PNG, place.instance(1)), place.job(Processor.PNG))
    assert ended.returncode == 73
    (line,) = ended.stdout.splitlines()
    assert line.startswith("Writing failed: File exists.")


def test_where_its_settings_are_wrong_it_says_so_in_one_line(place: Workplace, work: Work) -> None:
    ended = work(place.job(Processor.DEIDENTIFY, place.instance(1), options=("Retain", "Nothing")))
    assert ended.returncode == 78
    (line,) = ended.stdout.splitlines()
    assert "Retain" in line


def test_asked_to_end_it_ends_in_order(place: Workplace, tmp_path: Path) -> None:
    job, begun = waiting(place)
    process = subprocess.Popen(worker_command(written(tmp_path, job)))
    try:
        wait_until(begun.exists, "the command")
        process.send_signal(signal.SIGINT)  # a terminal's, which its supervisor heeds
        assert process.poll() is None
        process.terminate()
        assert process.wait(PATIENCE) == 143
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_an_end_in_order_is_not_held_against_a_file(place: Workplace, tmp_path: Path) -> None:
    files = [place.instance(number) for number in range(1, 1500)]
    process = subprocess.Popen(worker_command(written(tmp_path, place.job(Processor.DEIDENTIFY, *files))))
    marker = Places.of(place.settings()).marker(Processor.DEIDENTIFY, NAME)
    try:
        wait_until(lambda: place.output.exists() and len(place.made(".dcm")) > 2, "some files")
        process.terminate()
        assert process.wait(PATIENCE) == 143
    finally:
        process.kill()
        process.wait(PATIENCE)
    assert not marker.exists()
    assert list(place.output.rglob(".*")) == []
    assert list(place.private.rglob("*.jsonl")) == []


def test_it_dies_with_whoever_started_it(place: Workplace, tmp_path: Path) -> None:
    job, begun = waiting(place)
    (path,) = written(tmp_path, job)
    starter = """
        import sys
        from pathlib import Path
        from niffler_ops.postprocess.crew import locally
        from niffler_ops.processes.launcher import Launcher
        launcher = Launcher()
        child = locally(launcher)([Path(sys.argv[1])], on_line=print, on_exit=print)
        print(child.pid, flush=True)
        while True:
            launcher.dispatch(1)
    """
    with running_python(starter, path) as process:
        wait_until(begun.exists, "the command")
        (worker,) = psutil.Process(process.pid).children()
        theirs = worker.children()  # the command, and what ends it with the worker
        assert theirs
        process.kill()
        try:
            wait_until(lambda: not is_running(worker.pid), "the end of the worker")
            wait_until(lambda: not any(is_running(child.pid) for child in theirs), "the end of the command")
        finally:
            end(worker.pid)
            for child in theirs:
                end(child.pid)


def test_a_damaged_fragment_is_named_to_whoever_asks_for_the_tables(place: Workplace, work: Work) -> None:
    fragments = Places.of(place.settings()).fragments("metadata", Processor.PNG)
    fragments.mkdir(parents=True)
    (fragments / "study.jsonl").write_text("no row\n")
    ended = work(place.job(Processor.TABLES))
    parsed = Outcome.parse(ended.stdout)
    assert parsed is not None
    assert "study.jsonl" in parsed[1].reason
