"""What is asked of a data set, and what was found: its own attributes, and those of its sequences' items."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword

from niffler_ops.headers.raw import Raw
from niffler_ops.headers.text import CHARSET, Value, text

_ITEM = re.compile(r"([A-Za-z0-9]+)\[([0-9]{1,4})\]")


class Address(NamedTuple):
    """Where an attribute stands: the items on the way (tag of the sequence, number from 0), and its tag."""

    items: tuple[tuple[int, int], ...]
    tag: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tags to keep of a data set, and for each sequence to look into, what to keep of which item."""

    tags: frozenset[int]
    sequences: Mapping[int, Mapping[int, "Wanted"]] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """The values of a data set, and of the items in it, by tag and number.

    `raw` is what is kept undecoded; with it the header alone is read.
    """

    values: dict[int, Value] = field(default_factory=dict)
    items: dict[tuple[int, int], "Found"] = field(default_factory=dict)
    raw: Raw | None = None

    def text(self, address: Address, charset: bytes = b"") -> str:
        """The value at `address`, "" where there is none; `charset` is that of the data set around this."""
        if CHARSET in self.values:
            charset = self.values[CHARSET].raw
        if address.items:
            item = self.items.get(address.items[0])
            return item.text(Address(address.items[1:], address.tag), charset) if item else ""
        return text(self.values[address.tag], charset) if address.tag in self.values else ""


@lru_cache(maxsize=1024)
def address_of(keyword: str) -> Address:
    """Where a DICOM keyword, eight hexadecimal digits or 00400275[0]/00400009 lead; KeyError if nowhere."""
    *steps, last = keyword.split("/")
    matches = [_ITEM.fullmatch(step) for step in steps]
    if None in matches:
        raise KeyError(keyword)
    return Address(tuple((_tag_of(match[1]), int(match[2])) for match in matches if match), _tag_of(last))


def wanted_of(addresses: Iterable[Address]) -> Wanted:
    """Everything that is wanted at these addresses."""
    tags, below = set(), dict[int, dict[int, list[Address]]]()
    for items, tag in addresses:
        if not items:
            tags.add(tag)
            continue
        sequence, number = items[0]
        tags.add(sequence)
        inner = below.setdefault(sequence, {}).setdefault(number, [Address((), CHARSET)])
        inner.append(Address(items[1:], tag))
    return Wanted(
        frozenset(tags),
        {
            sequence: {number: wanted_of(inner) for number, inner in items.items()}
            for sequence, items in below.items()
        },
    )


def _tag_of(keyword: str) -> int:
    tag = tag_for_keyword(keyword) if keyword else None
    if tag is None and re.fullmatch("[0-9A-Fa-f]{8}", keyword):
        tag = int(keyword, 16)
    if tag is None:
        raise KeyError(keyword)
    return tag
