"""What is understood but has no effect yet: ignoring it would mislead, so it is refused.

A line of the table goes when what it names has come; nothing else has to change.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from niffler_ops.config.attributes import keyword_of
from niffler_ops.config.forms import Problem
from niffler_ops.config.kinds import LATER
from niffler_ops.querying import level_of

HEADER = "header"
"""Stands for the names in a CSV's header among the attributes of Config."""
_NAMES = ("first_attr", "second_attr", "third_attr", "date_type", HEADER)


class Pending(NamedTuple):
    """Values of `attributes` of Config that are refused, those for which `is_meant` given all of Config."""

    attributes: tuple[str, ...]
    is_meant: Callable[[Any, Mapping[str, Any]], bool]
    allowed: str


PENDING: tuple[Pending, ...] = (
    Pending(
        ("archive_entries",), lambda given, _: len(given) > 1, f"one archive (a list of several {LATER})"
    ),
    Pending(
        ("archive_entries",),
        lambda given, _: any(entry.calling_aet or entry.destination or entry.lanes for entry in given),
        f"AET@HOST:PORT alone (an archive with settings of its own {LATER})",
    ),
    Pending(("retrieve_level",), lambda given, _: given == "SERIES", f"`STUDY` (`SERIES` {LATER})"),
    Pending(
        _NAMES,
        lambda given, _: level_of(keyword_of(given)) != "STUDY",
        f"a key of patient or study level (a query by another one {LATER})",
    ),
)


def problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Every value of Config that is refused for now; `data` lacks those that are wrong by themselves."""
    for attribute, value in data.items():
        if value is not None and (allowed := refusal(attribute, value, data)):
            yield Problem(attribute, allowed)


def refusal(attribute: str, value: Any, data: Mapping[str, Any]) -> str | None:
    """What is allowed instead of a value that is refused for now; None where it is not."""
    found = [line for line in PENDING if attribute in line.attributes and line.is_meant(value, data)]
    return found[0].allowed if found else None
