"""Recipes of the package deid: which devices write into their images, and where.

Only filters with coordinates are used; what is held back is not ruled by black and white lists but by
`holding`. The format: https://pydicom.github.io/deid/getting-started/dicom-pixels/ The package's own reader
prints what it does not understand and goes on; here such a line is an error, as it may name a device.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from niffler_ops.deidentify.elements import PADDING
from niffler_ops.deidentify.regions import Region
from niffler_ops.errors import ConfigurationError

ALL = Region(0, 0, 1 << 31, 1 << 31)
FROM = "from:"

_ACTION = "contains|notcontains|equals|notequals|missing|present|empty"
_JOINTS = re.compile(rf"\s*(\|\||\+)\s*(?=(?:{_ACTION})\s)", re.IGNORECASE)
_CONDITION = re.compile(rf"({_ACTION})\s+(\S+)\s*(.*)", re.IGNORECASE)
_COORDINATES = re.compile(r"(ctp)?(keep)?coordinates\s+(.+)", re.IGNORECASE)
_WITHOUT_VALUE = frozenset({"missing", "present", "empty"})
_FOUR = 4


class Condition(NamedTuple):
    """One comparison of an attribute; `is_or` says how it is joined to what stands before it."""

    is_or: bool
    action: str
    keyword: str
    value: str

    def holds(self, text: str | None) -> bool:
        """Whether it is true of the attribute's text, None if absent."""
        if self.action in _WITHOUT_VALUE:
            return text == "" if self.action == "empty" else (text is None) == (self.action == "missing")
        found = text is not None and self._finds(text)
        return not found if self.action.startswith("not") else found

    def _finds(self, text: str) -> bool:
        if self.action.endswith("contains"):
            return re.search(self.value, text, re.IGNORECASE) is not None
        return self.value.casefold() in [part.strip(PADDING).casefold() for part in text.split("\\")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A filter: lines of conditions, and the steps that blank (True) or keep a region.

    A step names either a region or the attribute that has regions.
    """

    lines: tuple[tuple[Condition, ...], ...]
    steps: tuple[tuple[bool, Region | str], ...]


@cache
def packaged_devices() -> tuple[Device, ...]:
    """The devices that the package deid knows."""
    text = (files("deid") / "data" / "deid.dicom").read_text("utf-8")
    return _devices("deid.dicom", text)


def own_devices(recipe: Path) -> tuple[Device, ...]:
    """The devices that a site's own recipe knows; raises ConfigurationError with every line that is wrong."""
    try:
        text = recipe.read_text("utf-8")
    except (OSError, UnicodeError):
        raise ConfigurationError(f"{recipe}: this recipe cannot be read") from None
    devices = _devices(str(recipe), text)
    if not devices:
        raise ConfigurationError(f"{recipe}: this recipe has no filter with coordinates")
    return devices


def _devices(name: str, text: str) -> tuple[Device, ...]:
    problems, devices = list[str](), list[Device]()
    for block in _filters(text):
        conditions, steps = list[tuple[Condition, ...]](), list[tuple[bool, Region | str]]()
        for number, line in block:
            try:
                if found := _COORDINATES.fullmatch(line):
                    steps.append(_step(found))
                else:
                    conditions.append(tuple(_conditions(line)))
            except (ValueError, re.error) as error:
                problems.append(f"{name}, line {number}: {error}")
        if steps:
            devices.append(Device(lines=tuple(conditions), steps=tuple(steps)))
    if problems:
        raise ConfigurationError(*problems)
    return tuple(devices)


def _filters(text: str) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines of each filter; other sections say nothing of pixels."""
    is_filter, block = False, list[tuple[int, str]]()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("%") or line.upper().startswith("LABEL"):
            yield block
            block = []
            is_filter = line.lower().startswith("%filter") if line.startswith("%") else is_filter
        elif is_filter:
            block.append((number, line))
    yield block


def _step(found: re.Match[str]) -> tuple[bool, Region | str]:
    """Coordinates: left, top, right, bottom, or as CTP has them left, top, width, height."""
    is_ctp, is_kept, text = bool(found[1]), bool(found[2]), found[3].strip()
    if text.lower() == "all":
        return not is_kept, ALL
    if text.startswith(FROM):
        return not is_kept, text[len(FROM) :]
    parts = text.split(",")
    if len(parts) != _FOUR or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"{text!r} is not four numbers, `all`, or `from:` and an attribute")
    left, top, right, bottom = map(int, parts)
    return not is_kept, Region(left, top, right + left * is_ctp, bottom + top * is_ctp)


def _conditions(line: str) -> Iterator[Condition]:
    """The conditions of a line, which may itself be joined to the line before it."""
    joint = "+"
    for sign in ("||", "+"):
        if line.startswith(sign):
            joint, line = sign, line[len(sign) :].strip()
            break
    parts = [joint, *_JOINTS.split(line)]
    for is_or, text in zip(parts[::2], parts[1::2], strict=True):
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no condition and has no coordinates")
        action, keyword, value = found[1].lower(), found[2], found[3].strip()
        if (action in _WITHOUT_VALUE) == bool(value):
            raise ValueError(f"{text!r} has {'a value too many' if value else 'no value'}")
        re.compile(value)
        yield Condition(is_or == "||", action, keyword, value)
