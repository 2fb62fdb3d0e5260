"""Text cleaned of the patient's own values: what somebody typed into a description is taken out again."""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import chain

from niffler_ops.deidentify.folding import fold, fold_with_places, squeeze
from niffler_ops.deidentify.identity import UNSPACED, Identity
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.spelled_dates import is_date, is_plausible, spelled_dates

REMOVED = "REMOVED"

_WORD_START, _WORD_END = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_TOKEN_START, _TOKEN_END = r"(?<![^\W_])", r"(?![^\W_])"
_GAP, _SHORT_GAP, _SPELLED_GAP = r"[\W_]{0,4}", r"[\W_]{0,2}", r"[\W_]{1,3}"
_LONG_IDENTIFIER = 6  # shorter ones only as a token of their own, or as a number of its own
_LONG_NAME, _LEAST_SPELLED = 6, 3  # found with gaps anywhere, found where it is spelled letter by letter
_LEAST_IN_CODE = 3  # in a code of two letters, a name is a coincidence
_UID = re.compile(r"(?<![0-9])(?<![0-9]\.)0*[0-2](?:\.[0-9]+){2,}(?![0-9])")
_UID_COMPONENTS, _LONG_UID = 6, 14  # with fewer components and shorter, it is a version or a date
_LONGEST = {"CS": 16, "SH": 16, "LO": 64, "ST": 1024, "LT": 10_240}  # characters (PS3.5 6.2)

# What looks like an identifier in a description, whoever it belongs to. A word is searched from its first
# letter only: from each of them, a long one would be read as often as it has letters.
_SUSPECTS = (
    re.compile(r"(?<!\S)\S+@\S+"),
    re.compile(r"(?<![^\W\d_])[^\W\d_]+(?:\s*(?<!\^)\^(?!\^)\s*[^\W\d_]+|\^[^\W\d_]*)+"),
    re.compile(
        r"""(?:https?://|www\.)\S+ | \\\\\S+
        | \b(?:Dr|Prof|Mrs|Herr|Frau|Mme|Doctor|Professor)\b\.?\s+[^\W\d_]+(?:\s+[A-Z][^\W\d_]+)?
        | (?:\+|\(?\b0)\d(?:[ ()/-]{0,2}\d){5,} | \(?\b\d{3}\)?[-. ]\d{3}[-. ]\d{4}\b
        | [A-Za-z]{0,4}\d{6,}[A-Za-z0-9]*""",
        re.VERBOSE,
    ),
)
_KNOWN_TEXTS = 256
_Spans = Iterator[tuple[int, int]]


