"""How many lanes: fixed numbers against those that niffler-cold finds itself, MoveLanes "auto".

The archive sends as fast as it can, or pauses before each instance as one with slow disks does. Rates are
those of the second half of the studies, when the number is found; over the whole run they say what finding
it costs.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.archives import embedded
from benchmarks.cold import Cold, ColdRun
from benchmarks.rows import Row, by_ratio
from benchmarks.setting import Setting, Studies, settle
from niffler_ops.model import AUTO, LocalEntity, Peer

NAME = "lanes"
TITLE = "Lanes: fixed numbers and those that are found"
SLOW_ARCHIVE = Path(__file__).parents[1] / "tests" / "support" / "faulty_archive.py"
STUDIES = {0: 1_600, 20: 400}  # some half a minute, by milliseconds of pause before each instance
FIXED = (2, 4, 8)
SIDE = 64


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """By the archive's pause."""
    for pause, number in STUDIES.items():
        studies = setting.studies(100 if setting.quick else number, side=SIDE)
        with _slow(setting, studies, pause) if pause else embedded(setting, studies) as (archive, local):
            cold = Cold(toolkit="embedded", archive=archive, local=local)
            runs: dict[int | str, ColdRun] = {}
            for lanes in (*FIXED, AUTO):
                settle()
                runs[lanes] = cold.retrieve(studies.corpus, lanes, setting.new_folder("lanes"))
        what = f"{pause} ms an instance" if pause else "no pause"
        best = max(FIXED, key=lambda lanes: runs[lanes].settled)
        for lanes in FIXED:
            row = by_ratio(f"{what}, {lanes} lanes, to the best", "instances/s", [_pair(runs, lanes, best)])
            yield row.on(what, "lanes", lanes)
        found = [_pair(runs, AUTO, best)]
        goal = None if setting.quick else 0.9  # a first impression is over before a number is found
        yield by_ratio(f"{what}, auto, to the best ({best})", "instances/s", found, at_least=goal)
        whole = [(_whole(runs[AUTO]), _whole(runs[best]))]
        yield by_ratio(f"{what}, auto, the whole run", "instances/s", whole)


def _slow(setting: Setting, studies: Studies, pause: int) -> AbstractContextManager[tuple[Peer, LocalEntity]]:
    options = ("--fault", f"slow={pause}")
    return embedded(setting, studies, program=[str(SLOW_ARCHIVE)], options=options)


def _pair(runs: dict[int | str, ColdRun], lanes: int | str, best: int) -> tuple[float, float]:
    return runs[lanes].settled, runs[best].settled


def _whole(run: ColdRun) -> float:
    return run.instances / run.retrieving
