"""What stands behind the comma in a placeholder: how a value is changed before it is written."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import ClassVar

from niffler_ops.patterns.dateformats import LONGEST, DateFormat
from niffler_ops.patterns.digests import HASH_LENGTH, MD5_LENGTH, hash_text, md5_text
from niffler_ops.patterns.moments import Shift, moment_of

_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]{1,3})?")
_LARGEST = 10**15  # whole numbers up to here are exact in the binary form that archives compute with


class Transform(ABC):
    """Makes another text of a value's text.

    `identifies`: different values stay different. `url`: it is written as in a URL.
    """

    identifies: ClassVar[bool] = False
    url: ClassVar[bool] = False

    @property
    def sample(self) -> str | None:
        """A result that is as long as they all are; None where their length varies."""
        return None

    @abstractmethod
    def __call__(self, value: str) -> str | None:
        """The other text, "" for an empty value; None where the value is not of the kind it should be."""


class Md5(Transform):
    """Dcm4che's 26 characters; of an empty value too."""

    identifies = True

    @property
    def sample(self) -> str:
        """Any digest."""
        return "0" * MD5_LENGTH

    def __call__(self, value: str) -> str:
        """The digest."""
        return md5_text(value)


class Hash(Transform):
    """Java's hash code, 32 bits; of an empty value too."""

    @property
    def sample(self) -> str:
        """Any hash code."""
        return "0" * HASH_LENGTH

    def __call__(self, value: str) -> str:
        """The hash code."""
        return hash_text(value)


class Upper(Transform):
    """Capital letters."""

    def __call__(self, value: str) -> str:
        """The value in capitals."""
        return value.upper()


class UrlEncoded(Transform):
    """The value itself; only its characters are written otherwise."""

    identifies = True
    url = True

    def __call__(self, value: str) -> str:
        """The value."""
        return value


@dataclass(frozen=True, slots=True)
class Slice(Transform):
    """The characters from `begin` up to `end`; negative numbers count from the end."""

    begin: int
    end: int | None

    def __call__(self, value: str) -> str:
        """Those characters that are there."""
        return value[self.begin : self.end]


@dataclass(frozen=True, slots=True)
class Offset(Transform):
    """The first value plus a number."""

    number: int

    def __call__(self, value: str) -> str | None:
        """The sum."""
        first = value.partition("\\")[0]
        if not _INTEGER.fullmatch(first):
            return None if first else ""
        return str(int(first) + self.number)


@dataclass(frozen=True, slots=True)
class Number(Transform):
    """The first value with at least `digits` before and `decimals` to `most_decimals` behind the point."""

    digits: int
    decimals: int
    most_decimals: int

    def __call__(self, value: str) -> str | None:
        """The number, of which Java rounds the binary form to the nearest, halves to even."""
        first = value.partition("\\")[0]
        if _INTEGER.fullmatch(first):
            return self._written(first.lstrip("+-"), negative=first.startswith("-"))
        if not _DECIMAL.fullmatch(first):
            return None if first else ""
        number = float(first)
        if abs(number) >= _LARGEST:
            return None
        rounded = Decimal(number).quantize(Decimal(1).scaleb(-self.most_decimals), ROUND_HALF_EVEN)
        return self._written(f"{abs(rounded):f}", negative=rounded.is_signed())

    def _written(self, text: str, *, negative: bool) -> str:
        whole, _, decimals = text.partition(".")
        decimals = decimals.rstrip("0").ljust(self.decimals, "0")
        return "-" * negative + whole.lstrip("0").rjust(self.digits, "0") + "." * bool(decimals) + decimals


@dataclass(frozen=True, slots=True)
class Dated(Transform):
    """The first value, a date or time, in another format."""

    vr: str
    shift: Shift | None
    format: DateFormat

    @property
    def sample(self) -> str | None:
        """A moment whose fields are at their longest."""
        return self.format(LONGEST) if self.format.fixed else None

    def __call__(self, value: str) -> str | None:
        """The moment in this format; None where the value is no date or the calendar ends."""
        first = value.partition("\\")[0]
        moment = moment_of(self.vr, first) if first else None
        if moment is not None and self.shift is not None:
            moment = self.shift(moment)
        if moment is None:
            return None if first else ""
        return self.format(moment)
