"""Dcm4che's digests of a value, digit by digit."""

import hashlib
import sys
from array import array
from functools import lru_cache
from operator import mul

MD5_LENGTH = 26
HASH_LENGTH = 8

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_DIGIT_PAIRS = tuple(low + high for high in _DIGITS for low in _DIGITS)
_HASH_BITS = 0xFFFFFFFF
_UTF_16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"


def md5_text(value: str) -> str:
    """Dcm4che's `,md5`: 26 characters of 0-9a-v.

    The least significant digit comes first. dcm4che loses the first byte of each half of the digest in a
    shift, so a zero takes the place after its last one (AttributesFormat.toLong): 112 bits are left.
    """
    digest = hashlib.md5(value.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    number = int.from_bytes(digest[9:16] + b"\0" + digest[1:8] + b"\0")
    return "".join([_DIGIT_PAIRS[(number >> shift) & 0x3FF] for shift in range(0, 5 * MD5_LENGTH, 10)])


def hash_text(value: str) -> str:
    """Dcm4che's `,hash`: Java's String.hashCode, which counts UTF-16 units, as 8 digits of 0-9A-F."""
    units = array("H", value.encode(_UTF_16, "surrogatepass"))
    return f"{sum(map(mul, units, _powers(len(units)))) & _HASH_BITS:08X}"


@lru_cache(maxsize=256)
def _powers(count: int) -> tuple[int, ...]:
    """What each of `count` units is multiplied with, in 32 bits."""
    return tuple(pow(31, exponent, _HASH_BITS + 1) for exponent in reversed(range(count)))
