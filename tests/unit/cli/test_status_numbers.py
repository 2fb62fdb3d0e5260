"""Numbers on the command line of niffler-status: what is not allowed is told in words."""

import pytest

from niffler_ops.cli.status import parser
from niffler_ops.errors import UsageError


@pytest.mark.parametrize(
    ("option", "given", "allowed"),
    [
        ("--lanes", "0", "1 to 64"),
        ("--lanes", "65", "1 to 64"),
        ("--lanes", "two", "1 to 64"),
        ("--why", "0", "a whole number from 1 on"),
        ("--why", "²", "a whole number from 1 on"),
    ],
)
def test_a_number_that_is_not_allowed_is_told_with_those_that_are(
    option: str, given: str, allowed: str
) -> None:
    with pytest.raises(UsageError, match=f"{option}: '{given}' found; allowed: {allowed}"):
        parser().parse_args(["/data/study", option, given])


def test_numbers_that_are_allowed_are_read() -> None:
    assert parser().parse_args(["/data/study", "--lanes", "64"]).lanes == 64
    assert parser().parse_args(["/data/study", "--why", "2"]).why == 2
