"""DICOM dates and times (PS3.5 6.2) as moments, and how they are shifted.

Time zones are ignored: a moment is what stands there, wherever it is read.
"""

import calendar
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_TIME = r"(?P<hour>[0-9]{2})(?::?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})(?:\.(?P<part>[0-9]{1,6}))?)?)?"
_FORMS = {
    "DA": re.compile(r"(?P<year>[0-9]{4})([.-]?)(?P<month>[0-9]{2})\2(?P<day>[0-9]{2})"),
    "TM": re.compile(_TIME),
    "DT": re.compile(
        rf"(?P<year>[0-9]{{4}})(?:(?P<month>[0-9]{{2}})(?:(?P<day>[0-9]{{2}})(?:{_TIME})?)?)?(?:[+-][0-9]{{4}})?"
    ),
}
_EPOCH = {"year": 1970, "month": 1, "day": 1, "hour": 0, "minute": 0}  # the day of a time without one
_LEAP_SECOND = 60

_NUMBER = "([+-]?[0-9]{1,9})"
_PERIOD = re.compile(rf"([+-]?)P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?", re.IGNORECASE)
_DURATION = re.compile(
    rf"([+-]?)P(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.IGNORECASE
)


class Shift(NamedTuple):
    """How far a moment is moved: years first, then months, then the rest."""

    years: int
    months: int
    rest: timedelta

    def __call__(self, moment: datetime) -> datetime | None:
        """The moment moved, or None where the calendar ends."""
        try:
            return _months_later(_months_later(moment, 12 * self.years), self.months) + self.rest
        except (ValueError, OverflowError):  # no such year
            return None


VRS = frozenset(_FORMS)


@lru_cache(maxsize=4096)
def moment_of(vr: str, text: str) -> datetime | None:
    """The moment that a value of VR DA, TM or DT means, or None where it is none."""
    match = _FORMS[vr].fullmatch(text)
    if match is None:
        return None
    found = {name: int(digits) for name, digits in match.groupdict().items() if digits and name != "part"}
    seconds = found.pop("second", 0)
    milliseconds = int((match.groupdict().get("part") or "").ljust(3, "0")[:3])
    if seconds > _LEAP_SECOND:
        return None
    try:
        moment = datetime(**(_EPOCH | found))  # type: ignore[arg-type]  # noqa: DTZ001  no zone is known
        return moment + timedelta(seconds=seconds, milliseconds=milliseconds)
    except (ValueError, OverflowError):  # no such day, or the second after the last one
        return None


def parse_shift(kind: str, text: str) -> Shift | None:
    """A shift as dcm4che takes it: ISO 8601, `-P1M` for a date, `+PT30M` for a time; or None."""
    match = (_PERIOD if kind == "date" else _DURATION).fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        return None
    sign = -1 if match[1] == "-" else 1
    first, second, third, fourth = (sign * int(digits or 0) for digits in match.groups()[1:])
    try:
        if kind == "date":
            return Shift(first, second, timedelta(days=7 * third + fourth))
        return Shift(0, 0, timedelta(days=first, hours=second, minutes=third, seconds=fourth))
    except OverflowError:
        return None


def _months_later(moment: datetime, months: int) -> datetime:
    """The same day of another month, or its last one where the month is shorter."""
    year, month = divmod(12 * moment.year + moment.month - 1 + months, 12)
    first = moment.replace(year=year, month=month + 1, day=1)
    return first.replace(day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
