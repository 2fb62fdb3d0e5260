"""Which file a worker is at, so that one that kills its worker again and again does not hold up its study."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from niffler_ops.files import make_private_folder

DEATHS = 2
_WIDTH = 12


class Marker:
    """Written before each file, a few microseconds each; it outlives a worker that is killed."""

    def __init__(self, path: Path) -> None:
        make_private_folder(path.parent)
        self._path = path
        self._index, self._deaths = _read(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if self._index is not None:
            self._deaths += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        with suppress(FileNotFoundError):
            self._path.unlink()

    def each(self, files: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Each file, and whether it is to be passed over because workers died at it."""
        for index, file in enumerate(files):
            again = index == self._index
            deaths = self._deaths if again else 0
            os.pwrite(self._descriptor, f"{index:{_WIDTH}}{deaths:{_WIDTH}}".encode(), 0)
            yield file, again and deaths >= DEATHS


def _read(path: Path) -> tuple[int | None, int]:
    try:
        text = path.read_text(encoding="ascii")
        return int(text[:_WIDTH]), int(text[_WIDTH:])
    except (OSError, ValueError):
        return None, 0
