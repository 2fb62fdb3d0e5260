"""Dask's and Slurm's workers make the very files that this machine makes, whoever dies."""

import os
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.demo.corpus import Corpus, write_corpus
from niffler_ops.executor import hiring
from niffler_ops.postprocess.crew import Workforce, plain_site
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict
from niffler_ops.processes.launcher import Launcher
from tests.support.dask_cluster import NO_SLURM, Dask, dask_cluster, has_slurm, slurm, working
from tests.support.processes import ROOT, wait_until
from tests.support.rig import Rig, corpus_folder

STUDIES = 24
ATTEMPTS = 3
DONE = Outcome(verdict=Verdict.DONE, files=1)
KILLS_ITS_WORKER = """#!/bin/sh
case "$(cat)" in
*/x\\"*) kill -KILL "$(ps -o ppid= -p $PPID | tr -d ' ')"; sleep 30;;
esac
"""
HANGS_ONCE = """#!/bin/sh
case "$(cat)" in
*/x\\"*) mkdir "$0-begun" && exec sleep 60;;
esac
exit 0
"""


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Enough for several batches."""
    return write_corpus(tmp_path_factory.mktemp("originals") / "in", studies=STUDIES, instances=6, rows=32)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, originals: Corpus) -> Path:
    """What this machine makes of them: `out`, and what is private."""
    folder = tmp_path_factory.mktemp("here")
    with drawing(originals, folder) as process:
        assert process.wait(100) == 0
    return folder


@contextmanager
def drawing(
    originals: Corpus, folder: Path, *options: str, key: Path | None = None, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """niffler-png that makes `out` in this folder."""
    command: list[object] = [ROOT / "bin" / "niffler-png", corpus_folder(originals), folder / "out"]
    command += ["--private", folder / "private", "--key", key or folder / "private" / "pseudonym.key"]
    process = subprocess.Popen(
        [*map(str, command), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def made(folder: Path) -> dict[str, bytes]:
    """All files of an OutputFolder but the one that says whose it is, and the way back."""
    files = {
        str(path.relative_to(folder / "out")): path.read_bytes()
        for path in (folder / "out").rglob("*")
        if path.is_file() and path.name != "output.json"
    }
    return files | {"linking.csv": (folder / "private" / "linking.csv").read_bytes()}


def key_of(here: Path) -> Path:
    return here / "private" / "pseudonym.key"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Dask]:
    """A scheduler with three workers."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with dask_cluster(folder, workers=3) as started:
        yield started


def test_a_worker_that_is_killed_midway_makes_no_difference_and_nobody_is_named_on_the_way(
    tmp_path: Path, originals: Corpus, here: Path, cluster: Dask
) -> None:
    with drawing(originals, tmp_path, "--executor", cluster.url, key=key_of(here)) as process:
        wait_until(cluster.at_work, "a worker that has something to do")
        wait_until(lambda: any((tmp_path / "out").rglob("*.png")), "a picture")
        victim = cluster.at_work()
        assert victim is not None
        doomed = [psutil.Process(victim.pid), *psutil.Process(victim.pid).children(recursive=True)]
        for each in doomed:  # its nanny first, who would start another
            with suppress(psutil.NoSuchProcess):
                each.kill()
        status = process.wait(100)
        output = process.stdout.read() if process.stdout else ""
    assert (status, output.count("\n")) == (0, 1), output
    assert made(tmp_path) == made(here)
    assert not (tmp_path / "private" / "executor").exists()
    told = cluster.logs()
    named = [study.patient_id for study in originals.studies] + [str(tmp_path / "private"), "pseudonym"]
    assert [name for name in named if name in told] == []


def test_a_scheduler_that_goes_away_stops_the_run_and_another_continues_it(
    tmp_path: Path, originals: Corpus, here: Path, cluster: Dask
) -> None:
    with drawing(originals, tmp_path, "--executor", cluster.url, key=key_of(here)) as process:
        wait_until(cluster.at_work, "a worker that has something to do")
        cluster.scheduler.kill()
        assert process.wait(60) == 75
        output = process.stdout.read() if process.stdout else ""
    gone = "the scheduler has gone. Run the same command again when it is back.\n"
    assert output == f"niffler-png: Executor {cluster.url}: {gone}"
    with drawing(originals, tmp_path, key=key_of(here)) as process:
        assert process.wait(100) == 0
    assert made(tmp_path) == made(here)


def test_a_study_that_kills_every_worker_it_meets_fails_and_others_are_done(
    tmp_path: Path, cluster: Dask
) -> None:
    answers = commanded(tmp_path, cluster, KILLS_ITS_WORKER)
    failed = Outcome(verdict=Verdict.FAILED, reason=f"its worker at {cluster.url} died, or was lost")
    assert [one for one in answers.pop("x") if one.verdict is not Verdict.UNTOUCHED] == [failed] * ATTEMPTS
    assert {name: got[-1] for name, got in answers.items()} == dict.fromkeys(answers, DONE)
    assert [one for got in answers.values() for one in got if one.verdict is Verdict.FAILED] == []


