"""Which file a worker is at, so that one that kills its worker again and again does not hold up its study."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from niffler_ops.files import PRIVATE_FILE, make_private_folder, remove_folder

DEATHS = 2
_WIDTH = 12


class Marker:
    """Written before each file, a few microseconds each; it outlives a worker that is killed."""

    def __init__(self, path: Path) -> None:
        make_private_folder(path.parent)
        self._path = path
        self._deaths = _deaths(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(path, flags, PRIVATE_FILE)
        known = json.dumps(self._deaths).encode()
        os.pwrite(self._descriptor, f"{-1:{_WIDTH}}".encode() + known, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        with suppress(FileNotFoundError):
            self._path.unlink()

    def each(self, files: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Each file, and whether it is to be passed over because workers died at it."""
        for index, file in enumerate(files):
            os.pwrite(self._descriptor, f"{index:{_WIDTH}}".encode(), 0)
            yield file, self._deaths.get(str(index), 0) >= DEATHS


def forget_all(folder: Path) -> None:
    """At the start of a run: whoever died before it was ended with everything else, and by no file."""
    remove_folder(folder)


def _deaths(path: Path) -> dict[str, int]:
    """How often a worker died at which file, by index; the marker that is left says at which last."""
    try:
        text = path.read_text(encoding="ascii")
        last, deaths = int(text[:_WIDTH]), dict(json.loads(text[_WIDTH:]))
    except (OSError, ValueError):
        return {}
    if last >= 0:
        deaths[str(last)] = deaths.get(str(last), 0) + 1
    return deaths
