"""What a storescp was writing when it was killed: nobody acknowledged it, and nobody writes on."""

import os
from contextlib import suppress
from pathlib import Path

import psutil

from niffler_ops.files import is_left

ENDING = ".part"


def remove_all(incoming: Path) -> None:
    """Of an earlier run."""
    for part in incoming.rglob(f"*{ENDING}"):
        part.unlink(missing_ok=True)


def remove_left(incoming: Path) -> None:
    """Those that nobody has written to for long, and none of our children has open."""
    with os.scandir(incoming) as entries:
        parts = [entry.path for entry in entries if entry.name.endswith(ENDING)]
    left = [path for path in parts if is_left(path)]
    if not left:
        return
    try:
        opened = _opened()
    except psutil.AccessDenied:  # nobody can tell
        return
    for path in left:
        if os.path.realpath(path) not in opened:
            Path(path).unlink(missing_ok=True)


def _opened() -> set[str]:
    found: set[str] = set()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.update(file.path for file in child.open_files())
    return found
