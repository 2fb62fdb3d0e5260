"""Dates in the spellings that people and programs use, as YYYYMMDD."""

import re
from collections.abc import Iterator
from datetime import date

from niffler_ops.audit.spelling import fold

# How the months begin in English, German, French, Spanish and Italian; and in Roman numerals.
_BEGINNINGS = (
    "jan|gen|ene",
    "feb|fev",
    "mar|mrz|maerz",
    "apr|avr|abr",
    "may|mai|mag",
    "jun|juin|giu",
    "jul|juil|lug",
    "aug|aou|ago",
    "sep|set",
    "oct|okt|ott",
    "nov",
    "dec|dez|dic",
)
_NUMERALS = "I II III IV V VI VII VIII IX X XI XII".casefold().split()
_MONTHS = {word: number for number, words in enumerate(_BEGINNINGS, 1) for word in words.split("|")}
_MONTHS |= {numeral: number for number, numeral in enumerate(_NUMERALS, 1)}
_NAMED = f"(?:{'|'.join(_BEGINNINGS)})"
_ANY, _SEP = r"[\W_]{0,3}", r"[-./ _,\u2010-\u2015\u2212]"
_LITTLE_WORD = rf"(?:(?:of|the|in|de|del|di|du){_ANY})?"
_ENDING = "(?:st|nd|rd|th|er|o|a|e)?"
_COMPACT = re.compile(r"(?<!\d)(?<!\d\.)(\d{8})(?:\d{4}|\d{6})?(?!\d)")
# What looks ahead may overlap: 5, 17.07.1931 has one date.
_YEAR_FIRST = re.compile(rf"(?<!\d)(?=(\d{{4}})({_SEP})(\d{{1,2}})\2(\d{{1,2}})(?!\d))")
_YEAR_LAST = re.compile(rf"(?<![\d.])(?=(\d{{1,2}})({_SEP})(\d{{1,2}})\2(\d{{4}}|\d{{2}})(?![\d.]\d)(?!\d))")
_DAY_NAMED = re.compile(
    rf"(?<!\d)(\d{{1,2}}){_ENDING}{_ANY}{_LITTLE_WORD}({_NAMED})[a-z]{{0,9}}{_ANY}{_LITTLE_WORD}(\d{{4}}|\d{{2}})(?!\d)"
)
_MONTH_NAMED = re.compile(
    rf"({_NAMED})[a-z]{{0,9}}{_ANY}{_LITTLE_WORD}(\d{{1,2}}){_ENDING}[\W_]{{1,3}}{_LITTLE_WORD}(\d{{4}})(?!\d)"
)
_YEAR_NAMED = re.compile(  # not within a digest, which has letters as well
    rf"(?<![^\W_])(\d{{4}}){_ANY}({_NAMED})[a-z]{{0,9}}{_ANY}{_LITTLE_WORD}(\d{{1,2}})(?![^\W_])"
)
_ROMAN = re.compile(
    rf"(?<!\d)(\d{{1,2}})[\W_]{{1,2}}({'|'.join(_NUMERALS)})[\W_]{{1,2}}(\d{{4}}|\d{{2}})(?!\d)"
)
_EAST_ASIAN = re.compile(r"(?<!\d)(\d{4}|\d{2})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})(?!\d)")
_LONE = re.compile(r"[\d\s:./,+\-_TZ\\]*")
_FIRST_YEAR, _LAST_YEAR = 1880, 2100


def is_lone(text: str) -> bool:
    """Whether a text is nothing but dates, times and numbers."""
    return _LONE.fullmatch(text) is not None


def dates(text: str) -> set[str]:
    """Every day that the text may mean; 03/02/1931 means two."""
    if sum(map(str.isdigit, text)) < 3:  # noqa: PLR2004 - 3 Feb 31 has three
        return set()
    folded = fold(text)
    found = (*_numbers(folded), *_words(folded))
    return {day for year, month, number in found if (day := _day(year, month, number))}


def _numbers(text: str) -> Iterator[tuple[str, int | str, str]]:
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
    for match in _EAST_ASIAN.finditer(text):
        for year in _years(match[1]):
            yield year, match[2], match[3]


def _words(text: str) -> Iterator[tuple[str, int | str, str]]:
    """Dates whose month is a word, or a Roman numeral."""
    for pattern in (_DAY_NAMED, _ROMAN):
        for match in pattern.finditer(text):
            for year in _years(match[3]):
                yield year, _MONTHS[match[2]], match[1]
    for match in _MONTH_NAMED.finditer(text):
        yield match[3], _MONTHS[match[1]], match[2]
    for match in _YEAR_NAMED.finditer(text):
        yield match[1], _MONTHS[match[2]], match[3]


def _years(text: str) -> tuple[str, ...]:
    return (text,) if len(text) > 2 else (f"19{text}", f"20{text}")  # noqa: PLR2004


def _day(year: str, month: int | str, number: str) -> str:
    try:
        day = date(int(year), int(month), int(number))
    except ValueError:
        return ""
    return f"{day:%Y%m%d}" if _FIRST_YEAR <= day.year <= _LAST_YEAR else ""
