"""Retrieval with the embedded toolkit from Orthanc: the same question, asked with somebody else's archive."""

from collections.abc import Iterator

from benchmarks import archives
from benchmarks.retrieval import Goals, compare
from benchmarks.rows import Row
from benchmarks.setting import Setting

NAME = "orthanc"
TITLE = "Retrieval, embedded toolkit from Orthanc"


def missing(_setting: Setting) -> str:
    """Orthanc, a package of Debian."""
    return "" if archives.orthanc_program() else "Orthanc is not installed"


def measure(setting: Setting) -> Iterator[Row]:
    """Ten instances a study."""
    studies = setting.studies(40 if setting.quick else 100)
    rounds = 1 if setting.quick else 2
    yield from compare(setting, studies, archives.orthanc, toolkit="embedded", rounds=rounds, goals=Goals())
