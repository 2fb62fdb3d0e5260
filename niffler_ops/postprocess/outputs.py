"""Files in OutputFolder: seen only whole, under names that cannot collide."""

import os
from collections.abc import Sequence
from pathlib import Path

from niffler_ops.errors import CannotWriteError
from niffler_ops.files import PRIVATE_FILE, make_private_folder, part_of

LEVELS = ("patient", "study", "series")


def write_output(path: Path, parts: Sequence[bytes]) -> None:
    """Write a file under a temporary name, and rename it; the caller syncs the file system once a job.

    Raises CannotWriteError, which no reader of files does.
    """
    try:
        _write(path, parts)
    except OSError as error:
        raise CannotWriteError(f"{path.parent}: a picture cannot be written ({error.strerror})") from error


def _write(path: Path, parts: Sequence[bytes]) -> None:
    temporary = part_of(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, PRIVATE_FILE)
    except FileNotFoundError:
        make_private_folder(path.parent)
        descriptor = os.open(temporary, flags, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[stream.write(view) :]
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class Folders:
    """Which folder a picture goes to: patient, study and series, or only the first of these.

    With `most` no folder has more files: numbered folders take them in turn. Where pictures of several
    studies share a folder these are numbered by the study.
    """

    def __init__(self, root: Path, *, level: str, most: int) -> None:
        self._root = root
        self._depth = LEVELS.index(level) + 1
        self._most = most
        self._used: dict[Path, int] = {}

    def take(self, patient: str, study: str, series: str) -> Path:
        """The folder of one more picture."""
        folder = self._root.joinpath(*(patient, study, series)[: self._depth])
        if not self._most:
            return folder
        used = self._used[folder] = self._used.get(folder, -1) + 1
        number = f"{used // self._most + 1:04d}"
        return folder / (f"{study}-{number}" if self._depth == 1 else number)
