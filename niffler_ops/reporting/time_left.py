"""When an extraction is expected to be at its end, in words."""

from datetime import datetime, timedelta

from niffler_ops.reporting.standing import expected_end
from niffler_ops.reporting.status import Status
from niffler_ops.stages.windows import Window

DAY = timedelta(days=1)


def until_when(status: Status, night: Window | None) -> str:
    """What follows the time that is left: in which hours only, and until when; "" where nobody can tell."""
    if status.eta_seconds is None:
        return ""
    end = expected_end(status.gathered_at, status.eta_seconds, night)
    hours = f", from {night} only" if night is not None else ""
    return hours + (f", until about {_moment(end, status.gathered_at)}" if end is not None else "")


def _moment(moment: datetime, now: datetime) -> str:
    local = moment.astimezone()
    return f"{local:%H:%M}" if moment - now < DAY / 2 else f"{local:%a %d %b %H:%M}"
