"""Numbers, sizes, times and texts as people read them on a terminal."""

from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400
THOUSAND = 1000


def number(value: int) -> str:
    """A whole number with commas between the thousands."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """`1 study`, `2 studies`, `3 instances`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number(value)} {noun if value == 1 else plural}"


def times(value: int) -> str:
    """`once`, `2 times`."""
    return "once" if value == 1 else f"{number(value)} times"


def size(value: int) -> str:
    """Bytes in the unit that suits them."""
    amount, unit = float(value), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < THOUSAND:
            break
        amount, unit = amount / THOUSAND, larger
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"


def local_time(moment: str | datetime) -> str:
    """A time of the ledger (ISO 8601) in the zone of whoever reads it; a damaged one is told as such."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return "a time that is none"
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def duration(span: timedelta) -> str:
    """How long, in the two units that matter."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    return f"{seconds // DAY} d {seconds % DAY // HOUR} h"


def since(moment: str | None, now: datetime) -> str:
    """When it was and how long ago that is; "" where it never was."""
    if moment is None:
        return ""
    return f"{local_time(moment)}, {duration(now - datetime.fromisoformat(moment))} ago"
