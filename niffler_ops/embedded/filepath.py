"""storescp's --filepath: attributes of an instance to the path it is stored at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5

DIGITS = "0123456789abcdefghijklmnopqrstuv"
MD5_LENGTH = 26


class PatternError(ValueError):
    """The pattern has a form that this toolkit does not know."""


@lru_cache(maxsize=1024)  # studies and series come again with each instance
def md5_name(text: str) -> str:
    """The 26 characters that dcm4che makes of a value with `{ggggeeee,md5}`.

    It shifts each half of the digest by one byte too many, which loses the first byte of each, and
    writes the rest in base 32, the lowest digit first.
    """
    digest = md5(text.encode(), usedforsecurity=False).digest()
    low = int.from_bytes(digest[1:8] + b"\0", "big")
    high = int.from_bytes(digest[9:16] + b"\0", "big")
    number = high << 64 | low
    return "".join(DIGITS[number >> 5 * index & 31] for index in range(MD5_LENGTH))


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Literal text, or the value of an attribute, plain or as its md5 name."""

    literal: str = ""
    tag: int | None = None
    hashed: bool = False


def parse_pattern(pattern: str) -> tuple[Part, ...]:
    """The parts of a pattern; raises PatternError."""
    if any(component in ("", ".", "..") for component in pattern.split("/")):
        raise PatternError(f"not a path within the directory: {pattern}")
    return tuple(_part(piece) for piece in re.split(r"(\{[^}]*\})", pattern) if piece)


def _part(piece: str) -> Part:
    if not piece.startswith("{"):
        return Part(literal=piece)
    found = re.fullmatch(r"\{([0-9A-Fa-f]{8})(,md5)?\}", piece)
    if found is None:
        raise PatternError(f"neither {{ggggeeee}} nor {{ggggeeee,md5}}: {piece}")
    return Part(tag=int(found[1], 16), hashed=found[2] is not None)


def target(parts: tuple[Part, ...], values: Mapping[int, str]) -> str:
    """The relative path of an instance with these values.

    Unlike dcm4che's, no value can add, remove or leave a folder: a slash in it, and a value that
    makes a component empty or a step upwards, becomes an underscore.
    """
    path = "".join(part.literal if part.tag is None else _value(part, values) for part in parts)
    return "/".join("_" if component in ("", ".", "..") else component for component in path.split("/"))


def _value(part: Part, values: Mapping[int, str]) -> str:
    value = values.get(part.tag or 0, "")
    return md5_name(value) if part.hashed else re.sub(r"[/\x00-\x1f\x7f]", "_", value)
