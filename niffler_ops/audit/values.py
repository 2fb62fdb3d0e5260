"""An original value as the spellings to search for. What is too short or too common stays confined."""

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise

from niffler_ops.audit.common import common_words, is_placeholder
from niffler_ops.audit.index import Index
from niffler_ops.audit.spelling import fold, ideographic, uids, unspaced, words

MIN_UID = 10
DIGEST = 16  # characters of a digest that are compared
_MIN_NAME, _MIN_NAMES, _MIN_GLUED = 3, 4, 6
_MIN_DIGITS, _MIN_WORD, _MIN_WORDS = 6, 5, 6
_LONGEST_PHRASE, _WINDOW, _WINDOWS = 8, 4, 32
_SHORT_PHRASE = 3
_NUMBERED = re.compile(r"PatientID|Accession|Admission")
_SHORT_NUMBER = re.compile(r"0*([1-9][0-9]{3,4})")
_DIGESTS = ("md5", "sha1", "sha224", "sha256")
_DIGITS_OF_32 = "0123456789abcdefghijklmnopqrstuv"


class Values:
    """Adds values to an index; `confined` counts those that are not searched for everywhere.

    `makers` are the words of the manufacturer and model of the device, which stay, and which stations and
    institutions are named after.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self.confined = 0
        self.makers: frozenset[str] = frozenset()

    def home(self, place: str, text: str, attribute: str) -> None:
        """Search for the value in its own attribute, however short."""
        if key := home_key(place, text):
            self._index.add(key, attribute)

    def uid(self, text: str, attribute: str) -> None:
        """Search for a UID, as a whole, as the beginning of another, and digested."""
        if text.startswith("1.2.840.10008."):
            return
        if uids(text) == [text] and len(text) >= MIN_UID:
            self._index.add(f"u:{text}", attribute)
            self._digests(text, attribute)
        else:
            self.text(text, attribute)

    def name(self, text: str, attribute: str) -> None:
        """Search for the parts of a person's name, alone, side by side and written together."""
        for group in text.split("="):
            parts = [word for word in words(group) if not word.isdigit()]
            for part in parts:
                if _tells_a_person(part):
                    self._index.add_phrase([part], attribute)
                    if unspaced(part):
                        self._index.add(f"n:{part}", attribute)
                else:
                    self.confined += 1
            for first, second in pairwise(parts):
                self._pair(first, second, attribute)
        if len(fold(text)) >= _MIN_GLUED:
            self._digests(text, attribute)

    def _pair(self, first: str, second: str, attribute: str) -> None:
        size = len(first + second)
        if {first, second} <= common_words() or min(len(first), len(second)) < _least(first + second):
            return
        for one, other in ((first, second), (second, first)):
            if size >= _MIN_NAMES or ideographic(one):
                self._index.add_phrase([one, other], attribute)
            if size >= _MIN_GLUED or ideographic(one):
                self._index.add_phrase([one + other], attribute)

    def identifier(self, text: str, attribute: str) -> None:
        """Search for a number or code, and for its digests; a short number only where it is called one."""
        self.text(text, attribute)
        if (short := _SHORT_NUMBER.fullmatch(text.strip())) and _NUMBERED.search(attribute):
            self._index.add(f"i:{short[1]}", attribute)
        if len(text.strip()) >= _MIN_NAME:
            self._digests(text, attribute)

    def text(self, text: str, attribute: str) -> None:
        """Search for a text as a phrase; a long one by pieces of four words."""
        found = words(text)
        if not _tells(found) or self.makers.issuperset(found):
            self.confined += 1
        elif len(found) <= _LONGEST_PHRASE:
            self._phrase(found, attribute)
        else:
            for start in range(0, min(len(found), _WINDOW * _WINDOWS), _WINDOW):
                piece = found[start : start + _WINDOW]
                if _tells(piece) and len(piece) > 1:
                    self._index.add_phrase(piece, attribute)
        for uid in uids(text):
            if len(uid) >= MIN_UID and not uid.startswith("1.2.840.10008."):
                self._index.add(f"u:{uid}", attribute)

    def _phrase(self, found: Sequence[str], attribute: str) -> None:
        self._index.add_phrase(found, attribute)
        together = "".join(found)
        if 1 < len(found) <= _SHORT_PHRASE and len(together) >= _MIN_GLUED:
            self._index.add_phrase([together], attribute)
        # What a spreadsheet or a number column leaves of an id with leading zeros.
        if together.isdigit() and len(bare := together.lstrip("0")) >= _MIN_DIGITS and bare != together:
            self._index.add_phrase([bare], attribute)

    def _digests(self, text: str, attribute: str) -> None:
        """Digests without a secret give the value to whoever tries out all ids."""
        for value in {text, text.strip()}:
            content = value.encode("utf-8", "surrogatepass")
            for name in _DIGESTS:
                digest = hashlib.new(name, content, usedforsecurity=False).hexdigest()
                self._index.add(f"x:{digest[:DIGEST]}", attribute)
            self._index.add(f"x:{_dcm4che_md5(content)[:DIGEST]}", attribute)


def home_key(place: str, text: str) -> str:
    """What is compared of a value in its own attribute; "" where it says nothing."""
    found = words(text) or text.split()
    if all(map(is_placeholder, found)):
        return ""
    return f"h:{place}={' '.join(found)}"


def fingerprint_key(pseudonym: int, place: str, day: str) -> str:
    """A day in a certain attribute of a certain instance or series."""
    return f"f:{pseudonym}|{place}|{day}"


def home_date_key(place: str, day: str) -> str:
    """A birth date in the attribute of birth dates."""
    return f"h:{place}={day}"


def _least(word: str) -> int:
    return 1 if ideographic(word) else 2


def _tells_a_person(part: str) -> bool:
    """Whether a part of a name is searched for alone."""
    return len(part) >= (2 if ideographic(part) else _MIN_NAME) and part not in common_words()


def _tells(found: Sequence[str]) -> bool:
    """Whether words are distinct enough to be searched for everywhere."""
    together = "".join(found)
    if together.replace(".", "").isdigit():
        return together.isdigit() and len(together) >= _MIN_DIGITS and bool(together.strip("0"))
    if all(word in common_words() or (len(word) < _MIN_NAME and not ideographic(word)) for word in found):
        return False
    return len(together) >= (_MIN_WORD if len(found) == 1 else _MIN_WORDS) or ideographic(together)


def _dcm4che_md5(content: bytes) -> str:
    """The digest that dcm4che writes into paths for `{…,md5}`, least significant of 32 digits first."""
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    number = int.from_bytes(digest[9:16] + b"\0" + digest[1:8] + b"\0")
    return "".join(_DIGITS_OF_32[(number >> shift) & 31] for shift in range(0, 130, 5))
