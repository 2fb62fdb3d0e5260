"""Query files of one tool, written over those of its call before.

A file that is made and removed costs more than what stands in it: a file system passes over the inodes that
were freed in the last minutes, one by one, and takes the longer the more rows have gone.
"""

from collections.abc import Sequence
from pathlib import Path

from niffler_ops.files import make_private_folder, write_private


class QueryFiles:
    """Where the queries stand that one call at a time is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, queries: Sequence[bytes]) -> list[Path]:
        """A file for each query, in order; no call may still be reading the ones before."""
        make_private_folder(self._folder)
        paths = [self._folder / f"{number}.query" for number in range(1, len(queries) + 1)]
        for path, query in zip(paths, queries, strict=True):
            write_private(path, query)
        return paths