def test_a_straggler_is_begun_by_another_worker_and_costs_nothing(
    tmp_path: Path, cluster: Dask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("niffler_ops.executor.straggling.SHORTEST_SECONDS", 2.0)
    answers = commanded(tmp_path, cluster, HANGS_ONCE)
    assert answers == {name: [DONE] for name in answers}
    wait_until(lambda: cluster.at_work() is None, "the end of the one that hung")


def commanded(folder: Path, cluster: Dask, script: str) -> dict[str, list[Outcome]]:
    """What five studies are answered, x among them, where Command is this script."""
    command, private, launcher = folder / "command", folder / "private", Launcher()
    command.write_text(script)
    command.chmod(0o700)
    private.mkdir(mode=0o700)
    settings = Settings(
        root=str(folder),
        output=str(folder / "out"),
        private=str(private),
        secret=str(private / "pseudonym.key"),
        command=(str(command),),
    )
    site = plain_site(launcher, SystemClock(), folder=private / "requests", shared=private, timeout=60.0)
    jobs = {
        name: Job(name=name, processor=Processor.COMMAND, files=(str(folder / name),), settings=settings)
        for name in "abxcd"
    }
    with hiring(cluster.url, workers=None, one_machine=False) as hire:
        return done_by(hire(site), launcher, jobs)


def done_by(crew: Workforce, launcher: Launcher, jobs: dict[str, Job]) -> dict[str, list[Outcome]]:
    """What each job was answered, two given at once, each again as a stage would."""
    answers: dict[str, list[Outcome]] = {name: [] for name in jobs}
    waiting = deque(jobs)

    def answered(name: str, outcome: Outcome) -> None:
        answers[name].append(outcome)
        failures = sum(one.verdict is Verdict.FAILED for one in answers[name])
        if outcome.verdict is not Verdict.DONE and failures < ATTEMPTS:
            waiting.append(name)

    deadline = time.monotonic() + 100
    while (waiting or crew.busy) and time.monotonic() < deadline:
        crew.watch()
        while waiting and crew.has_room:
            names = [waiting.popleft() for _ in range(min(2, len(waiting)))]
            crew.give([(jobs[name], partial(answered, name)) for name in names])
        launcher.dispatch(0.1)
    crew.stop()
    return answers


def test_workers_of_this_machine_and_all_that_they_started_end_with_a_stop(
    tmp_path: Path, originals: Corpus, here: Path
) -> None:
    with drawing(originals, tmp_path, "--executor", "dask://local?workers=2", key=key_of(here)) as process:
        wait_until(lambda: working(process.pid), "a worker")
        below = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(15) == 75
        assert process.stdout is not None
        assert process.stdout.read() == "niffler-png: Stopped. Run the same command again to continue.\n"
    wait_until(lambda: not any(each.is_running() for each in below), "the end of all", seconds=5)
    with drawing(originals, tmp_path, key=key_of(here)) as process:
        assert process.wait(100) == 0
    assert made(tmp_path) == made(here)


def test_an_extraction_has_its_studies_drawn_by_the_workers_of_a_scheduler(
    plain_rig: Rig, corpus: Corpus, cluster: Dask
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies)
    rig.configure(PostProcessors=["png"], OutputFolder="out", Executor=cluster.url)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.status()["post"]["png"]["done"] == len(corpus.studies)
    assert len(list((rig.folder / "out").rglob("*.png"))) == 40
    rig.configure(PostProcessors=["png", "deidentify"], OutputFolder="out", Executor="dask://127.0.0.1:1")
    ended = rig.cold()
    assert ended.status == 69, ended
    assert "Executor dask://127.0.0.1:1: no Dask scheduler answers there" in ended.err


@pytest.mark.slurm
@pytest.mark.skipif(not has_slurm(), reason=NO_SLURM)
def test_jobs_of_slurm_make_the_same_files_and_are_cancelled_at_the_end(
    tmp_path: Path, originals: Corpus, here: Path
) -> None:
    folder = tmp_path / "slurm"
    folder.mkdir()
    with slurm(folder) as environment:
        url = "slurm://main?workers=2&memory=500MB"
        with drawing(originals, tmp_path, "--executor", url, key=key_of(here), **environment) as process:
            status = process.wait(100)
            output = process.stdout.read() if process.stdout else ""
        assert (status, output.count("\n")) == (0, 1), output
        assert made(tmp_path) == made(here)
        wait_until(lambda: not queued(environment), "the end of all jobs")
        elsewhere = "slurm://nowhere?workers=2"
        with drawing(
            originals, tmp_path, "--executor", elsewhere, key=key_of(here), **environment
        ) as process:
            assert process.wait(30) == 78
            assert process.stdout is not None
            assert "Executor slurm://nowhere: Slurm does not take such a job:" in process.stdout.read()


def queued(environment: dict[str, str]) -> str:
    ran = subprocess.run(
        ["squeue", "--noheader"], capture_output=True, text=True, env=os.environ | environment, check=True
    )
    return ran.stdout.strip()
