"""Text cleaned of the patient's own values: what somebody typed into a description is taken out again."""

import re
from collections.abc import Iterator
from functools import cached_property

from niffler_ops.deidentify.folding import fold, fold_with_places
from niffler_ops.deidentify.identity import SEPARATORS, Identity
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.spelled_dates import is_date, is_plausible, spelled_dates

REMOVED = "REMOVED"

_WORD_START, _WORD_END = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_TOKEN_START, _TOKEN_END = r"(?<![^\W_])", r"(?![^\W_])"
_GAP = r"[ \t\r\n\f\v._/:-]*"
_LONG_IDENTIFIER = 6  # shorter ones only as a token of their own
_LEAST_IN_CODE = 3  # in a code of two letters, a name is a coincidence
_UID = re.compile(r"(?<![0-9.])[0-2](?:\.(?:0|[1-9][0-9]*)){5,}(?![0-9])")
_LONGEST = {"CS": 16, "SH": 16, "LO": 64, "ST": 1024, "LT": 10_240}  # characters (PS3.5 6.2)

# What looks like an identifier in a description, whoever it belongs to.
_SUSPECT = re.compile(
    r"""\S+@\S+ | (?:https?://|www\.)\S+ | \\\\\S+
    | [^\W\d_]+(?:\^+[^\W\d_]*)+
    | \b(?:Dr|Prof|Mrs|Herr|Frau|Mme|Doctor|Professor)\b\.?\s+[^\W\d_]+(?:\s+[A-Z][^\W\d_]+)?
    | (?:\+|\(?\b0)\d(?:[ ()/-]{0,2}\d){5,} | \(?\b\d{3}\)?[-. ]\d{3}[-. ]\d{4}\b
    | [A-Za-z]{0,4}\d{6,}[A-Za-z0-9]*""",
    re.VERBOSE,
)
_Spans = Iterator[tuple[int, int]]


class Cleaner:
    """Cleans text of one identity; made once for a patient, used for all headers of a study."""

    def __init__(self, identity: Identity, pseudonyms: Pseudonyms, *, dates_stay: bool) -> None:
        self._identity = identity
        self._pseudonyms = pseudonyms
        self._dates_stay = dates_stay
        self._dates = identity.birth_dates | (frozenset() if dates_stay else identity.study_dates)
        self._needles = tuple(identity.names | identity.anywhere)

    def is_suspicious(self, text: str) -> bool:
        """Whether cleaning might change any of the texts in `text`; quick, and never wrongly False."""
        folded = fold(text)
        if any(needle in folded for needle in self._needles):
            return True
        squeezed = folded.translate(SEPARATORS)
        if any(identifier in squeezed for identifier in self._identity.identifiers):
            return True
        return _UID.search(text) is not None or next(self._date_spans(folded), None) is not None

    def cleaned(self, text: str, vr: str, *, suspects: bool = False) -> str:
        """`text`, one value of VR `vr`, with REMOVED for what identifies; UIDs become their pseudonyms.

        With `suspects` also what looks like a name with a title, an address, a number of a person or a date.
        """
        if suspects:
            text = _replaced(text, self._suspect_spans(text))
        folded, places = fold_with_places(text)
        least = _LEAST_IN_CODE if vr == "CS" else 1
        spans = [(a, b) for a, b in self._own_spans(folded) if b - a >= least]
        cleaned = _replaced(text, ((places[a], places[b - 1] + 1) for a, b in spans))
        cleaned = _UID.sub(lambda found: self._pseudonyms.uid(found[0]), cleaned)
        return cleaned if cleaned == text else cleaned[: _LONGEST.get(vr)].rstrip()

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
        uids = [found.span() for found in _UID.finditer(text)]
        for found in _SUSPECT.finditer(text):
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
        words = sorted(self._identity.names, key=len, reverse=True)
        alternatives = [_WORD_START + re.escape(word) + _WORD_END for word in words]
        alternatives += [re.escape(name) for name in self._identity.anywhere]
        alternatives += [_identifier_pattern(identifier) for identifier in self._identity.identifiers]
        alternatives.sort(key=len, reverse=True)
        return re.compile("|".join(alternatives)) if alternatives else None


def _identifier_pattern(squeezed: str) -> str:
    """An identifier, however it is grouped, with or without leading zeros."""
    grouped = _GAP.join(map(re.escape, squeezed))
    if len(squeezed) < _LONG_IDENTIFIER:
        return f"{_TOKEN_START}0*{grouped}{_TOKEN_END}"
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
