"""A user who may read a folder and not write it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def without_leave_to_write(folder: Path) -> Iterator[None]:
    """Root becomes nobody for a moment."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        with pytest.raises(PermissionError):
            (folder / "new").touch()
        yield
    finally:
        os.seteuid(os.getuid())
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o700)


@contextmanager
def reachable() -> Iterator[Path]:
    """A folder that another user can reach: pytest's own cannot be."""
    folder = Path(tempfile.mkdtemp(prefix="niffler-read-"))
    yield folder
    shutil.rmtree(folder)
