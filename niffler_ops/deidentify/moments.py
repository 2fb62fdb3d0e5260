"""Dates moved back by days, times and ages checked; None for what is none, which must not pass as text."""

import re
from datetime import date, timedelta
from functools import lru_cache

# PS3.5 6.2: DA, also as ACR-NEMA had it; TM; DT, all but its date optional.
_DATE = re.compile(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})")
_TIME = re.compile(
    r"(?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?(?:[0-5][0-9]|60)(?:\.[0-9]{0,6})?)?)?"  # 60: a leap second
)
_REST_OF_MOMENT = re.compile(rf"(?:{_TIME.pattern})?(?:[+-][01][0-9][0-5][0-9])?")
_PARTIAL_MOMENT = re.compile(r"[0-9]{4}(?:(?:0[1-9]|1[0-2]))?(?:[+-][01][0-9][0-5][0-9])?")
_ZONE = re.compile(r"[+-][01][0-9][0-5][0-9]")
_AGE = re.compile(r"([0-9]{1,3})([DWMY])")

OLDEST = 89  # years: beyond, an age by itself tells a person (45 CFR 164.514(b)(2)(i)(C))
_BEYOND = "090Y"
_DATE_LENGTH = 8
_KNOWN_DATES = 16_384


@lru_cache(maxsize=_KNOWN_DATES)
def moved_date(text: str, days: int) -> str | None:
    """A value of VR DA `days` earlier, in the same form."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, dot, month, day = found.groups()
    try:
        moved = date(int(year), int(month), int(day)) - timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04d}{dot}{moved.month:02d}{dot}{moved.day:02d}"


def moved_moment(text: str, days: int) -> str | None:
    """A value of VR DT `days` earlier, the rest of it unchanged; one without a day cannot move."""
    if not days and _PARTIAL_MOMENT.fullmatch(text):
        return text
    moved = moved_date(text[:_DATE_LENGTH], days)
    rest = text[_DATE_LENGTH:]
    return moved + rest if moved is not None and _REST_OF_MOMENT.fullmatch(rest) else None


def time_of_day(text: str) -> str | None:
    """A value of VR TM as it is."""
    return text if _TIME.fullmatch(text) else None


def any_moment(text: str) -> str | None:
    """A value of VR DA, DT or TM as it is."""
    return text if moved_moment(text, 0) or moved_date(text, 0) or time_of_day(text) else None


def zone(text: str) -> str | None:
    """An offset from UTC as it is."""
    return text if _ZONE.fullmatch(text) else None


def age(text: str) -> str | None:
    """A value of VR AS; everybody older than 89 is 90."""
    found = _AGE.fullmatch(text)
    if found is None:
        return None
    return _BEYOND if found[2] == "Y" and int(found[1]) > OLDEST else text
