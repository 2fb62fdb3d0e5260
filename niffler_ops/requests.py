"""What a running supervisor is asked to do: files in a folder that only its owner may write.

Nobody but the supervisor writes the ledger, and no signal goes to a pid that somebody guessed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.files import make_private_folder, rename, write_private
from niffler_ops.model import AUTO

STOP, PAUSE, RESUME, LANES = "stop", "pause", "resume", "lanes"
_FORM = re.compile(r"(stop|pause|resume|lanes)(?:-([1-9][0-9]{0,2}|auto))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request; `number` is the lanes asked for, 0 to have them found."""

    name: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.name}-{self.number or AUTO}" if self.name == LANES else self.name

    @property
    def words(self) -> str:
        """What is asked for, after "to"."""
        if self.name != LANES:
            return self.name
        return (
            f"use {self.number} lanes for each archive" if self.number else "find the number of lanes itself"
        )


def leave(folder: Path, request: Request) -> None:
    """Leave a request; the same one again changes nothing."""
    make_private_folder(folder)
    part = folder / f".{request}.part"
    write_private(part, b"")
    rename(part, folder / str(request))


def take(folder: Path) -> list[Request]:
    """Take every request out of the folder, the one that was left first first."""
    if not folder.is_dir():
        return []
    found = sorted(
        (path.lstat().st_mtime_ns, path) for path in folder.iterdir() if not path.name.startswith(".")
    )
    requests = []
    for _, path in found:
        match = _FORM.fullmatch(path.name)
        path.unlink(missing_ok=True)
        if match and bool(match[2]) == (match[1] == LANES):
            requests.append(Request(name=match[1], number=0 if match[2] in {None, AUTO} else int(match[2])))
    return requests
