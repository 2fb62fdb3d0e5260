"""One cell to the value that is asked for, or the reason why it cannot be; no reason repeats a value."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial

from niffler_ops.config import Config

BLANKS = " \t\N{NO-BREAK SPACE}"
_LENGTHS = {"PatientID": 64, "AccessionNumber": 16}  # characters; PS3.5 6.2: LO and SH
_INVISIBLE = "\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\ufeff"
_CONTROL = re.compile(f"[{_INVISIBLE}]")
_RUNNING_DIGITS = re.compile(r"%[YymdHMSjf]%[YymdHMSjf]")


def cell_reader(config: Config, keyword: str, index: int) -> Callable[[str], str]:
    """What turns a cell into the value to ask for; its ValueError is the reason of a refusal."""
    name = f"{keyword} (column {index})"
    if keyword in _LENGTHS:
        return _text_reader(name, _LENGTHS[keyword])
    return lru_cache(maxsize=65_536)(partial(study_date, name, config.date_format))


def _text_reader(name: str, longest: int) -> Callable[[str], str]:
    good = re.compile(rf"[^*?\\{_INVISIBLE}]{{1,{longest}}}")

    def read(value: str) -> str:
        if good.fullmatch(value):
            return value
        raise ValueError(_text_problem(name, value, longest))

    return read


def _text_problem(name: str, value: str, longest: int) -> str:
    if not value:
        return f"{name} is empty"
    if "*" in value or "?" in value:
        return f"{name} holds a wildcard (* or ?)"
    if "\\" in value:
        return f"{name} holds a backslash"
    if _CONTROL.search(value):
        return f"{name} holds a control or invisible character"
    return f"{name} has {len(value)} characters, {longest} are allowed"


def study_date(name: str, date_format: str, value: str) -> str:
    """The date as YYYYMMDD."""
    if not value:
        raise ValueError(f"{name} is empty")
    try:
        moment = datetime.strptime(value, date_format)  # noqa: DTZ007  days have no zone
    except ValueError:
        moment = None
    # Where digits run together, strptime takes 2020115 for both 1 November and 11 May: insist on full widths.
    if moment is None or (_RUNNING_DIGITS.search(date_format) and moment.strftime(date_format) != value):
        raise ValueError(f"{name} is no date in DateFormat {date_format}")
    return f"{moment.year:04}{moment.month:02}{moment.day:02}"
