"""The way back: what a pseudonym stands for, from what the jobs left."""

from pathlib import Path

from niffler_ops.metadata import fragments_in
from niffler_ops.metadata.table import read_rows
from niffler_ops.postprocess.places import FRAGMENTS

LINKING = "linking"


def linked(private: Path) -> list[Path]:
    """The fragments that lead back, whatever policy made them."""
    folders = sorted((private / FRAGMENTS).glob(f"*/{LINKING}/*"))
    return [path for folder in folders for path in fragments_in(folder)]


def originals_of(private: Path, pseudonym: str) -> list[tuple[str, str]]:
    """Attribute and original value, each pair once; exact, where linking.csv may show an apostrophe first."""
    fragments = linked(private)
    found = {
        (str(row["attribute"]), str(row["original"]))
        for row in read_rows(fragments)
        if row.get("pseudonym") == pseudonym
    }
    return sorted(found)
