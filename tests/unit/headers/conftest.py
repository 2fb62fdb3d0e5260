from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.headers import read_instance
from niffler_ops.model import InstanceFile


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., InstanceFile]:
    """Writes bytes to a file and reads it as an instance."""

    def write_and_read(content: bytes, *keywords: str) -> InstanceFile:
        path = tmp_path / "instance.dcm"
        path.write_bytes(content)
        return read_instance(str(path), keywords)

    return write_and_read
