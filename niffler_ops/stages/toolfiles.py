"""The files that a tool is given and writes, used again from call to call.

A file that is made and removed costs more than what stands in it: a file system passes over the inodes that
were freed in the last minutes, one by one, also where storescp makes a file, and takes the longer the more
rows have gone.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from niffler_ops.dicomtools.answerfiles import EMPTIED
from niffler_ops.files import make_empty, make_private_folder, write_private

MOST_KEPT = 5_000  # files, beyond which looking at all of them costs more than it saves


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


class AnswerFiles:
    """Where one call at a time writes its answers; before each call no file there can be taken for one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """The folder, where it is not there yet."""
        make_private_folder(self.folder)

    def clear(self) -> None:
        """Leave nothing of what a call has written, however it ended."""
        with os.scandir(self.folder) as entries:
            files = list(entries)
        if len(files) > MOST_KEPT:
            make_empty(self.folder)
            return
        for file in files:
            if file.stat(follow_symlinks=False).st_size > EMPTIED:
                os.truncate(file.path, EMPTIED)
