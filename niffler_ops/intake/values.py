"""A cell to the value that is asked for, by its value representation; no reason repeats a value."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

BLANKS = " \t\N{NO-BREAK SPACE}"

_INVISIBLE = "\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\ufeff"
_CONTROL = re.compile(f"[{_INVISIBLE}]")
_TEXT = rf"[^*?\\{_INVISIBLE}]"
_LENGTHS: Mapping[str, int] = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10_240}  # characters; PS3.5 6.2
_HOURS = r"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"
_DAYS = r"(?:0[1-9]|[12][0-9]|3[01])"
_NAME_GROUP = rf"(?=[^=]{{0,64}}(?:=|$))(?:(?![=^]){_TEXT})*(?:\^(?:(?![=^]){_TEXT})*){{0,4}}"


class _Rule(NamedTuple):
    """What a value of a representation looks like, to the machine and to a person (PS3.5 6.2)."""

    pattern: str
    meaning: str


_RULES: Mapping[str, _Rule] = {
    "AE": _Rule(r"[ -\[\]-~]{1,16}", "at most 16 ASCII characters"),
    "AS": _Rule(r"[0-9]{3}[DWMY]", "three digits and D, W, M or Y"),
    "CS": _Rule(r"[A-Z0-9_ ]{1,16}", "at most 16 capital letters, digits, blanks and _"),
    "DS": _Rule(
        r"(?=.{1,16}$)[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?",
        "a number of at most 16 characters",
    ),
    "DT": _Rule(
        rf"[0-9]{{4}}(?:(?:0[1-9]|1[0-2])(?:{_DAYS}(?:{_HOURS})?)?)?(?:[+-][01][0-9][0-5][0-9])?",
        "a date and time written YYYYMMDDHHMMSS.FFFFFF+ZZXX, from the right on less of it",
    ),
    "IS": _Rule(r"(?=.{1,12}$)[+-]?[0-9]+", "a whole number of at most 12 characters"),
    "PN": _Rule(
        rf"(?=.*[^=^]){_NAME_GROUP}(?:={_NAME_GROUP}){{0,2}}",
        "at most three groups (=) of 64 characters and five components (^)",
    ),
    "TM": _Rule(_HOURS, "a time written HHMMSS.FFFFFF, from the right on less of it"),
    "UI": _Rule(r"(?=.{1,64}$)[0-9]+(?:\.[0-9]+)*", "at most 64 digits and dots"),
}


def value_reader(name: str, vr: str) -> Callable[[str], str]:
    """What turns a cell into the value to ask for; its ValueError is the reason of a refusal."""
    longest = _LENGTHS.get(vr)
    rule = _RULES.get(vr, _Rule(f"{_TEXT}{{1,{longest or ''}}}", ""))
    good = re.compile(rule.pattern)

    def read(value: str) -> str:
        if good.fullmatch(value):
            return value
        raise ValueError(text_problem(name, value) or _rule_problem(name, vr, value))

    return read


def long_accession_reader(name: str, read: Callable[[str], str]) -> Callable[[str], str]:
    """The same for accession numbers of which a long one is asked without its 8th and 9th character."""

    def read_long(value: str) -> str:
        if len(value) <= _LENGTHS["SH"]:
            return read(value)
        if problem := text_problem(name, value):
            raise ValueError(problem)  # what is cut out counts too
        return read(value[:7] + value[9:])

    return read_long


def text_problem(name: str, value: str) -> str | None:
    """Why no value can be asked like this, whatever its representation; None where it can."""
    if not value:
        return f"{name} is empty"
    if "*" in value or "?" in value:
        return f"{name} holds a wildcard (* or ?)"
    if "\\" in value:
        return f"{name} holds a backslash"
    if _CONTROL.search(value):
        return f"{name} holds a control or invisible character"
    return None


def _rule_problem(name: str, vr: str, value: str) -> str:
    if vr in _RULES:
        return f"{name} is no {vr}: {_RULES[vr].meaning}"
    return f"{name} has {len(value)} characters, {_LENGTHS[vr]} are allowed"
