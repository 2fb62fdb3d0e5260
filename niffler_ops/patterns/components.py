"""Components of a pattern, made ready to be written for thousands of instances.

Where a component holds several values, each of varying length but the last also escapes one character of
the literal that follows it: the first such character ends the value, so the values can be told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from niffler_ops.patterns.dateformats import LONGEST, DateFormat
from niffler_ops.patterns.encoding import (
    EMPTY,
    INVALID,
    MAX_COMPONENT,
    MIN_ROOM,
    Encoder,
    encoder,
)
from niffler_ops.patterns.moments import Shift
from niffler_ops.patterns.placeholders import Now, Placeholder
from niffler_ops.patterns.syntax import Component, Literal, Part
from niffler_ops.patterns.transforms import Transform

_ROOMY = encoder(MAX_COMPONENT)
_KNOWN = 256


@dataclass(frozen=True, slots=True)
class Whole:
    """An attribute as it stands."""

    key: str
    encode: Encoder

    def render(self, attributes: Mapping[str, str]) -> str:
        """The attribute's part of the component."""
        return self.encode(attributes[self.key])


@dataclass(frozen=True, slots=True)
class Transformed:
    """An attribute, or one of its values, changed."""

    key: str
    index: int | None
    transform: Transform | None
    encode: Encoder
    _known: dict[str, str] = field(default_factory=dict, init=False, compare=False, repr=False)

    def render(self, attributes: Mapping[str, str]) -> str:
        """The attribute's part of the component."""
        value = attributes[self.key]
        known = self._known.get(value)
        return self._learn(value) if known is None else known

    def _learn(self, value: str) -> str:
        """Remember what becomes of a value: most are the same for a whole study or series."""
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[value] = written = self._written(value)
        return written

    def _written(self, value: str) -> str:
        if self.index is not None:
            value = "".join(value.split("\\")[self.index : self.index + 1])
        text = value if self.transform is None else self.transform(value)
        return INVALID if text is None else self.encode(text)


@dataclass(frozen=True, slots=True)
class Unbound:
    """The moment of the extraction, not known yet."""

    shift: Shift | None
    format: DateFormat

    def render(self, _attributes: Mapping[str, str]) -> str:
        """Nothing: a pattern with `now` has to be bound."""
        raise RuntimeError("a FilePath with `now` has no paths before FilePattern.at has bound it")

    def at(self, moment: datetime) -> str:
        """The moment's part of the component."""
        shifted = self.shift(moment) if self.shift else moment
        return INVALID if shifted is None else _ROOMY(self.format(shifted))


Compiled = tuple[str | Whole | Transformed | Unbound, ...]


def compile_component(component: Component) -> Compiled:
    """The component with, for each value, the room it has and the characters it escapes."""
    varying = sum(_varies(part) for part in component)
    room = (MAX_COMPONENT - sum(map(_length, component))) // max(varying, 1)
    if room < (MIN_ROOM if varying else 0):
        raise ValueError(f"character {component[0].position}: its name may exceed {MAX_COMPONENT} bytes")
    return tuple(_compile(component, index, room) for index in range(len(component)))


def _compile(component: Component, index: int, room: int) -> str | Whole | Transformed | Unbound:
    part = component[index]
    if isinstance(part, Literal):
        return part.text
    if isinstance(part, Now):
        return Unbound(part.shift, part.format)
    encode = encoder(
        room, _separator(component, index), url=part.transform is not None and part.transform.url
    )
    if not _varies(part):
        encode = _ROOMY
    if part.transform is None and part.index is None:
        return Whole(part.attribute.key, encode)
    return Transformed(part.attribute.key, part.index, part.transform, encode)


def _varies(part: Part) -> bool:
    """Whether its length is not known before, so that its end has to be marked."""
    return isinstance(part, Placeholder) and (part.transform is None or part.transform.sample is None)


def _length(part: Part) -> int:
    """The bytes that a part takes at most; 0 for one that varies and gets what is left."""
    if isinstance(part, Literal):
        return len(part.text.encode())
    sample = part.format(LONGEST) if isinstance(part, Now) else part.transform and part.transform.sample
    return max(len(_ROOMY(sample)), len(EMPTY), len(INVALID)) if sample else 0


def _separator(component: Sequence[Part], index: int) -> str:
    """The character that ends the value at `index` and that it must escape; "" where none is needed.

    No letter, digit or `%`: escapes, EMPTY and CUT are made of these.
    """
    part = component[index]
    if (
        not isinstance(part, Placeholder)
        or not _varies(part)
        or not any(map(_varies, component[index + 1 :]))
    ):
        return ""
    following = component[index + 1]
    if isinstance(following, Literal):
        for character in following.text:
            if not character.isalnum() and character != "%":
                return character
    raise ValueError(
        f"character {part.position}: `{part.attribute.key}` and the value after it cannot be told apart: "
        "put `_` or `/` behind it"
    )
