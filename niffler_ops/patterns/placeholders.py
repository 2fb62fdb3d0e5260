"""What stands between braces: an attribute or `now`, and behind the comma what is made of it."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from niffler_ops.patterns.attributes import Attribute, parse_attribute
from niffler_ops.patterns.dateformats import DateFormat, parse_levels
from niffler_ops.patterns.moments import VRS as DATE_VRS
from niffler_ops.patterns.moments import Shift, parse_shift
from niffler_ops.patterns.transforms import (
    Dated,
    Hash,
    Md5,
    Number,
    Offset,
    Slice,
    Transform,
    Upper,
    UrlEncoded,
)

_PLAIN: dict[str, Transform] = {"md5": Md5(), "hash": Hash(), "upper": Upper(), "urlencoded": UrlEncoded()}
_KINDS = (*_PLAIN, "slice", "offset", "number", "date", "time")
_REFUSED = {
    **dict.fromkeys(
        ("rnd", "uuid", "uid"), "is another value each time: a resumed extraction would not find its files"
    ),
    "choice": "is not supported",
}

_INTEGER_VRS = frozenset({"IS", "US", "SS", "UL", "SL", "UV", "SV"})
_NUMBER_VRS = _INTEGER_VRS | {"DS", "FL", "FD"}

_DATE_KIND = re.compile(r"(date|time)([+-]?[Pp].*)?", re.DOTALL)
_SLICE = re.compile(r"([+-]?[0-9]{1,9})(?:,([+-]?[0-9]{1,9}))?")
_OFFSET = re.compile(r"[+-]?[0-9]{1,9}")
_NUMBER = re.compile(r"#*(0{1,9})(?:\.(0{0,9})(#{0,9}))?|#+")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An attribute, or the value at `index` of it, as it stands or transformed."""

    attribute: Attribute
    index: int | None
    transform: Transform | None
    position: int

    @property
    def identifies(self) -> bool:
        """Whether it tells all values of the attribute apart."""
        return self.index is None and (self.transform is None or self.transform.identifies)


@dataclass(frozen=True, slots=True)
class Now:
    """The moment that the pattern is bound to."""

    shift: Shift | None
    format: DateFormat
    position: int


@dataclass(frozen=True, slots=True)
class Slash:
    """The end of a folder level."""

    position: int


Piece = Placeholder | Now | Slash


def parse_placeholder(text: str, position: int) -> list[Piece]:
    """What `text`, between braces, stands for: one placeholder, or several levels of a date.

    ValueError names the character, `position` being that of the first.
    """
    name, comma, arguments = text.partition(",")
    behind = position + len(name) + 1
    if name == "rnd":
        raise ValueError(f"character {position}: `rnd` {_REFUSED[name]}")
    if name == "now":
        return _now(arguments, behind)
    attribute, index = parse_attribute(name, position)
    whole = Placeholder(attribute, index, None, position)
    if not comma:
        return [whole]
    kind, _, rest = arguments.partition(",")
    if match := _DATE_KIND.fullmatch(kind):
        return _date(match, whole, rest, behind)
    return [replace(whole, transform=_transform(kind, arguments, attribute, behind))]


def _transform(kind: str, arguments: str, attribute: Attribute, position: int) -> Transform:
    """What `arguments` make of a value, `kind` being the first of them."""
    rest, behind = arguments[len(kind) + 1 :], position + len(kind) + 1
    if kind == "slice":
        return _slice(rest, behind)
    if kind == "offset":
        return _offset(rest, attribute, behind)
    if kind == "number":
        return _number(rest, attribute, behind)
    if kind in _REFUSED:
        raise ValueError(f"character {position}: `{kind}` {_REFUSED[kind]}")
    if arguments not in _PLAIN:
        raise _unknown(arguments, position)
    return _PLAIN[arguments]


def _unknown(arguments: str, position: int) -> ValueError:
    kind = arguments.partition(",")[0]
    close = [] if kind in _KINDS else difflib.get_close_matches(kind, _KINDS, n=1)
    hint = f"; is {close[0]} meant?" if close else ""
    known = ", ".join(f"`,{kind}`" for kind in _KINDS)
    return ValueError(f"character {position}: `,{arguments}` is not understood{hint or f': {known} are'}")


def _slice(text: str, position: int) -> Slice:
    match = _SLICE.fullmatch(text)
    if match is None or (match[2] and int(match[2]) == 0):
        raise ValueError(
            f"character {position}: a slice is `,slice,BEGIN` or `,slice,BEGIN,END`, whole numbers of which "
            "negative ones count from the end; END is not 0"
        )
    return Slice(int(match[1]), int(match[2]) if match[2] else None)


def _offset(text: str, attribute: Attribute, position: int) -> Offset:
    _require(attribute, _INTEGER_VRS, "whole number", position)
    if not _OFFSET.fullmatch(text):
        raise ValueError(f"character {position}: an offset is a whole number, as in `,offset,100`")
    return Offset(int(text))


def _number(text: str, attribute: Attribute, position: int) -> Number:
    _require(attribute, _NUMBER_VRS, "number", position)
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(
            f"character {position}: a number's format is written with `0`, `#` and `.`, as in `,number,0000` "
            "or `,number,0.0#`"
        )
    decimals = len(match[2] or "")
    return Number(len(match[1] or "0"), decimals, decimals + len(match[3] or ""))


def _date(kind: re.Match[str], whole: Placeholder, text: str, position: int) -> list[Piece]:
    _require(whole.attribute, DATE_VRS, "date or time", position)
    shift, vr = _shift(kind, position), whole.attribute.vr
    levels = parse_levels(text, position + len(kind[0]) + 1)
    return _with_slashes(
        [replace(whole, transform=Dated(vr, shift, each)) if each.parts else None for each in levels],
        position,
    )


def _now(arguments: str, position: int) -> list[Piece]:
    kind, _, text = arguments.partition(",")
    match = _DATE_KIND.fullmatch(kind)
    if match is None:
        raise ValueError(f"character {position}: `now` needs a format, as in `{{now,date,yyyyMMdd}}`")
    shift = _shift(match, position)
    levels = parse_levels(text, position + len(kind) + 1)
    return _with_slashes([Now(shift, each, position) if each.parts else None for each in levels], position)


def _with_slashes(levels: Sequence[Placeholder | Now | None], position: int) -> list[Piece]:
    """The levels with a slash between each two; None where a format begins or ends with one."""
    pieces: list[Piece] = []
    for level in levels:
        pieces += [Slash(position), level] if level else [Slash(position)]
    return pieces[1:]


def _shift(kind: re.Match[str], position: int) -> Shift | None:
    if not kind[2]:
        return None
    shift = parse_shift(kind[1], kind[2])
    if shift is None:
        raise ValueError(
            f"character {position + len(kind[1])}: `{kind[2]}` is no shift: `date-P1M` and `time+PT30M` are"
        )
    return shift


def _require(attribute: Attribute, vrs: frozenset[str], what: str, position: int) -> None:
    if attribute.vr not in vrs:
        raise ValueError(f"character {position}: the value of `{attribute.key}` is no {what}")
