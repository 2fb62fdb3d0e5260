"""The search: texts of the output on one side, the index on the other, findings between."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR

from niffler_ops.audit.dates import dates, is_lone
from niffler_ops.audit.elements import NUMERIC, TEMPORAL
from niffler_ops.audit.index import Index
from niffler_ops.audit.model import Channel, Finding, Unread
from niffler_ops.audit.spelling import fold, parts, readings, uids, unspaced, visible, within, words
from niffler_ops.audit.values import DIGEST, MIN_UID, fingerprint_key, home_date_key, home_key

WITHHELD = "[withheld]"
_PENDING = 20_000
_MIN_COMPONENTS, _MIN_BEGINNING = 5, 16
_LONGEST_UID = 64  # characters (PS3.5 9.1), and so no more components
# In bytes that are no text, short words and numbers come about by chance.
_BYTES_WORD, _BYTES_DIGITS = 8, 10
# A value torn apart has a short piece; one that is spelled has many of one letter.
_MOST_PIECES, _FEW_PIECES, _SHORT_PIECE, _LONGEST_TORN = 24, 5, 5, 48
_LEAST_SPELLED, _LEAST_TORN, _LEAST_NUMBER = 3, 6, 8
# A number that is said to be somebody's: MRN12345, Pat. Nr. 12345.
_CALLED_A_NUMBER = re.compile(
    r"(?<![^\W_])(?:(?:pat|patient|patienten)?(?:id|nr|no)|pid|mrn|pat|patient|acc|accession)[\W_]{0,3}0*(\d{4,5})(?![^\W_])"
)
_TIMELY = re.compile(r"date|time|acquisition|received|first|last|day", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a text stands; `name` is its attribute, column or key, `vr` that attribute's VR if it has one."""

    channel: Channel
    where: str
    place: str
    name: str = ""
    vr: str = ""

    @property
    def temporal(self) -> bool:
        """Whether a date alone is to be expected here."""
        return self.vr in TEMPORAL or (not self.vr and bool(_TIMELY.search(self.name)))

    @property
    def numeric(self) -> bool:
        """Whether a number alone is to be expected here."""
        return self.vr in NUMERIC or self.temporal


