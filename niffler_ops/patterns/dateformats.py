"""Dates in the letters of Java's SimpleDateFormat, in English and without a time zone.

What Java takes from the machine's language or time zone is refused: a resumed run may have others.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_SHORT = 3
_YEAR_OF_CENTURY = 2

# Every field is at its longest: a Wednesday in September, 23:59:59.999.
LONGEST = datetime(2015, 9, 30, 23, 59, 59, 999_000)  # noqa: DTZ001  no zone is shown

_NUMBERS: dict[str, tuple[Callable[[datetime], int], int]] = {
    "y": (lambda moment: moment.year, 4),
    "M": (lambda moment: moment.month, 2),
    "L": (lambda moment: moment.month, 2),
    "d": (lambda moment: moment.day, 2),
    "H": (lambda moment: moment.hour, 2),
    "k": (lambda moment: moment.hour or 24, 2),
    "K": (lambda moment: moment.hour % 12, 2),
    "h": (lambda moment: moment.hour % 12 or 12, 2),
    "m": (lambda moment: moment.minute, 2),
    "s": (lambda moment: moment.second, 2),
    "S": (lambda moment: moment.microsecond // 1000, 3),
    "D": (lambda moment: moment.timetuple().tm_yday, 3),
    "F": (lambda moment: (moment.day + 6) // 7, 1),
    "u": (lambda moment: moment.isoweekday(), 1),
}
"""For each letter that may be a number, that number and the most digits it has."""

_REFUSED = {
    **dict.fromkeys("wWY", "depends on the machine's language; `y` is the year"),
    **dict.fromkeys("zZX", "a time zone, which dates do not have"),
}
_STYLES = frozenset({"short", "medium", "long", "full"})
_TOKEN = re.compile(
    r"(?P<quote>'')|'(?P<quoted>(?:[^']|'')+)'|(?P<stray>')|(?P<letters>([A-Za-z])\5*)|[^A-Za-z']+"
)


class Field(NamedTuple):
    """A letter and how often it stands."""

    letter: str
    repeated: int

    def __call__(self, moment: datetime) -> str:
        """This field of a moment."""
        letter, count = self
        if letter in "ML" and count >= _SHORT:
            return _name(_MONTHS[moment.month - 1], count)
        if letter == "E":
            return _name(_DAYS[moment.weekday()], count)
        if letter == "a":
            return "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004  noon
        if letter == "G":
            return "AD"
        if letter == "y" and count == _YEAR_OF_CENTURY:
            return f"{moment.year % 100:02d}"
        return str(_NUMBERS[letter][0](moment)).zfill(count)

    @property
    def fixed(self) -> bool:
        """Whether it always has the same length."""
        letter, count = self
        if letter == "E" or (letter in "ML" and count >= _SHORT):
            return count <= _SHORT
        if letter == "y" and count == _YEAR_OF_CENTURY:
            return True
        return letter in "aG" or count >= _NUMBERS[letter][1]


class DateFormat(NamedTuple):
    """Literal text and fields, in order."""

    parts: tuple[str | Field, ...]

    def __call__(self, moment: datetime) -> str:
        """A moment in this format."""
        return "".join([part if isinstance(part, str) else part(moment) for part in self.parts])

    @property
    def fixed(self) -> bool:
        """Whether all moments have the same length."""
        return all(isinstance(part, str) or part.fixed for part in self.parts)


def parse_levels(text: str, position: int) -> list[DateFormat]:
    """The formats that a `/` separates, each a folder level; ValueError names the character."""
    if not text.strip() or text.strip().lower() in _STYLES:
        raise ValueError(
            f"character {position}: a format is needed, such as yyyyMMdd: "
            "without one the result depends on the machine's language"
        )
    levels: list[list[str | Field]] = [[]]
    for token in _TOKEN.finditer(text):
        for part in _parts(token, position + token.start()):
            if part == "/":
                levels.append([])
            else:
                levels[-1].append(part)
    return [DateFormat(tuple(parts)) for parts in levels]


def _parts(token: re.Match[str], position: int) -> Iterator[str | Field]:
    """What a token stands for, a `/` by itself."""
    if token["letters"]:
        yield _field(token["letters"], position)
    elif token["stray"]:
        raise ValueError(f"character {position}: `'` without its counterpart")
    else:
        literal = "'" if token["quote"] else (token["quoted"] or token[0]).replace("''", "'")
        yield from (part for part in re.split("(/)", literal) if part)


def _field(letters: str, position: int) -> Field:
    letter = letters[0]
    if letter in _REFUSED:
        raise ValueError(f"character {position}: `{letter}` {_REFUSED[letter]}")
    if letter not in _NUMBERS and letter not in "EaG":
        raise ValueError(
            f"character {position}: `{letter}` is no letter of date formats; text is quoted: '{letter}'"
        )
    return Field(letter, len(letters))


def _name(name: str, count: int) -> str:
    return name if count > _SHORT else name[:_SHORT]
