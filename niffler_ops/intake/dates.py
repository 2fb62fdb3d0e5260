"""A cell of a date column to YYYYMMDD, or to a range YYYYMMDD-YYYYMMDD; no reason repeats a value."""

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache, partial

from niffler_ops.intake.values import BLANKS

Days = tuple[str, str]
"""First and last day, each as YYYYMMDD."""
Period = Callable[[str], Days | None]

_RUNNING_DIGITS = re.compile(r"%[YymdHMSjf]%[YymdHMSjf]")
_MONTH = re.compile(r"([0-9]{4})(0[1-9]|1[0-2])")
_YEAR = re.compile(r"[0-9]{4}")
_LONGEST = 200  # characters; a longer text is no date in any format, and has too many hyphens to try


def date_reader(name: str, attribute: str, date_format: str) -> Callable[[str], str]:
    """What turns a cell into a date or a range; its ValueError is the reason of a refusal.

    `attribute` StudyMonth and StudyYear are written YYYYMM and YYYY, whatever `date_format` is.
    """
    period: Period = partial(_day, date_format)
    what = f"date in DateFormat {date_format}"
    if attribute == "StudyMonth":
        period, what = _month, "month written YYYYMM"
    elif attribute == "StudyYear":
        period, what = _year, "year written YYYY"
    return lru_cache(maxsize=65_536)(partial(_read, name, what, period))


def _read(name: str, what: str, period: Period, value: str) -> str:
    if not value:
        raise ValueError(f"{name} is empty")
    days = period(value) if len(value) <= _LONGEST else None
    first, last = days or _range(name, what, period, value)
    return first if first == last else f"{first}-{last}"


def _range(name: str, what: str, period: Period, value: str) -> Days:
    """The days of `A-B`; a format may hold hyphens itself, so each is tried as the one between the ends."""
    for before, after in _splits(value):
        start, end = period(before), period(after)
        if (start and not after) or (end and not before):
            raise ValueError(f"{name} is an open range; allowed: both ends, A-B")
        if start and end:
            if start[0] > end[1]:
                raise ValueError(f"{name} is a range that ends before it begins")
            return start[0], end[1]
    raise ValueError(f"{name} is no {what}")


def _splits(value: str) -> Iterator[tuple[str, str]]:
    if len(value) > _LONGEST:
        return
    for place, character in enumerate(value):
        if character == "-":
            yield value[:place].strip(BLANKS), value[place + 1 :].strip(BLANKS)


def _day(date_format: str, text: str) -> Days | None:
    try:
        moment = datetime.strptime(text, date_format)  # noqa: DTZ007  days have no zone
    except ValueError:
        return None
    # Where digits run together, strptime takes 2020115 for both 1 November and 11 May: insist on full widths.
    if _RUNNING_DIGITS.search(date_format) and moment.strftime(date_format) != text:
        return None
    day = f"{moment.year:04}{moment.month:02}{moment.day:02}"
    return day, day


def _month(text: str) -> Days | None:
    found = _MONTH.fullmatch(text)
    if not found or found[1] == "0000":
        return None
    last = calendar.monthrange(int(found[1]), int(found[2]))[1]
    return f"{text}01", f"{text}{last:02}"


def _year(text: str) -> Days | None:
    return (f"{text}0101", f"{text}1231") if _YEAR.fullmatch(text) and text != "0000" else None
