from collections.abc import Callable

import pytest

from niffler_ops.deidentify import Options
from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.pseudonyms import Pseudonyms

Make = Callable[..., Deidentifier]


@pytest.fixture(scope="session")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"a secret of the tests, 32 bytes.")


@pytest.fixture(scope="session")
def deidentifier(pseudonyms: Pseudonyms) -> Deidentifier:
    """With the default options."""
    return Deidentifier(Options(), pseudonyms)


@pytest.fixture
def choosing(pseudonyms: Pseudonyms) -> Make:
    """Makes one with the options of these names."""
    return lambda *names: Deidentifier(Options.parse(names), pseudonyms)
