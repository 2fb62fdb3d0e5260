"""What reading a received file costs: identity, completeness and SHA-256, in one process.

The reference is what one would write with pydicom and hashlib: dcmread up to the pixels, then the hash of
the whole file. It does not tell whether the file is complete.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence

from pydicom import dcmread

from benchmarks.rows import Row, alternately, by_ratio
from benchmarks.setting import Setting
from niffler_ops.headers import read_instances

NAME = "headers"
TITLE = "Reading of received files"
KEYWORDS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """Files of 131 KB, from the page cache."""
    studies = setting.studies(40 if setting.quick else 100)
    paths = [str(path) for path in studies.paths]
    _bare(paths)
    pairs = alternately(
        3 if setting.quick else 5,
        lambda: _rate(paths, ours=True),
        lambda: _rate(paths, ours=False),
    )
    yield by_ratio("header, completeness, SHA-256", "files/s", pairs)


def _rate(paths: Sequence[str], *, ours: bool) -> float:
    begun = time.perf_counter()
    if ours:
        read_instances(paths, KEYWORDS)
    else:
        _bare(paths)
    return len(paths) / (time.perf_counter() - begun)


def _bare(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    found = []
    for path in paths:
        header = dcmread(path, stop_before_pixels=True)
        identity = " ".join(str(header.get(keyword)) for keyword in KEYWORDS)
        with open(path, "rb") as stream:  # noqa: PTH123 - as fast as it goes
            found.append((identity, hashlib.file_digest(stream, "sha256").digest()))
    return found
