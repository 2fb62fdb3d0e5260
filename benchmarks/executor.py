"""Post-processing on Dask's workers beside those of this machine: what a study costs more, and who gains.

Workers are there before the clock starts; how long it takes until they are is a row of its own.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec

from benchmarks.rows import Row, alternately, by_limit, by_ratio
from benchmarks.setting import Setting, settle
from niffler_ops.clock import SystemClock
from niffler_ops.deidentify import load_secret
from niffler_ops.executor import hiring
from niffler_ops.files import make_private_folder
from niffler_ops.postprocess.crew import Workforce, plain_site
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict
from niffler_ops.processes.launcher import Launcher

NAME = "executor"
TITLE = "Post-processing elsewhere"
BATCH = 20  # studies, as an extraction gives them
HERE, DASK = "", "dask://local?workers={}"


def missing(_setting: Setting) -> str:
    """Dask is optional."""
    return "" if find_spec("distributed") else "Dask is not installed: pip install 'niffler-ops[dask]'"


def measure(setting: Setting) -> Iterator[Row]:
    """Studies without files cost what an executor costs; pictures show what more workers are worth."""
    rounds = 2 if setting.quick else 3
    empty = [()] * (100 if setting.quick else 200)
    pairs = alternately(
        rounds,
        lambda: _milliseconds(setting, DASK.format(1), empty, BATCH),
        lambda: _milliseconds(setting, HERE, empty, BATCH),
    )
    yield by_ratio("a study, in batches of 20: Dask, to this machine", "ms", pairs)
    few = empty[: 6 if setting.quick else 12]
    pairs = alternately(
        rounds,
        lambda: _milliseconds(setting, DASK.format(1), few, 1),
        lambda: _milliseconds(setting, HERE, few, 1),
    )
    yield by_ratio("a batch of one study: Dask, to this machine", "ms", pairs)
    studies = _studies(setting)
    for name, url in (("this machine", HERE), ("Dask", DASK)):
        pairs = alternately(
            rounds, partial(_rate, setting, url, 2, studies), partial(_rate, setting, url, 1, studies)
        )
        yield by_ratio(f"pictures, 2 workers to 1: {name}", "studies/s", pairs)
    begun = time.perf_counter()
    with _crew(setting, DASK.format(2), 2):
        ready = time.perf_counter() - begun
        begun = time.perf_counter()
    yield by_limit("until two Dask workers are there", "s", [ready])
    yield by_limit("until they are gone", "s", [time.perf_counter() - begun])


def _studies(setting: Setting) -> list[tuple[str, ...]]:
    found = setting.studies(24 if setting.quick else 48)
    return [tuple(str(instance.path) for instance in study.instances) for study in found.corpus.studies]


def _milliseconds(setting: Setting, url: str, studies: Sequence[tuple[str, ...]], batch: int) -> float:
    return _seconds(setting, url, 1, studies, batch) / len(studies) * 1000


def _rate(setting: Setting, url: str, workers: int, studies: Sequence[tuple[str, ...]]) -> float:
    return len(studies) / _seconds(setting, url.format(workers), workers, studies, len(studies) // 6)


def _seconds(
    setting: Setting, url: str, workers: int, studies: Sequence[tuple[str, ...]], batch: int
) -> float:
    settle()
    with _crew(setting, url, workers) as (crew, launcher, settings):
        begun = time.perf_counter()
        jobs = deque(
            Job(name=f"{number:06}", processor=Processor.PNG, files=files, settings=settings)
            for number, files in enumerate(studies)
        )
        done: list[Outcome] = []
        while jobs or crew.busy:
            crew.watch()
            while jobs and crew.has_room:
                share = [jobs.popleft() for _ in range(min(batch, len(jobs)))]
                crew.give([(job, done.append) for job in share])
            launcher.dispatch(0.1)
        seconds = time.perf_counter() - begun
    if [outcome.verdict for outcome in done] != [Verdict.DONE] * len(studies):
        raise RuntimeError(f"not all was done: {done}")
    return seconds


@contextmanager
def _crew(setting: Setting, url: str, workers: int) -> Iterator[tuple[Workforce, Launcher, Settings]]:
    folder, launcher = setting.new_folder("executor"), Launcher()
    private = folder / "private"
    make_private_folder(private)
    load_secret(private / "pseudonym.key")
    settings = Settings(
        root=str(setting.folder),
        output=str(folder / "out"),
        private=str(private),
        secret=str(private / "pseudonym.key"),
        everything=True,
    )
    site = plain_site(launcher, SystemClock(), folder=private / "requests", shared=private)
    with hiring(url, workers=workers, one_machine=False) as hire:
        crew = hire(site)
        yield crew, launcher, settings
        crew.stop()
