"""What stands in for an identifier: keyed by the secret, the same in every file, study and post-processor.

Nobody without the secret can tell which value a pseudonym stands for, not even by trying all values
(HMAC-SHA-256, RFC 2104); nobody with it needs a table to find the pseudonym of a value.
"""

import hmac
import re
import unicodedata
from functools import lru_cache

from pydicom import config
from pydicom.uid import UID

UID_ROOT = "2.25."
MOST_DAYS = 365

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to mistake
_BITS = 5
_LEADING = "N"  # so that no program takes one for a number
_IDENTIFIER_DIGITS = (
    15  # with the letter as long as VR SH allows: 75 bits, 1 in 10^9 that any two of 10^7 meet
)
_NAME_DIGITS = 26
_UUID_BITS = 128
_KNOWN_UIDS = 65_536
_KNOWN_IDENTIFIERS = 4_096
_PADDING = " \0"
# Context groups (PS3.16) are numbered, not listed in PS3.6.
_CONTEXT_GROUP = re.compile(r"1\.2\.840\.10008\.6\.1\.[0-9]{1,5}")


class Pseudonyms:
    """Derives every pseudonym from one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # Bounded, and one for each object, so that no secret outlives its user.
        self._uid = lru_cache(_KNOWN_UIDS)(self._derive_uid)
        self._identifier = lru_cache(_KNOWN_IDENTIFIERS)(self._derive_identifier)

    def uid(self, uid: str) -> str:
        """The UID for `uid`: 2.25 and a UUID (PS3.5 B.2); one that PS3.6 lists stays itself."""
        stripped = uid.strip(_PADDING)
        return stripped if is_well_known(stripped) else self._uid(stripped)

    def instance_uid(self, uid: str) -> str:
        """The same for the UID of an instance, series or study, where none of the standard's can stand."""
        return self._uid(uid.strip(_PADDING))

    def identifier(self, meaning: str, value: str) -> str:
        """The 16 letters and digits that stand in for a value of the attribute with keyword `meaning`."""
        return self._identifier(meaning, value)

    def days(self, patient: str) -> int:
        """By how many days, 1 to 365, the dates of a patient move back; `patient` is as in `identifier`."""
        return int.from_bytes(self._digest("days", normal(patient))[:8]) % MOST_DAYS + 1

    def name(self, kind: str, value: str) -> str:
        """26 letters and digits that stand in for a file name or another value of some `kind`."""
        return _digits(self._digest(f"name {kind}", value), _NAME_DIGITS)

    def _derive_uid(self, uid: str) -> str:
        if not uid:
            return uid
        number = int.from_bytes(self._digest("uid", uid)[:16])
        return f"{UID_ROOT}{_uuid(number)}"

    def _derive_identifier(self, meaning: str, value: str) -> str:
        return _LEADING + _digits(self._digest(f"identifier {meaning}", normal(value)), _IDENTIFIER_DIGITS)

    def _digest(self, use: str, value: str) -> bytes:
        """Keyed by `use` as well, so that one pseudonym says nothing about another."""
        message = f"{use}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, "sha256")


def normal(value: str) -> str:
    """A value as its pseudonym is made of it, the same in every character set and way to write accents."""
    return unicodedata.normalize("NFC", value).strip(_PADDING)


@lru_cache(maxsize=_KNOWN_IDENTIFIERS)
def is_well_known(uid: str) -> bool:
    """Whether the standard gave this UID its meaning: it identifies nobody, and means nothing if changed."""
    return bool(UID(uid, config.IGNORE).type) or _CONTEXT_GROUP.fullmatch(uid) is not None


def _uuid(number: int) -> int:
    """128 bits as a UUID of version 8, whose content is up to its maker (RFC 9562 5.8)."""
    number &= ~(0xF << 76 | 0x3 << 62)
    return number | 0x8 << 76 | 0x2 << 62


def _digits(digest: bytes, count: int) -> str:
    number = int.from_bytes(digest[: _UUID_BITS // 8 + 1])
    return "".join([_ALPHABET[number >> shift & 0x1F] for shift in range(0, _BITS * count, _BITS)])