class Cleaner:
    """Cleans text of one identity; made once for a patient, used for all headers of a study."""

    def __init__(self, identity: Identity, pseudonyms: Pseudonyms, *, dates_stay: bool) -> None:
        self._identity = identity
        self._pseudonyms = pseudonyms
        self._dates_stay = dates_stay
        self._dates = identity.birth_dates | (frozenset() if dates_stay else identity.study_dates)
        needles = identity.names | identity.anywhere | identity.identifiers
        self._needles = tuple({squeeze(needle) for needle in needles} - {""})
        # The images of a series say the same again and again.
        self._known = lru_cache(_KNOWN_TEXTS)(self._cleaned)

    def is_suspicious(self, text: str) -> bool:
        """Whether cleaning might change any of the texts in `text`; quick, and never wrongly False."""
        folded = fold(text)
        squeezed = squeeze(folded)
        if any(needle in squeezed for needle in self._needles):
            return True
        return _UID.search(folded) is not None or next(self._date_spans(folded), None) is not None

    def cleaned(self, text: str, vr: str, *, suspects: bool = False) -> str:
        """`text`, one value of VR `vr`, with REMOVED for what identifies; UIDs become their pseudonyms.

        With `suspects` also what looks like a name with a title, an address, a number of a person or a date.
        """
        return self._known(text, vr, suspects)

    def _cleaned(self, text: str, vr: str, suspects: bool) -> str:  # noqa: FBT001 - a key of the cache
        if suspects:
            text = _replaced(text, self._suspect_spans(text))
        cleaned = self._with_pseudonymous_uids(text)
        folded, places = fold_with_places(cleaned)
        least = _LEAST_IN_CODE if vr == "CS" else 1
        spans = [(a, b) for a, b in self._own_spans(folded) if b - a >= least]
        cleaned = _replaced(cleaned, ((places[a], places[b - 1] + 1) for a, b in spans))
        return cleaned if cleaned == text else cleaned[: _LONGEST.get(vr)].rstrip()

    def _with_pseudonymous_uids(self, text: str) -> str:
        folded, places = fold_with_places(text)
        parts, end = list[str](), 0
        for found in _uids(folded):
            start = places[found.start()]
            parts += [text[end:start], self._pseudonyms.uid(found[0])]
            end = places[found.end() - 1] + 1
        return "".join(parts) + text[end:]

    def _own_spans(self, folded: str) -> _Spans:
        """Where the patient's own values stand."""
        if self._pattern is not None:
            for found in self._pattern.finditer(folded):
                yield found.span()
        yield from self._date_spans(folded)

    def _date_spans(self, folded: str) -> _Spans:
        for start, end, readings in spelled_dates(folded) if self._dates else ():
            if any(is_date(readings, when) for when in self._dates):
                yield start, end

    def _suspect_spans(self, text: str) -> _Spans:
        uids = [found.span() for found in _uids(text)]
        for found in chain.from_iterable(suspect.finditer(text) for suspect in _SUSPECTS):
            if not any(start < found.end() and found.start() < end for start, end in uids):
                yield found.span()
        if not self._dates_stay:
            folded, places = fold_with_places(text)
            for start, end, readings in spelled_dates(folded):
                if is_plausible(readings):
                    yield places[start], places[end - 1] + 1

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """Names and identifiers as one expression; the longest first, so that no rest of a match remains."""
        alternatives = {word: _WORD_START + _name_pattern(word) + _WORD_END for word in self._identity.names}
        alternatives |= {name: _anywhere_pattern(name) for name in self._identity.anywhere}
        alternatives |= {number: _identifier_pattern(number) for number in self._identity.identifiers}
        longest_first = sorted(alternatives, key=len, reverse=True)
        return re.compile("|".join(map(alternatives.__getitem__, longest_first))) if alternatives else None


def _anywhere_pattern(name: str) -> str:
    """A name that is no word of its own; where no spaces stand between words, one within it is none."""
    return _SHORT_GAP.join(name) if UNSPACED.search(name) else re.escape(name)


def _name_pattern(word: str) -> str:
    """A word of a name, also where it is torn apart; a short one only where it is spelled."""
    if len(word) >= _LONG_NAME:
        return _SHORT_GAP.join(map(re.escape, word))
    if len(word) < _LEAST_SPELLED:
        return re.escape(word)
    return f"(?:{re.escape(word)}|{_SPELLED_GAP.join(map(re.escape, word))})"


def _uids(text: str) -> Iterator[re.Match[str]]:
    """What is written like a UID, whether or not PS3.5 would let it pass."""
    for found in _UID.finditer(text):
        if found[0].count(".") + 1 >= _UID_COMPONENTS or len(found[0]) >= _LONG_UID:
            yield found


def _identifier_pattern(squeezed: str) -> str:
    """An identifier, however it is grouped, with or without leading zeros.

    A short number is found beside letters, as in MRN12345, but ungrouped.
    """
    grouped = _GAP.join(map(re.escape, squeezed))
    if len(squeezed) < _LONG_IDENTIFIER:
        token = f"{_TOKEN_START}0*{grouped}{_TOKEN_END}"
        return f"(?:{token}|(?<!\\d)0*{squeezed}(?!\\d))" if squeezed.isdecimal() else token
    start = r"(?<!\d)0*" if squeezed[0].isdigit() else ""
    end = r"(?!\d)" if squeezed[-1].isdigit() else ""
    return f"{start}{grouped}{end}"


def _replaced(text: str, spans: _Spans) -> str:
    """`text` with every span, and spans that touch as one, replaced."""
    parts, end = list[str](), 0
    for start, stop in sorted(spans):
        if start < end or (start == end and parts):
            end = max(end, stop)
            continue
        parts += [text[end:start], REMOVED]
        end = stop
    return "".join(parts) + text[end:]
