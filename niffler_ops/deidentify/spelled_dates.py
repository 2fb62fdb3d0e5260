"""Dates as people write them in text, and whether one of them is a given date."""

import re
from collections.abc import Iterator
from datetime import date
from unicodedata import normalize

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# German, French, Spanish and Italian abbreviations that differ.
_OTHER_MONTHS = {
    **dict.fromkeys(("ene", "janv", "gen"), 1),
    **dict.fromkeys(("fev", "fevr"), 2),
    **dict.fromkeys(("mrz", "maerz", "marz"), 3),
    **dict.fromkeys(("abr", "avr"), 4),
    **dict.fromkeys(("mai", "mag"), 5),
    **dict.fromkeys(("juin", "giu"), 6),
    **dict.fromkeys(("juil", "lug"), 7),
    **dict.fromkeys(("ago", "aou"), 8),
    **dict.fromkeys(("set",), 9),
    **dict.fromkeys(("okt", "ott"), 10),
    **dict.fromkeys(("dez", "dic"), 12),
}
_NUMBER_OF_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)} | _OTHER_MONTHS
_MONTH = "|".join(sorted(_NUMBER_OF_MONTH, key=len, reverse=True))

_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_NUMBER_OF_MONTH |= {numeral: number for number, numeral in enumerate(_ROMAN, 1)}
_NUMERAL = "|".join(reversed(_ROMAN))

_YEAR = "(?:[0-9]{4}|[0-9]{2})"
_GAP = r"[-./,_ \u2010-\u2015\u2212]"
_ORDINAL = "(?:st|nd|rd|th|er|[aeo])?"
_OF = rf"{_GAP}*(?:(?:the|of|del|de|di|du)(?![a-z]){_GAP}*)?"
# In Chinese, Japanese and Korean, which is folded.
_OF_YEAR, _OF_MONTH, _OF_DAY = (
    f"[ ]?(?:[{signs}]|{normalize('NFKD', korean)})"
    for signs, korean in (("年", "년"), ("月", "월"), ("日号號", "일"))
)
# A lone x with a space before it is no month: it multiplies.
_DATE = re.compile(
    rf"""(?<![0-9])(?:
      (?P<run>[0-9]{{8}}(?=[0-9]{{4}}(?:[0-9]{{2}})?(?![0-9]))|[0-9]{{8}}(?![0-9])|[0-9]{{6}}(?![0-9]))
    | (?P<a>[0-9]{{1,4}}){_GAP}{{1,2}}(?P<b>[0-9]{{1,2}}){_GAP}{{1,2}}(?P<c>[0-9]{{4}}|[0-9]{{1,2}})(?![0-9])
    | (?P<day>[0-9]{{1,2}}){_ORDINAL}{_OF}(?P<month>{_MONTH})[a-z]*{_OF}['\u2019]?(?P<year>{_YEAR})(?![0-9])
    | (?P<rday>[0-9]{{1,2}}){_GAP}{{1,2}}(?P<roman>{_NUMERAL})(?<![ ]x){_GAP}{{1,2}}
      (?P<ryear>{_YEAR})(?![0-9])
    | (?P<yfirst>[0-9]{{4}}){_GAP}*(?P<ymonth>{_MONTH})[a-z]*{_OF}(?P<yday>[0-9]{{1,2}})(?![0-9])
    | (?P<yeast>{_YEAR}){_OF_YEAR}[ ]?(?P<meast>[0-9]{{1,2}}){_OF_MONTH}
      [ ]?(?P<deast>[0-9]{{1,2}})(?:{_OF_DAY})?
    )
    | (?<![a-z])(?P<mmonth>{_MONTH})[a-z]*{_OF}(?P<mday>[0-9]{{1,2}}){_ORDINAL}(?=[^a-z0-9]){_OF}['\u2019]?
      (?P<myear>{_YEAR})(?![0-9])""",
    re.VERBOSE,
)
_FIRST_PART = re.compile("[0-9]+|[a-z]+")
_CENTURY = 100
_DAYS, _MONTH_COUNT = 31, 12
_FIRST_YEAR, _LAST_YEAR = 1890, 2100


def spelled_dates(folded: str) -> Iterator[tuple[int, int, tuple[tuple[int, int, int], ...]]]:
    """Where something like a date stands in folded text, and the years, months and days that it may mean.

    They may overlap: 5, 17.07 and 17.07.1931 stand in one text. Years of two digits are below 100.
    """
    at = 0
    while found := _DATE.search(folded, at):
        yield found.start(), found.end(), tuple(_readings(found))
        first = _FIRST_PART.match(folded, found.start())
        at = first.end() if first else found.end()


def is_date(readings: tuple[tuple[int, int, int], ...], when: date) -> bool:
    """Whether one of the readings is `when`."""
    return any(
        (month, day) == (when.month, when.day) and year in (when.year, when.year % _CENTURY)
        for year, month, day in readings
    )


def is_plausible(readings: tuple[tuple[int, int, int], ...]) -> bool:
    """Whether one of the readings, its year in full, is a day of somebody's life."""
    return any(
        _FIRST_YEAR <= year < _LAST_YEAR and 1 <= month <= _MONTH_COUNT and 1 <= day <= _DAYS
        for year, month, day in readings
    )


def _readings(found: re.Match[str]) -> Iterator[tuple[int, int, int]]:
    if run := found["run"]:
        yield from _run_readings(run)
    elif found["a"]:
        first, second, third = int(found["a"]), int(found["b"]), int(found["c"])
        yield from ((first, second, third), (third, second, first), (third, first, second))
    elif found["day"]:
        yield int(found["year"]), _NUMBER_OF_MONTH[found["month"]], int(found["day"])
    elif found["rday"]:
        yield int(found["ryear"]), _NUMBER_OF_MONTH[found["roman"]], int(found["rday"])
    elif found["yeast"]:
        yield int(found["yeast"]), int(found["meast"]), int(found["deast"])
    elif found["yfirst"]:
        yield int(found["yfirst"]), _NUMBER_OF_MONTH[found["ymonth"]], int(found["yday"])
    else:
        yield int(found["myear"]), _NUMBER_OF_MONTH[found["mmonth"]], int(found["mday"])


def _run_readings(run: str) -> Iterator[tuple[int, int, int]]:
    """YYYYMMDD, DDMMYYYY, MMDDYYYY, or with two digits of the year."""
    digits = len(run) - 4
    first, second, year = int(run[:2]), int(run[2:4]), int(run[4:])
    yield int(run[:digits]), int(run[digits : digits + 2]), int(run[digits + 2 :])
    yield year, second, first
    yield year, first, second
