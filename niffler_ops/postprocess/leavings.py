"""What attempts at a job that were killed have left."""

import re
from collections import defaultdict
from pathlib import Path

from niffler_ops.metadata.table import read_rows
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.places import MADE, TABLES, Places

_PART = re.compile(r"\.(.+)\.[0-9a-f]{16}\.part", re.ASCII)


def remove_parts(job: Job) -> None:
    """Remove halves of the files that the job has made, and of its rows; nobody may be at it any more."""
    places = Places.of(job.settings)
    rows = [places.fragments(table, job.processor) / f"{job.name}.jsonl" for table in (*TABLES, MADE)]
    made = rows[-1]
    files = [Path(str(row["path"])) for row in read_rows([made])] if made.exists() else []
    names: dict[Path, set[str]] = defaultdict(set)
    for path in (*rows, *files):
        names[path.parent].add(path.name)
    for folder, whole in names.items():
        for left in folder.glob(".*.part"):
            found = _PART.fullmatch(left.name)
            if found is not None and found[1] in whole:
                left.unlink(missing_ok=True)
