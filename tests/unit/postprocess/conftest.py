from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.postprocess.context import context_of
from tests.unit.postprocess.workplace import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    """A place to work in; what jobs remember ends with it."""
    made = Workplace(tmp_path / "originals", tmp_path / "output", tmp_path / "private")
    made.root.mkdir()
    yield made
    context_of.cache_clear()
