"""The way back: what a pseudonym stands for, from what the jobs left."""

from pathlib import Path

from niffler_ops.metadata import fragments_in
from niffler_ops.metadata.table import read_rows
from niffler_ops.postprocess.job import Processor


def originals_of(private: Path, pseudonym: str) -> list[tuple[str, str]]:
    """Attribute and original value, each pair once; exact, where linking.csv may show an apostrophe first."""
    folder = private / "fragments" / "linking"
    fragments = [path for processor in Processor for path in fragments_in(folder / processor)]
    found = {
        (str(row["attribute"]), str(row["original"]))
        for row in read_rows(fragments)
        if row.get("pseudonym") == pseudonym
    }
    return sorted(found)
