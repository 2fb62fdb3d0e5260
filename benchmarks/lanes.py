"""How many lanes: fixed numbers against those that niffler-cold finds itself, MoveLanes "auto".

The archive sends as fast as it can, or pauses before each instance as one with slow disks does. Rates are
those of the whole run, from the first C-MOVE to the last study done, with what finding the number costs.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from benchmarks.archives import embedded
from benchmarks.cold import Cold
from benchmarks.rows import Row, by_ratio
from benchmarks.setting import Setting, Studies, settle
from niffler_ops.model import AUTO, LocalEntity, Peer

NAME = "lanes"
TITLE = "Lanes: fixed numbers and those that are found"
SLOW_ARCHIVE = Path(__file__).parents[1] / "tests" / "support" / "faulty_archive.py"
STUDIES = 800
ROUNDS = {0: 3, 20: 1}  # by milliseconds of pause; where there is none, runs differ by more than lanes do
FIXED = (2, 4, 8)
SIDE = 64


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """By the archive's pause."""
    for pause, rounds in ROUNDS.items():
        studies = setting.studies(100 if setting.quick else STUDIES, side=SIDE)
        with _slow(setting, studies, pause) if pause else embedded(setting, studies) as (archive, local):
            cold = Cold(toolkit="embedded", archive=archive, local=local)
            rates: dict[int | str, list[float]] = {lanes: [] for lanes in (*FIXED, AUTO)}
            for turn in range(1 if setting.quick else rounds):
                for lanes in _rotated([*FIXED, AUTO], turn):
                    settle()
                    run = cold.retrieve(studies.corpus, lanes, setting.new_folder("lanes"))
                    rates[lanes].append(run.instances / run.retrieving)
        what = f"{pause} ms an instance" if pause else "no pause"
        best = max(FIXED, key=lambda lanes: median(rates[lanes]))
        for lanes in FIXED:
            pairs = list(zip(rates[lanes], rates[best], strict=True))
            row = by_ratio(f"{what}, {lanes} lanes, to the best", "instances/s", pairs)
            yield row.on(what, "lanes", lanes)
        found = list(zip(rates[AUTO], rates[best], strict=True))
        goal = None if setting.quick else 0.9  # a first impression is over before a number is found
        yield by_ratio(f"{what}, auto, to the best ({best})", "instances/s", found, at_least=goal)


def _rotated(lanes: list[int | str], turn: int) -> list[int | str]:
    """In each round another one comes first, because a disk gets slower by what was written before."""
    return lanes[-turn:] + lanes[:-turn]


def _slow(setting: Setting, studies: Studies, pause: int) -> AbstractContextManager[tuple[Peer, LocalEntity]]:
    options = ("--fault", f"slow={pause}")
    return embedded(setting, studies, program=[str(SLOW_ARCHIVE)], options=options)
