"""Many instances of a series as one: what they share, where they differ, how many there are.

A fold grows by one instance after another, in any order to the same result, and is small enough to be kept
for years: an instance that comes late is added to it without the others being read again.
"""

import hashlib
import json
import zlib
from datetime import datetime
from typing import TypeAlias, TypedDict

from niffler_ops.metadata.acquisition import acquired
from niffler_ops.metadata.facts import LEFT_OUT, RECORD_KEYWORDS
from niffler_ops.metadata.featureset import Featureset
from niffler_ops.metadata.values import Facts, Value

Record: TypeAlias = dict[str, Value]
Order: TypeAlias = list[str | int]

MOST_DISTINCT = 32
MOST_CHARACTERS = 64
_DIGEST = "\0"  # begins the digest that stands for a value too long to be listed
_LAST = 2**63


class _Attribute(TypedDict):
    """Its value in the first instance that has it, that instance's place, and the values of all, if few."""

    value: Value
    order: Order
    distinct: list[str | float] | None


class _State(TypedDict):
    instances: int
    acquired: list[str]
    received: list[str]
    image_types: list[str]
    attributes: dict[str, _Attribute]


class Fold:
    """The instances of one series, folded."""

    def __init__(self, state: bytes | None = None) -> None:
        empty = _State(instances=0, acquired=[], received=[], image_types=[], attributes={})
        self._state: _State = empty if state is None else json.loads(zlib.decompress(state))

    def add(self, facts: Facts, received: str | None = None) -> None:
        """Take in an instance that is not in it yet; `received` is ISO 8601 in UTC."""
        state, moment = self._state, acquired(facts)
        state["instances"] += 1
        if moment is not None:
            state["acquired"] = _ends(state["acquired"], moment)
        if received is not None:
            state["received"] = _ends(state["received"], received)
        if "ImageType" in facts:
            kinds = {*state["image_types"], str(plain(facts["ImageType"]))}
            state["image_types"] = sorted(kinds)[:MOST_DISTINCT]
        number = facts.get("InstanceNumber")
        place: Order = [
            moment or "~",
            number if isinstance(number, int) else _LAST,
            str(facts["SOPInstanceUID"]),
        ]
        for name, value in facts.items():
            _merge(state["attributes"], name, value, place)

    def state(self) -> bytes:
        """All of it in a few hundred bytes."""
        return zlib.compress(json.dumps(self._state, separators=(",", ":")).encode())

    def record(self, featureset: Featureset) -> Record:
        """The series record as it stands now."""
        state, attributes = self._state, self._state["attributes"]
        names = (*RECORD_KEYWORDS, *(attributes if featureset.everything else featureset.names), LEFT_OUT)
        chosen = {name: attributes[name] for name in names if name in attributes}
        record: Record = {"_id": attributes["SeriesInstanceUID"]["value"]}
        record |= {name: attribute["value"] for name, attribute in chosen.items()}
        if state["acquired"]:
            record["first_acquisition"], record["last_acquisition"] = state["acquired"]
        if state["received"]:
            record["first_received"], record["last_received"] = map(_local, state["received"])
        record["instances"] = state["instances"]
        record["image_types"] = [*state["image_types"]]
        varying: dict[str, Value] = {
            name: _listed(attribute["distinct"])
            for name, attribute in chosen.items()
            if attribute["distinct"] is None or len(attribute["distinct"]) > 1
        }
        if varying:
            record["varying"] = varying
        return record


def plain(value: Value) -> str | float:
    r"""A scalar as it is, several values as DICOM writes them, with \ between; sequences as JSON."""
    if isinstance(value, list) and not any(isinstance(part, dict | list) for part in value):
        return "\\".join("" if part is None else str(part) for part in value)
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return "" if value is None else value


def _ends(ends: list[str], moment: str) -> list[str]:
    return [min([*ends, moment]), max([*ends, moment])]


def _merge(attributes: dict[str, _Attribute], name: str, value: Value, place: Order) -> None:
    known = attributes.get(name)
    if known is None:
        attributes[name] = _Attribute(value=value, order=place, distinct=[_distinct(value)])
        return
    if known["value"] != value:
        _distinguish(known, _distinct(value))
    if place < known["order"]:
        known["value"], known["order"] = value, place


def _distinguish(known: _Attribute, value: str | float) -> None:
    """Add a value to the distinct ones, or give up listing them for good."""
    if known["distinct"] is None or value in known["distinct"]:
        return
    known["distinct"].append(value)
    if len(known["distinct"]) > MOST_DISTINCT:
        known["distinct"] = None


def _distinct(value: Value) -> str | float:
    text = plain(value)
    if isinstance(text, str) and len(text) > MOST_CHARACTERS:
        return _DIGEST + hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return text


def _listed(distinct: list[str | float] | None) -> list[Value]:
    if distinct is None or any(str(value).startswith(_DIGEST) for value in distinct):
        return []
    return [*sorted(distinct, key=lambda value: (isinstance(value, str), value))]


def _local(moment: str) -> str:
    """A time of reception as this machine's wall clock had it, with its offset from UTC."""
    return datetime.fromisoformat(moment).astimezone().isoformat(timespec="milliseconds")
