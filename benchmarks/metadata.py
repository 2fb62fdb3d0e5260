"""From headers to records: reading and de-identifying, the journal, the store, the table.

The reference for reading is what upstream does for its one instance a series, in as many processes: pydicom
reads the whole file, and each attribute of the featureset becomes text; nothing is de-identified.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path

from pydicom import dcmread

from benchmarks.rows import Row, alternately, by_limit, by_ratio
from benchmarks.setting import Setting, settle
from niffler_ops.deidentify import Options
from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.writing import learn_file
from niffler_ops.metadata import (
    Facts,
    Featureset,
    Journal,
    Reading,
    default_featureset_file,
    load_featuresets,
    open_store,
    read_facts,
    wanted_tags,
    write_csv,
    write_fragment,
)
from niffler_ops.postprocess.keeping import Headers

NAME = "metadata"
TITLE = "Metadata"
PROCESSES = 2
FILES_AT_ONCE = 50
BATCH = 100


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """Files of 131 KB, from the page cache; 60 attributes of each, and whom its study names beforehand."""
    paths = [str(path) for path in setting.studies(40 if setting.quick else 100).paths]
    rounds = 2 if setting.quick else 4
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        ours, reference = (_through(pool, read, paths) for read in (_read, _as_upstream))
        ours(), reference()
        pairs = alternately(rounds, ours, reference)
    yield by_limit(
        "read, de-identify, facts: 2 processes", "headers/s", [own for own, _ in pairs], at_least=1000
    )
    yield by_ratio("the same over upstream's way", "headers/s", pairs)
    facts = _read(paths)
    yield by_limit("facts alone, 1 process", "headers/s", [_facts_alone(paths) for _ in range(rounds)])
    yield from _kept(setting, facts)


@cache
def _featureset() -> Featureset:
    return load_featuresets(default_featureset_file())[0]


@cache
def _deidentifier() -> Deidentifier:
    return Deidentifier(Options.parse([]), Pseudonyms(b"invented" * 4))


def _read(paths: Sequence[str]) -> list[Facts]:
    featureset, deidentifier = _featureset(), _deidentifier()
    headers = Headers(wanted_tags(featureset))
    for path in paths:
        header = learn_file(Path(path), deidentifier)
        if header is not None:
            headers.keep(path, header)
    return [read_facts(deidentifier.dataset(headers.take(path)).dataset, featureset) for path in paths]


def _as_upstream(paths: Sequence[str]) -> list[dict[str, str]]:
    names = _featureset().names
    found = []
    for path in paths:
        dataset = dcmread(path, force=True)
        found.append({name: str(dataset[name].value) for name in names if name in dataset})
    return found


def _through(
    pool: ProcessPoolExecutor, read: Callable[[Sequence[str]], object], paths: Sequence[str]
) -> Callable[[], float]:
    chunks = [paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE)]

    def once() -> float:
        begun = time.perf_counter()
        for _ in pool.map(read, chunks):
            pass
        return len(paths) / (time.perf_counter() - begun)

    return once


def _facts_alone(paths: Sequence[str]) -> float:
    featureset = _featureset()
    datasets = [dcmread(path, stop_before_pixels=True) for path in paths]
    begun = time.perf_counter()
    for dataset in datasets:
        read_facts(dataset, featureset)
    return len(paths) / (time.perf_counter() - begun)


def _kept(setting: Setting, facts: Sequence[Facts]) -> Iterator[Row]:
    """What becomes of the facts: durably queued, stored as records, put into a table."""
    folder = setting.new_folder("metadata")
    instances = [
        one | {"SOPInstanceUID": f"{one['SOPInstanceUID']}.{copy}"} for copy in range(10) for one in facts
    ]
    settle()
    with (
        closing(Journal(folder / "journal.sqlite")) as journal,
        closing(open_store(f"sqlite:///{folder}/metadata.sqlite")) as store,
    ):
        begun = time.perf_counter()
        for start in range(0, len(instances), BATCH):
            journal.add(Reading(facts=one) for one in instances[start : start + BATCH])
        yield _rate("journal, 100 instances a commit", "instances/s", len(instances), begun)
        begun = time.perf_counter()
        series = journal.flush(store, [_featureset()])
        yield _rate(f"records of {len(instances) // series} instances into SQLite", "series/s", series, begun)
    yield _table(folder, instances)


def _table(folder: Path, instances: Sequence[Facts]) -> Row:
    fragments = []
    for start in range(0, len(instances), BATCH):
        fragments.append(folder / f"{start:08d}.jsonl")
        write_fragment(fragments[-1], instances[start : start + BATCH])
    begun = time.perf_counter()
    write_csv(folder / "metadata.csv", fragments)
    return _rate("metadata.csv from fragments", "rows/s", len(instances), begun)


def _rate(what: str, unit: str, number: int, begun: float) -> Row:
    return by_limit(what, unit, [number / (time.perf_counter() - begun)])
