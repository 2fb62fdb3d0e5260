"""A time-out of 0 is none, so there is no such time-out."""

import pytest

from niffler_ops.dicomtools.timeouts import Timeouts


def test_every_time_out_is_given_in_milliseconds() -> None:
    timeouts = Timeouts(connect_ms=1, accept_ms=2, send_ms=3)
    assert timeouts.arguments() == [
        *("--connect-timeout", "1"),
        *("--accept-timeout", "2"),
        *("--send-timeout", "3"),
    ]


def test_by_default_none_is_left_out() -> None:
    values = Timeouts().arguments()[1::2]
    assert all(1_000 <= int(value) <= 60_000 for value in values)


@pytest.mark.parametrize("milliseconds", [0, -1])
def test_waiting_for_ever_is_refused(milliseconds: int) -> None:
    with pytest.raises(ValueError, match="accept_ms"):
        Timeouts(accept_ms=milliseconds)
