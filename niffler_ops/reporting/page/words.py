"""Numbers, sizes and times as people read them, and text of others as a page may hold it."""

from datetime import datetime, timedelta

from niffler_ops.reporting.narration import without_uids

MINUTE, HOUR, DAY = 60, 3600, 86400
THOUSAND = 1000
FINE, FINEST = 10, 0.1  # numbers below these are told with one and two decimal places


def plain(text: str) -> str:
    """One line without control and direction characters, which must not command whoever reads it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def told(text: str, *, identifiers: bool) -> str:
    """A reason as the page may tell it: the UIDs in it by hash, unless identifiers were asked for."""
    return plain(text if identifiers else without_uids(text))


def number(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def counted(value: int, one: str, several: str) -> str:
    """`1 study`, `12,345 studies`."""
    return f"{value:,} {one if value == 1 else several}"


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


def size(value: int) -> str:
    """Bytes in decimal units."""
    amount, unit = float(value), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < THOUSAND:
            break
        amount, unit = amount / THOUSAND, larger
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"


def duration(span: timedelta) -> str:
    """In at most two units."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    return f"{seconds // DAY} d {seconds % DAY // HOUR} h"


def local(text: str) -> datetime:
    """A time of the ledger in the zone of this machine."""
    return datetime.fromisoformat(text).astimezone()


def moment(text: str) -> str:
    """A time of the ledger: date, time and zone."""
    return f"{local(text):%Y-%m-%d %H:%M:%S %z}"


def time_of_day(text: str) -> str:
    """A time of the ledger, for lists of what happened lately."""
    return f"{local(text):%d %b %H:%M:%S}"