class Search:
    """Collects what stands in the output, and looks it up many at once."""

    def __init__(self, index: Index, most: int) -> None:
        self._index = index
        self._most = most
        self._numbers: list[int] = []
        self._places: list[Place] = []
        self._reported: set[tuple[str, ...]] = set()
        self.findings: list[Finding] = []
        self.tally: Counter[tuple[Channel, str]] = Counter()
        self.unread: list[Unread] = []
        self.unread_count = 0

    def text(self, text: str, place: Place) -> None:
        """Look for every value in a text, however it is spelled."""
        if not text:
            return
        for reading in readings(visible(text)):
            self._words(reading, place)
            self._uids(reading, place)
            self._dates(reading, place)
            for match in _CALLED_A_NUMBER.finditer(fold(reading)):
                self._want(f"i:{match[1]}", place)

    def at_home(self, text: str, place: Place) -> None:
        """Look for a value in the attribute, or the column of that name, from which it comes."""
        if key := home_key(place.name, text):
            self._want(key, place)
        if "BirthDate" in place.name:
            for day in dates(text):
                self._want(home_date_key(place.name, day), place)

    def same_date(self, pseudonym: int, text: str, place: Place) -> None:
        """Look whether a date is the one that the original has there."""
        here = Place(channel=Channel.DATE, where=place.where, place=place.place, name=place.name)
        for day in dates(text):
            self._want(fingerprint_key(pseudonym, place.name, day), here)

    def in_bytes(self, texts: Iterable[str], place: Place) -> None:
        """Look for the long values only, in what may be text by chance."""
        for text in texts:
            self._uids(text, place)
            self._words(text, place, by_chance=True)

    def attributes_in(self, *names: str) -> set[str]:
        """The attributes whose values the names of a file or folder hold; nothing is reported."""
        self.flush()
        for name in names:
            self.text(name, Place(channel=Channel.NAME, where="", place=""))
        attributes = {attribute for _, attribute in self._index.find(self._numbers)}
        self._numbers.clear()
        self._places.clear()
        return attributes

    def flush(self, without: Collection[str] = ()) -> set[str]:
        """Look up what was collected; the attributes whose values were found.

        Those `without` were reported more exactly already.
        """
        attributes = set()
        for at, attribute in self._index.find(self._numbers):
            attributes.add(attribute)
            if attribute not in without:
                self.report(self._places[at], attribute)
        self._numbers.clear()
        self._places.clear()
        return attributes

    def skip(self, where: str, why: str) -> None:
        """Say that a file could not be searched, or not all of it."""
        self.unread_count += 1
        if len(self.unread) < self._most:
            self.unread.append(Unread(where=where, why=why))

    def _words(self, text: str, place: Place, *, by_chance: bool = False) -> None:
        found = words(text)
        for at, word in enumerate(found):
            if not word.isdigit() or not (place.numeric and is_lone(text)):
                self._word(word, place, by_chance=by_chance)
            if not by_chance:
                self._torn(found[at : at + _MOST_PIECES], place)
                self._within(word, place)
            for length in self._index.openings.get(hash(word), ()):
                phrase = " ".join(found[at : at + length])
                if not by_chance or len(phrase) >= _BYTES_WORD:
                    self._want(f"w:{phrase}", place)

    def _within(self, word: str, place: Place) -> None:
        """Look for names in the midst of a word, where the script has no spaces."""
        if not word.isascii() and unspaced(word):
            for piece in within(word):
                self._want(f"n:{piece}", place)

    def _torn(self, found: Sequence[str], place: Place) -> None:
        """Look for a value that somebody tore apart, as P-0047-11 or G.R.O.N, whatever stands between."""
        joined, shortest = found[0], len(found[0])
        for count, piece in enumerate(found[1:], start=2):
            joined += piece
            shortest = min(shortest, len(piece))
            if len(joined) > _LONGEST_TORN or (count > _FEW_PIECES and len(joined) > count):
                return
            spelled = len(joined) == count
            least = _LEAST_SPELLED if spelled else _LEAST_NUMBER if joined.isdigit() else _LEAST_TORN
            if len(joined) >= least and shortest <= _SHORT_PIECE and not (place.numeric and joined.isdigit()):
                self._want(f"w:{joined}", place)

    def _word(self, word: str, place: Place, *, by_chance: bool) -> None:
        if len(word) >= DIGEST and word.isascii():
            self._want(f"x:{word[:DIGEST]}", place)
        for piece in (word, *parts(word)):
            if not by_chance or len(piece) >= (_BYTES_DIGITS if piece.isdigit() else _BYTES_WORD):
                self._want(f"w:{piece}", place)

    def _uids(self, text: str, place: Place) -> None:
        for uid in uids(text):
            if len(uid) < MIN_UID:
                continue
            self._want(f"u:{uid}", place)
            if uid.startswith("2.25."):
                self._want(f"x:{_hexadecimal(uid)[:DIGEST]}", place)
                continue
            components = uid.split(".")
            for count in range(_MIN_COMPONENTS, min(len(components), _LONGEST_UID)):
                if len(beginning := ".".join(components[:count])) >= _MIN_BEGINNING:
                    self._want(f"u:{beginning}", place)

    def _dates(self, text: str, place: Place) -> None:
        lone = place.channel is not Channel.NAME and is_lone(text)
        if lone and place.numeric:
            return
        for day in dates(text):
            self._want(f"b:{day}", place)
            if not lone:
                self._want(f"d:{day}", place)

    def _want(self, key: str, place: Place) -> None:
        self._numbers.append(hash(key))
        self._places.append(place)

    def report(self, place: Place, attribute: str) -> None:
        """Add a finding, once for each place and attribute."""
        key = (place.channel, place.where, place.place, attribute)
        if key in self._reported:
            return
        if len(self._reported) > _PENDING:
            self._reported.clear()
        self._reported.add(key)
        self.tally[place.channel, attribute] += 1
        if len(self.findings) < self._most:
            self.findings.append(
                Finding(channel=place.channel, where=place.where, place=place.place, attribute=attribute)
            )

    @property
    def is_full(self) -> bool:
        """Whether it is time to look up what was collected."""
        return len(self._numbers) >= _PENDING


def vr_of(name: str) -> str:
    """The VR of an attribute by its keyword; "" for what is none."""
    try:
        return dictionary_VR(name)
    except (KeyError, ValueError):
        return ""


def _hexadecimal(uid: str) -> str:
    """The number behind 2.25. as the 32 digits of a digest, which it may be."""
    try:
        return f"{int(uid[5:]):032x}"
    except ValueError:
        return ""
