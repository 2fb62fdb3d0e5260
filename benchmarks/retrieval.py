"""niffler-cold against the bare tools, and against one process a row; the same for every archive."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from benchmarks.bare import BareRun, BareTools
from benchmarks.cold import Cold, ColdRun
from benchmarks.rows import Row, alternately, by_difference, by_limit, by_ratio
from benchmarks.setting import Setting, Studies, settle
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.model import LocalEntity, Peer

LANES = 2
SERIAL_STUDIES = 6
Serve = Callable[[Setting, Studies], AbstractContextManager[tuple[Peer, LocalEntity]]]
Run = TypeVar("Run")


def compare(
    setting: Setting,
    studies: Studies,
    serve: Serve,
    *,
    toolkit: str,
    rounds: int,
    over_serial: float,
) -> Iterator[Row]:
    """Rows for one archive and one toolkit; `over_serial` is the goal over one process a row."""
    corpus = studies.corpus
    rows = [
        {"PatientID": study.patient_id, "AccessionNumber": study.accession_number} for study in corpus.studies
    ]
    uids = [study.study_instance_uid for study in corpus.studies]
    with serve(setting, studies) as (archive, local):
        bare = BareTools(toolkit=find_toolkit(toolkit), archive=archive, local=local)
        cold = Cold(toolkit=toolkit, archive=archive, local=local)

        def measured(name: str, run: Callable[[Path], Run]) -> Run:
            folder = setting.new_folder(name)
            settle()
            return run(folder)

        pairs = alternately(
            rounds,
            lambda: measured("cold", lambda folder: cold.retrieve(corpus, LANES, folder)),
            lambda: measured("bare", lambda folder: bare.retrieve(rows, LANES, folder)),
        )
        serial = measured("serial", lambda folder: bare.one_process_a_row(uids[:SERIAL_STUDIES], folder))
    yield from _rows(f"{len(uids)} x {len(studies.paths) // len(uids)}", pairs, serial, over_serial)


def _rows(
    size: str, pairs: list[tuple[ColdRun, BareRun]], serial: BareRun, over_serial: float
) -> Iterator[Row]:
    for cold, bare in pairs:
        if cold.instances != bare.instances:
            raise RuntimeError(f"{cold.instances} instances by us, {bare.instances} by the bare tools")
    studies = int(size.split(maxsplit=1)[0])
    rates = [(cold.instances / cold.retrieving, bare.instances / bare.retrieving) for cold, bare in pairs]
    one_by_one = serial.instances / serial.retrieving
    yield by_ratio(f"{size}, first C-MOVE to last done, to bare tools", "instances/s", rates, at_least=0.9)
    yield by_difference(
        f"{size}, command to exit, to bare tools",
        "s",
        [(cold.usage.seconds, bare.seconds) for cold, bare in pairs],
        at_most=3.0,
    )
    yield by_ratio(
        f"{size}, to one movescu a row",
        "instances/s",
        [(ours, one_by_one) for ours, _ in rates],
        at_least=over_serial,
    )
    yield by_limit(
        "CPU of the supervisor, start included",
        "ms/row",
        [1000 * cold.usage.cpu_seconds / studies for cold, _ in pairs],
    )
    yield by_limit("memory of the supervisor", "MB", [cold.usage.peak_bytes / 1e6 for cold, _ in pairs])
