"""Structured text, from JSON, databases and tables: keys that are attributes, values that are anything."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from niffler_ops.audit.elements import TEMPORAL
from niffler_ops.audit.runs import runs
from niffler_ops.audit.searching import Place, Search, vr_of

_IDENTITY = ("SOPInstanceUID", "SeriesInstanceUID")
_NEITHER = 0


def search_record(record: Any, base: Place, search: Search) -> None:
    """Search every key and value of a record; one that says whose it is, is compared with its original."""
    pseudonym = _NEITHER
    if isinstance(record, Mapping):
        pseudonym = next((hash(str(record[key])) for key in _IDENTITY if record.get(key)), _NEITHER)
    for path, text in _leaves(record, ()):
        place = _place(base, path)
        for inner in _parsed(text):
            if inner is None:
                _search_value(text, place, pseudonym, search)
            else:
                search_record(inner, place, search)
    if search.is_full:
        search.flush()


def _search_value(text: str, place: Place, pseudonym: int, search: Search) -> None:
    search.text(text, place)
    if place.name:
        search.at_home(text, place)
        if pseudonym != _NEITHER and place.vr in TEMPORAL:
            search.same_date(pseudonym, text, place)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every value as text, with the keys that lead to it; and every key that is no attribute."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = str(key)
            if not vr_of(name):
                yield (), name
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, bytes):
        for text in runs(value):
            yield path, text
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)


def _place(base: Place, path: tuple[str, ...]) -> Place:
    """The place of a value; keys that are no attributes may say too much, so they are not written out."""
    if not path:
        return base
    shown = "/".join(name if vr_of(name) else "a key" for name in path)
    return Place(
        channel=base.channel,
        where=base.where,
        place=f"{base.place}, {shown}",
        name="/".join(path),
        vr=vr_of(path[-1]),
    )


def _parsed(text: str) -> list[Any]:
    """JSON within a text, else nothing but None."""
    if text[:1] in {"{", "["}:
        try:
            return [json.loads(text)]
        except ValueError:
            pass
    return [None]
