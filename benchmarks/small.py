"""What a study of small images costs us in CPU: supervisor and workers, beyond reading the headers.

The bare tools without supervisor run in the same breath, for the rate.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import archives
from benchmarks.bare import BareRun, BareTools
from benchmarks.cold import Cold, ColdRun
from benchmarks.rows import Row, alternately, by_limit, by_ratio
from benchmarks.setting import Setting, settle
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.headers import read_instances
from niffler_ops.patterns import FilePattern

NAME = "small"
TITLE = "Studies of ten small images, embedded toolkit and archive"
STUDIES, SIDE, LANES = 200, 16, 2
PATTERN = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """CPU a study, and the rate."""
    number = 50 if setting.quick else STUDIES
    studies = setting.studies(number, side=SIDE)
    rows = [
        {"PatientID": study.patient_id, "AccessionNumber": study.accession_number}
        for study in studies.corpus.studies
    ]
    with archives.embedded(setting, studies) as (archive, local):
        cold = Cold(toolkit="embedded", archive=archive, local=local)
        bare = BareTools(toolkit=find_toolkit("embedded"), archive=archive, local=local)

        def ours() -> ColdRun:
            folder = setting.new_folder("small-cold")
            settle()
            return cold.retrieve(studies.corpus, LANES, folder)

        def reference() -> BareRun:
            folder = setting.new_folder("small-bare")
            settle()
            return bare.retrieve(rows, LANES, folder)

        pairs = alternately(1 if setting.quick else 3, ours, reference)
    reading = _reading_seconds(studies.paths)
    size = f"{number} x {len(studies.paths) // number}"
    spent = [run.usage.cpu_seconds + run.usage.workers_cpu_seconds - reading for run, _ in pairs]
    yield by_limit(
        f"{size}, CPU of supervisor and workers, start included, beyond reading headers",
        "ms/study",
        [1000 * seconds / number for seconds in spent],
        at_most=30,
    )
    yield by_limit(f"{size}, CPU of reading headers", "ms/study", [1000 * reading / number])
    yield by_ratio(
        f"{size}, first C-MOVE to last done, to bare tools",
        "instances/s",
        [(run.instances / run.retrieving, other.instances / other.retrieving) for run, other in pairs],
    )


def _reading_seconds(paths: Sequence[Path]) -> float:
    """CPU that identity, completeness and SHA-256 of these files take by themselves."""
    keywords = FilePattern.parse(PATTERN).keywords
    begun = time.process_time()
    read_instances([str(path) for path in paths], keywords)
    return time.process_time() - begun
