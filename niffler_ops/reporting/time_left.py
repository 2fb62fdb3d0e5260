"""When an extraction is expected to be at its end."""

from datetime import datetime, timedelta

from niffler_ops.reporting.standing import expected_end
from niffler_ops.reporting.status import ExtractionState, Status

DAY = timedelta(days=1)


def end_of(status: Status) -> datetime | None:
    """When every row is expected to be at its end; None where nobody can tell."""
    if status.eta_seconds is None:
        return None
    begin = status.gathered_at
    if status.state is ExtractionState.PAUSED:
        if status.resumes_at is None:
            return None
        begin = max(begin, datetime.fromisoformat(status.resumes_at))
    return expected_end(begin, status.eta_seconds, status.night)


def until_when(status: Status) -> str:
    """What follows the time that is left: in which hours only, and until when; "" where nobody can tell."""
    if status.eta_seconds is None:
        return ""
    hours = f", from {status.night} only" if status.night is not None else ""
    if status.state is ExtractionState.PAUSED and status.resumes_at is None:
        return f"{hours}, once it goes on"
    return f"{hours}{until(end_of(status), status.gathered_at)}"


def until(end: datetime | None, now: datetime) -> str:
    """The end alone; "" where it is not known."""
    if end is None:
        return ""
    local = end.astimezone()
    return f", until about {local:%H:%M}" if end - now < DAY / 2 else f", until about {local:%a %d %b %H:%M}"
