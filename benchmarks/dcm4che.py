"""Retrieval with dcm4che's tools, from Orthanc where it is installed: what users have today.

Both sides run the tools with the quiet log and the small JVM; upstream runs them as delivered, a JVM a row.
"""

import os
from collections.abc import Iterator

from benchmarks import archives
from benchmarks.retrieval import Goals, compare
from benchmarks.rows import Row
from benchmarks.setting import Setting

NAME = "dcm4che"
TITLE = "Retrieval, dcm4che"
VARIABLE = "NIFFLER_TEST_DCM4CHE"


def missing(_setting: Setting) -> str:
    """A folder of dcm4che, named by the environment as the tests want it."""
    return "" if os.environ.get(VARIABLE) else f"{VARIABLE} names no folder of dcm4che"


def measure(setting: Setting) -> Iterator[Row]:
    """Ten instances a study."""
    studies = setting.studies(40 if setting.quick else 100)
    serve = archives.orthanc if archives.orthanc_program() else archives.embedded
    rounds = 1 if setting.quick else 2
    yield from compare(setting, studies, serve, toolkit=os.environ[VARIABLE], rounds=rounds, goals=Goals())
