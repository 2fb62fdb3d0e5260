"""How long ago something was, on a machine whose clock may have been wrong."""

from datetime import datetime, timedelta

AHEAD = timedelta(days=1)


def age(moment: datetime, now: datetime) -> timedelta:
    """How long ago it was; what is more than a day ahead was told by a clock since set back: long ago."""
    passed = now - moment
    return passed if passed >= -AHEAD else timedelta.max
