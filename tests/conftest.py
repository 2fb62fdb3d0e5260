"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.extractions import close_ledgers

# How long an example takes is the machine's affair: tests run beside others, and beside another copy.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def no_ledger_stays_open() -> Iterator[None]:
    yield
    close_ledgers()
