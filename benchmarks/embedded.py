"""Retrieval with the embedded toolkit from the embedded archive: what ledger and verification cost.

Both sides run the same storescp and movescu against the same archive, so that whatever we are slower is
ours: three kinds of queries instead of one, every file read and hashed, every step on the disk before the
next. With one instance a study instead of ten, what a row costs shows more.
"""

from collections.abc import Iterator

from benchmarks import archives
from benchmarks.retrieval import Goals, compare
from benchmarks.rows import Row
from benchmarks.setting import Setting

NAME = "embedded"
TITLE = "Retrieval, embedded toolkit and archive"
LONG = 400  # studies, of which the start of a few processes is a small part


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """Ten instances a study, of few studies and of many; and one."""
    studies = setting.studies(40 if setting.quick else 100)
    rounds = 1 if setting.quick else 3
    yield from compare(setting, studies, archives.embedded, toolkit="embedded", rounds=rounds, goals=Goals())
    if not setting.quick:
        longer = setting.studies(LONG)
        goals = Goals(seconds_over_bare=None)
        yield from compare(setting, longer, archives.embedded, toolkit="embedded", rounds=2, goals=goals)
        single = setting.studies(100, instances=1)
        goals = Goals(over_bare=None, over_serial=25)
        yield from compare(setting, single, archives.embedded, toolkit="embedded", rounds=1, goals=goals)
