"""Rates, shares and times as the page tells them, and text of others as it may hold it."""

from datetime import datetime

from niffler_ops.reporting.narration import without_uids
from niffler_ops.terminal import printable

FINE, FINEST = 10, 0.1  # numbers below these are told with decimal places


def told(text: str, *, identifiers: bool) -> str:
    """A reason as the page may tell it: the UIDs in it by hash, unless identifiers were asked for."""
    return printable(text if identifiers else without_uids(text))


def pace(value: float) -> str:
    """A rate, with decimal places where it is small."""
    if 0 < value < FINEST:
        return f"{value:.2g}"
    return f"{value:,.1f}" if 0 < value < FINE else f"{value:,.0f}"


def share(part: int, whole: int) -> str:
    """A percentage that is 100 only when all are there, and 0 only when none is."""
    if not whole or not part:
        return "0 %"
    if part == whole:
        return "100 %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def time_of_day(text: str) -> str:
    """A time of the ledger in the zone of this machine, for lists of what happened lately."""
    return f"{datetime.fromisoformat(text).astimezone():%d %b %H:%M:%S}"
