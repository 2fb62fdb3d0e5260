"""niffler-cold against the bare tools, and against one process a row; the same for every archive."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.bare import BareRun, BareTools
from benchmarks.cold import Cold, ColdRun, start
from benchmarks.rows import Row, alternately, by_difference, by_limit, by_ratio
from benchmarks.running import Usage
from benchmarks.setting import Setting, Studies, settle
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.model import LocalEntity, Peer

LANES = 2
SERIAL_STUDIES = 6
Serve = Callable[[Setting, Studies], AbstractContextManager[tuple[Peer, LocalEntity]]]
Run = TypeVar("Run")


@dataclass(frozen=True, kw_only=True, slots=True)
class Goals:
    """What is to be reached over the bare tools and over one process a row; None where nothing is asked."""

    over_bare: float | None = 0.9
    seconds_over_bare: float | None = 3.0
    over_serial: float | None = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """What was measured: ours and the bare tools in pairs, one process a row, and our start alone."""

    pairs: list[tuple[ColdRun, BareRun]]
    serial: BareRun
    start: Usage


def compare(
    setting: Setting, studies: Studies, serve: Serve, *, toolkit: str, rounds: int, goals: Goals
) -> Iterator[Row]:
    """Rows for one archive and one toolkit."""
    corpus = studies.corpus
    rows = [
        {"PatientID": study.patient_id, "AccessionNumber": study.accession_number} for study in corpus.studies
    ]
    uids = [study.study_instance_uid for study in corpus.studies][:SERIAL_STUDIES]

    def measured(name: str, run: Callable[[Path], Run]) -> Run:
        folder = setting.new_folder(name)
        settle()
        return run(folder)

    with serve(setting, studies) as (archive, local):
        bare = BareTools(toolkit=find_toolkit(toolkit), archive=archive, local=local)
        cold = Cold(toolkit=toolkit, archive=archive, local=local)
        runs = Runs(
            pairs=alternately(
                rounds,
                lambda: measured("cold", lambda folder: cold.retrieve(corpus, LANES, folder)),
                lambda: measured("bare", lambda folder: bare.retrieve(rows, LANES, folder)),
            ),
            serial=measured("serial", lambda folder: bare.one_process_a_row(uids, folder)),
            start=measured("start", start),
        )
    yield from _rows(runs, len(corpus.studies), len(studies.paths) // len(corpus.studies), goals)


def _rows(runs: Runs, studies: int, instances: int, goals: Goals) -> Iterator[Row]:
    size = f"{studies} x {instances}"
    for cold, bare in runs.pairs:
        if cold.instances != bare.instances:
            raise RuntimeError(f"{cold.instances} instances by us, {bare.instances} by the bare tools")
    rates = [
        (cold.instances / cold.retrieving, bare.instances / bare.retrieving) for cold, bare in runs.pairs
    ]
    one_by_one = runs.serial.instances / runs.serial.retrieving
    yield by_ratio(
        f"{size}, first C-MOVE to last done, to bare tools", "instances/s", rates, at_least=goals.over_bare
    )
    yield by_ratio(
        f"{size}, from the study in the middle to the last, to bare tools",
        "instances/s",
        [(cold.settled, bare.instances / bare.retrieving) for cold, bare in runs.pairs],
    )
    yield by_difference(
        f"{size}, command to exit, to bare tools",
        "s",
        [(cold.usage.seconds, bare.seconds) for cold, bare in runs.pairs],
        at_most=goals.seconds_over_bare,
    )
    yield by_ratio(
        f"{size}, to one movescu a row",
        "instances/s",
        [(ours, one_by_one) for ours, _ in rates],
        at_least=goals.over_serial,
    )
    yield by_limit(
        f"{size}, CPU of the supervisor beyond its start",
        "ms/row",
        [1000 * (cold.usage.cpu_seconds - runs.start.cpu_seconds) / studies for cold, _ in runs.pairs],
        at_most=10,
    )
    yield by_limit(
        f"{size}, memory of the supervisor", "MB", [cold.usage.peak_bytes / 1e6 for cold, _ in runs.pairs]
    )
