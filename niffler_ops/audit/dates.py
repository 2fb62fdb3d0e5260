"""Dates in the spellings that people and programs use, as YYYYMMDD."""

import re
from collections.abc import Iterator
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = "|".join(_MONTHS)
_COMPACT = re.compile(r"(?<!\d)(?<!\d\.)(\d{8})(?:\d{4}|\d{6})?(?!\d)")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})([-./ _])(\d{1,2})\2(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<![\d.])(\d{1,2})([-./ _])(\d{1,2})\2(\d{4}|\d{2})(?![\d.]\d)(?!\d)")
_DAY_NAMED = re.compile(rf"(?i)(?<!\d)(\d{{1,2}})\W{{0,3}}({_NAMED})[a-z]*\W{{0,3}}(\d{{4}}|\d{{2}})(?!\d)")
_MONTH_NAMED = re.compile(rf"(?i)({_NAMED})[a-z]*\W{{0,3}}(\d{{1,2}})\W{{1,3}}(\d{{4}})(?!\d)")
_LONE = re.compile(r"[\d\s:./,+\-_TZ\\]*")
_FIRST_YEAR, _LAST_YEAR = 1880, 2100


def is_lone(text: str) -> bool:
    """Whether a text is nothing but dates, times and numbers."""
    return _LONE.fullmatch(text) is not None


def dates(text: str) -> set[str]:
    """Every day that the text may mean; 03/02/1931 means two."""
    if sum(map(str.isdigit, text)) < 3:  # noqa: PLR2004 - 3 Feb 31 has three
        return set()
    return {day for year, month, number in _candidates(text) if (day := _day(year, month, number))}


def _candidates(text: str) -> Iterator[tuple[str, str, str]]:
    for match in _COMPACT.finditer(text):
        digits = match[1]
        yield digits[:4], digits[4:6], digits[6:]
        yield digits[4:], digits[2:4], digits[:2]
        yield digits[4:], digits[:2], digits[2:4]
    for match in _YEAR_FIRST.finditer(text):
        yield match[1], match[3], match[4]
    for match in _YEAR_LAST.finditer(text):
        for year in _years(match[4]):
            yield year, match[3], match[1]
            yield year, match[1], match[3]
    for match in _DAY_NAMED.finditer(text):
        for year in _years(match[3]):
            yield year, _month(match[2]), match[1]
    for match in _MONTH_NAMED.finditer(text):
        yield match[3], _month(match[1]), match[2]


def _years(text: str) -> tuple[str, ...]:
    return (text,) if len(text) > 2 else (f"19{text}", f"20{text}")  # noqa: PLR2004


def _month(name: str) -> str:
    return str(_MONTHS.index(name.lower()) + 1)


def _day(year: str, month: str, number: str) -> str:
    try:
        day = date(int(year), int(month), int(number))
    except ValueError:
        return ""
    return f"{day:%Y%m%d}" if _FIRST_YEAR <= day.year <= _LAST_YEAR else ""
