"""A pattern's text to its components: literals, quotes as Java's MessageFormat has them, and placeholders."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from niffler_ops.patterns.placeholders import Now, Placeholder, Slash, parse_placeholder

MAX_COMPONENTS = 12  # of 255 bytes each: leaves a quarter of PATH_MAX (4096) for StorageFolder

_TOKEN = re.compile(
    r"\{(?P<placeholder>[^{}]*)\}|(?P<quote>'')|'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^{}']+)|(?P<stray>[{}'])"
)


class Literal(NamedTuple):
    """Text that stands in every path."""

    text: str
    position: int


Part = Literal | Placeholder | Now
Component = list[Part]


def parse_components(text: str) -> list[Component]:
    """The components of a pattern; ValueError names the character that is wrong, the first being 1."""
    components: list[Component] = [[]]
    for piece in _pieces(text):
        if isinstance(piece, Slash):
            _check(components[-1], piece.position)
            components.append([])
        else:
            _append(components[-1], piece)
    _check(components[-1], len(text) + 1)
    if len(components) > MAX_COMPONENTS:
        raise ValueError(f"{len(components)} levels are more than {MAX_COMPONENTS}")
    return components


def placeholders(components: Sequence[Component]) -> Iterator[Placeholder]:
    """The attributes of these components, in order."""
    for component in components:
        yield from (part for part in component if isinstance(part, Placeholder))


def _append(component: Component, part: Part) -> None:
    """Add a part; literal text becomes one with the literal text before it."""
    before = component[-1] if component else None
    if isinstance(part, Literal) and isinstance(before, Literal):
        component[-1] = Literal(before.text + part.text, before.position)
    else:
        component.append(part)


def _check(component: Component, end: int) -> None:
    if not component:
        remedy = "a path below StorageFolder begins without `/`" if end == 1 else "a name is missing"
        raise ValueError(f"character {end}: {remedy}")
    first = component[0]
    if isinstance(first, Literal) and first.text.startswith("."):
        raise ValueError(f"character {first.position}: a name must not begin with a dot")


def _pieces(text: str) -> Iterator[Part | Slash]:
    for token in _TOKEN.finditer(text):
        position = token.start() + 1
        if token["stray"]:
            raise _stray(token["stray"], position)
        if token["placeholder"] is not None:
            yield from parse_placeholder(token["placeholder"], position + 1)
        elif token["quote"]:
            yield Literal("'", position)
        elif token["quoted"]:
            yield from _quoted(token["quoted"], position + 1)
        else:
            yield from _literals(token["plain"], position)


def _stray(character: str, position: int) -> ValueError:
    hint = ": a quote itself is written `''`" if character == "'" else ""
    return ValueError(f"character {position}: `{character}` without its counterpart{hint}")


def _quoted(text: str, position: int) -> Iterator[Part | Slash]:
    if brace := re.search("[{}]", text):
        where = position + brace.start()
        raise ValueError(f"character {where}: a brace between quotes: dcm4che does not take it literally")
    yield from _literals(text, position)


def _literals(text: str, position: int) -> Iterator[Part | Slash]:
    """Literal text, cut at its slashes; `''` in it is a quote."""
    for piece in re.finditer("/|[^/]+", text):
        where = position + piece.start()
        if piece[0] == "/":
            yield Slash(where)
        else:
            yield _literal(piece[0], where)


def _literal(text: str, position: int) -> Literal:
    for offset, character in enumerate(text):
        if character == "\\" or not character.isprintable():
            raise ValueError(f"character {position + offset}: {character!r} is not allowed")
    return Literal(text.replace("''", "'"), position)
