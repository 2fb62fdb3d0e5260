"""What is wrong with a configuration, in words: the same for extractions and receivers."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from niffler_ops.config.forms import ProblemsError
from niffler_ops.config.keys import Key

_LIKELY = 0.7  # of difflib's ratio: two letters in a short key
_MAX_SHOWN = 100


def located(keys: Iterable[Key]) -> Mapping[str, Key]:
    """Keys as pydantic names them: by alias, or by attribute where only a default was validated."""
    return {spelling: key for key in keys for spelling in (key.name, key.attribute)}


def likely_key(name: str, candidates: Iterable[str]) -> str | None:
    """The key that a misspelt one probably means, if any."""
    spelt = {candidate.casefold(): candidate for candidate in candidates}
    plain = name.casefold().replace("_", "").replace("-", "").strip()
    close = difflib.get_close_matches(plain, spelt, n=1, cutoff=_LIKELY)
    return spelt[close[0]] if close else None


def wrong_keys(error: ValidationError, by_location: Mapping[str, Key]) -> Iterator[tuple[Key, str]]:
    """Each key whose value is wrong, and what is allowed."""
    for detail in error.errors(include_url=False, include_input=False):
        cause = detail["ctx"]["error"] if "ctx" in detail else None
        if isinstance(cause, ProblemsError):
            for attribute, allowed in cause.problems:
                yield by_location[attribute], allowed
        else:
            key = by_location[str(detail["loc"][0])]
            yield key, str(cause) if cause else key.type


def unknown_key(label: str, name: str, likely: str | None, page: str) -> str:
    """A key that does not exist; `page` lists those that do."""
    hint = f"`{likely}` is probably meant" if likely else f"{page} lists those that are allowed"
    return f"{label}: {name}: unknown key; {hint}"


def missing(label: str, key: Key, allowed: str) -> str:
    """A key that has to be there."""
    return f"{label}: {key.name}: missing; allowed: {allowed}"


def wrong_value(label: str, key: Key, value: Any, allowed: str) -> str:
    """A value that is not allowed; a secret is not repeated."""
    return f"{label}: {key.name}: {_shown(key, value)} found; allowed: {allowed}"


def _shown(key: Key, value: Any) -> str:
    if key.secret:
        return "a value"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
