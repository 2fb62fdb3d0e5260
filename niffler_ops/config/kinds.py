"""What the values of keys may be: each kind reads a JSON value or an option's text, or says what is allowed.

The text of a ValueError is what is allowed; the loader puts file, key and what was found before it.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from niffler_ops.model import AUTO, FreeSpace, Shard

MOST_PARTS = 1000
MOST_PERCENT = 90
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,12}\s*")


def parsed(value: Any) -> Any:
    """A list or an object, also as JSON text, as on a command line; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


class Kind:
    """A kind of value; `allowed` describes it for messages and documentation."""

    allowed: str
    unit: str = ""
    secret: bool = False

    def read(self, value: Any) -> Any:
        """The value as our code uses it; ValueError says what is allowed."""
        raise NotImplementedError

    def read_in(self, value: Any, info: ValidationInfo) -> Any:  # noqa: ARG002  kinds that look around override it
        """The same, for a kind that depends on other keys or on the file that gave the value."""
        return self.read(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read the annotated field by this kind alone."""
        return core_schema.with_info_plain_validator_function(self.read_in)


class Whole(Kind):
    """A whole number within bounds; also as a string, which upstream's files contain."""

    def __init__(self, low: int, high: int, unit: str = "") -> None:
        self._low, self._high = low, high
        self.unit = unit
        self.allowed = f"a whole number from {low} to {high}"

    def read(self, value: Any) -> int:
        """The number."""
        number = _whole_number(value)
        if number is None or not self._low <= number <= self._high:
            raise ValueError(self.allowed)
        return number


class Tuned(Whole):
    """A whole number, or `auto` to let the program find it."""

    def __init__(self, low: int, high: int, unit: str = "") -> None:
        super().__init__(low, high, unit)
        self.allowed = f"`{AUTO}`, or {self.allowed}"

    def read(self, value: Any) -> Any:
        """The number, or the word."""
        if isinstance(value, str) and value.strip().casefold() == AUTO:
            return AUTO
        return super().read(value)


class Seconds(Kind):
    """A span of time."""

    unit = "seconds"

    def __init__(self, low: float = 0.1, high: float = 30 * 86_400) -> None:
        self._low, self._high = low, high
        self.allowed = f"a number of seconds from {low:g} to {high:.0f}"

    def read(self, value: Any) -> float:
        """Seconds."""
        seconds = number_within(value, self._low, self._high)
        if seconds is None:
            raise ValueError(self.allowed)
        return seconds


class Space(Kind):
    """Room on a disk."""

    allowed = "a number of GB, or text such as `20 GB`, `500 MB` or `2%`"
    _FORM = re.compile(r"([0-9]+(?:\.[0-9]*)?)\s*(|%|MB|GB|TB)", re.IGNORECASE)
    _UNITS: ClassVar[Mapping[str, float]] = {"": 1e9, "mb": 1e6, "gb": 1e9, "tb": 1e12}

    def read(self, value: Any) -> FreeSpace:
        """Bytes or a share."""
        text = "" if isinstance(value, bool) else str(value).strip()
        found = self._FORM.fullmatch(text)
        if found is None:
            raise ValueError(self.allowed)
        number, unit = float(found[1]), found[2].casefold()
        if unit == "%":
            if number > MOST_PERCENT:
                raise ValueError(self.allowed)
            return FreeSpace(share=number / 100)
        return FreeSpace(bytes=number * self._UNITS[unit])


class Part(Kind):
    """One of several parts of a list."""

    allowed = f"K/N, the part and the number of parts, such as `1/4`; N is at most {MOST_PARTS}"
    _FORM = re.compile(r"([1-9][0-9]{0,3})\s*/\s*([1-9][0-9]{0,3})")

    def read(self, value: Any) -> Shard:
        """The part."""
        found = self._FORM.fullmatch(value.strip()) if isinstance(value, str) else None
        shard = Shard.parse(found[0]) if found else None
        if shard is None or not shard.number <= shard.of <= MOST_PARTS:
            raise ValueError(self.allowed)
        return shard


class Mode(Kind):
    """Who may read files."""

    allowed = "an octal mode such as `0600` or `0640`: read and written by the owner, written by nobody else"
    _FORM = re.compile(r"0?6([04])([04])")

    def read(self, value: Any) -> int:
        """The permission bits."""
        if not isinstance(value, str) or not self._FORM.fullmatch(value.strip()):
            raise ValueError(self.allowed)
        return int(value.strip(), 8)


class Text(Kind):
    """Any text, also none."""

    def __init__(self, allowed: str = "text") -> None:
        self.allowed = allowed

    def read(self, value: Any) -> str:
        """The text without blanks around it."""
        if not isinstance(value, str) or not all(character.isprintable() for character in value):
            raise ValueError(self.allowed)
        return value.strip()


class Flag(Kind):
    """True or false; also as strings, which upstream's files contain."""

    allowed = "true or false"
    _WORDS: ClassVar[Mapping[str, bool]] = {"true": True, "false": False, "": False}

    def read(self, value: Any) -> bool:
        """The truth value."""
        if isinstance(value, bool):
            return value
        word = value.strip().casefold() if isinstance(value, str) else str(value)
        if word not in self._WORDS:
            raise ValueError(self.allowed)
        return self._WORDS[word]


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *options: str) -> None:
        self._options = {option.casefold(): option for option in options}
        self.allowed = " or ".join(f"`{option}`" for option in options)

    def read(self, value: Any) -> str:
        """The word in our spelling."""
        found = self._options.get(value.strip().casefold()) if isinstance(value, str) else None
        if found is None:
            raise ValueError(self.allowed)
        return found


class Place(Kind):
    """A file or folder; relative to the folder of the file that names it, or to the current one."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed

    def read_in(self, value: Any, info: ValidationInfo) -> Path:
        """The absolute path, symbolic links left as they are."""
        return absolute(value, base_folder(info), self.allowed)


class Maybe(Kind):
    """A kind whose value may be left empty, which is as good as an absent key."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.allowed, self.unit, self.secret = kind.allowed, kind.unit, kind.secret

    def read_in(self, value: Any, info: ValidationInfo) -> Any:
        """The value, or None where it is empty."""
        is_empty = value is None or (isinstance(value, str) and not value.strip())
        return None if is_empty else self._kind.read_in(value, info)


def base_folder(info: ValidationInfo) -> Path:
    """What relative paths of this key are relative to; the loader passes it for each key."""
    folders: Mapping[str, Path] = info.context or {}
    return folders.get(info.field_name or "", Path())


def absolute(value: Any, folder: Path, allowed: str) -> Path:
    """`value` as an absolute path, `~` expanded; ValueError where it is no path."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(allowed)
    try:
        path = os.path.abspath(folder / Path(value.strip()).expanduser())  # noqa: PTH100  resolve() follows links
        path.encode()
    except RuntimeError as error:
        raise ValueError(f"{allowed} (there is no such home folder)") from error
    except UnicodeEncodeError as error:  # the ledger, which is UTF-8, could not hold it
        raise ValueError(f"{allowed} (its whole path has to be UTF-8)") from error
    return Path(path)


def number_within(value: Any, low: float, high: float) -> float | None:
    """A number or its text, from `low` to `high`; None for whatever else."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if low <= number <= high else None


def _whole_number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None
