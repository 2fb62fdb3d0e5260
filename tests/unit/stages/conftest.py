"""What the tests of stages share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _close_sockets() -> Iterator[None]:
    """pynetdicom leaves the socket of a refused connection to Python: let it be closed here."""
    yield
    gc.collect()
