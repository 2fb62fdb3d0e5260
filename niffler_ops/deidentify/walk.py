"""The walk through a data set and its items: each element is treated by the rule of its tag, or removed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from niffler_ops.deidentify.cleaning import Cleaner
from niffler_ops.deidentify.elements import (
    NOTHING,
    PADDING,
    UNDECODABLE,
    UNDEFINED_LENGTH,
    Element,
    charset_of,
    converted,
    decoded_text,
    of_known_vr,
    plain_text,
    with_text,
)
from niffler_ops.deidentify.terms import is_term
from niffler_ops.deidentify.treating import TREATS, Patient, Treat, vr_of
from niffler_ops.deidentify.treatments import (
    BYTE_VRS,
    NUMBER_STRING_VRS,
    NUMBER_VRS,
    STRING_VRS,
    TEXT_VRS,
    Rule,
    Treatment,
)

PIXEL_GROUP = 0x7FE0

_ESCAPE = b"\x1b"
_ONE_VALUE_VRS = frozenset({"LT", "ST", "UR", "UT"})  # a backslash in them separates nothing
_LONGEST_CODE = 16
_CODE = re.compile(r"[A-Z0-9_ ]{0,16}")  # PS3.5 6.2
_NO_LETTER_OF_CODES = re.compile(r"[^A-Z0-9_ ]")


class Text(NamedTuple):
    """Kept text that has still to be cleaned, and where it is kept."""

    elements: dict[BaseTag, Element]
    tag: BaseTag
    vr: str
    charset: bytes
    suspects: bool


class Step(NamedTuple):
    """A rule ready to be carried out; without `treat` it needs what is around an element."""

    vrs: frozenset[str]
    rule: Rule
    treat: Treat | None


def steps_for(rules: Mapping[int, Rule]) -> dict[int, Step]:
    """The rules ready to be carried out."""
    return {tag: Step(rule.vrs, rule, TREATS.get(rule.treatment)) for tag, rule in rules.items()}


class _Scope(NamedTuple):
    """The data set or item that is walked through, what is left of it, and the character sets of its text."""

    source: Dataset
    elements: dict[BaseTag, Element]
    charset: bytes


@dataclass(slots=True)
class Walk:
    """One walk for one patient."""

    steps: Mapping[int, Step]
    patient: Patient
    texts: list[Text] = field(default_factory=list)

    def through(self, source: Dataset, charset: bytes = b"", *, nested: bool = False) -> Dataset:
        """What is left of `source`, a new data set; its text is still to be cleaned."""
        scope = _Scope(source, {}, charset_of(source) or charset)
        find, elements = self.steps.get, scope.elements
        for tag, element in source.items():
            step = find(int(tag))  # a BaseTag would be compared in Python
            if step is None or (nested and tag.group == PIXEL_GROUP):
                continue
            try:
                kept = self._kept(scope, element, step)
            except Exception:  # noqa: BLE001, S112 - what cannot be treated is not kept, whatever it is
                continue
            if kept is not None:
                elements[tag] = kept
        result = Dataset(elements)
        result.set_original_encoding(*source.original_encoding, source.original_character_set)  # type: ignore[call-arg]  # it is a pair
        return result

    def clean(self, cleaner: Cleaner) -> None:
        """Clean the text that was kept."""
        plain = {id(text): raw for text in self.texts if (raw := _plain(text)) is not None}
        if cleaner.is_suspicious(b"\n".join(plain.values()).decode("ascii")):
            plain.clear()
        for text in self.texts:
            if id(text) not in plain:
                _clean(text, cleaner)

    def _kept(self, scope: _Scope, element: Element, step: Step) -> Element | None:
        """What is left of one element."""
        if isinstance(element, RawDataElement):
            if element.value is None and element.length:
                element = scope.source.get_item(element.tag)  # its reading was deferred
            elif element.length == UNDEFINED_LENGTH and element.tag.group != PIXEL_GROUP:
                return None
        if element.VR in step.vrs or (isinstance(element, RawDataElement) and _is_implicit(element)):
            if not element.value:
                return element
            if step.treat is not None:
                return step.treat(self.patient, element, step.rule)
            return self._treated_here(scope, element, step.rule)
        return self._kept_of_other_vr(scope, element, step)

    def _treated_here(self, scope: _Scope, element: Element, rule: Rule) -> Element:
        """What is left of a sequence or text."""
        if rule.treatment is Treatment.WALK:
            return self._walked(scope, element)
        if rule.treatment is Treatment.PSEUDONYM:
            return self._stood_in(scope, element, rule)
        if rule.treatment is Treatment.TERM and _has_terms_only(element, rule):
            return element
        return self._noted(scope, element, rule)

    def _stood_in(self, scope: _Scope, element: Element, rule: Rule) -> Element:
        """The pseudonym of what the text says, not of its bytes; a backslash is part of an identifier."""
        vr = vr_of(element, rule)
        content = decoded_text(element, vr, scope.charset)
        parts = content.split("\\") if "AE" in rule.vrs else [content]
        identifier = self.patient.pseudonyms.identifier
        return with_text(
            element,
            vr,
            "\\".join(identifier(rule.meaning, part) if part.strip(NOTHING) else "" for part in parts),
        )

    def _kept_of_other_vr(self, scope: _Scope, element: Element, step: Step) -> Element | None:
        """What is left of an element whose VR is not the dictionary's."""
        if isinstance(element, RawDataElement) and element.VR in {None, "UN"}:
            element = of_known_vr(element)
        if not element.value:
            return None
        vr, treatment = str(element.VR), step.rule.treatment
        if vr in step.vrs:
            return self._kept(scope, element, step)
        if vr not in STRING_VRS:
            # Bytes where a number should be may be a text.
            alike = any(vr in family and step.vrs & family for family in (NUMBER_VRS, BYTE_VRS))
            return element if treatment is Treatment.KEEP and alike else None
        if treatment is Treatment.PSEUDONYM:
            return self._stood_in(scope, element, step.rule)
        if step.treat is None or (treatment is Treatment.NUMBER and vr not in NUMBER_STRING_VRS):
            return self._noted(scope, element, step.rule) if vr in TEXT_VRS else None
        return step.treat(self.patient, element, step.rule) if treatment is not Treatment.KEEP else None

    def _walked(self, scope: _Scope, element: Element) -> Element:
        """A sequence with what is left of its items."""
        sequence = converted(element) if isinstance(element, RawDataElement) else element
        items = [self.through(item, scope.charset, nested=True) for item in sequence.value]
        return DataElement(element.tag, "SQ", Sequence(items), already_converted=True)

    def _noted(self, scope: _Scope, element: Element, rule: Rule) -> Element:
        """Text, noted to be cleaned when all of it is known."""
        suspects = rule.treatment is Treatment.DESCRIPTOR
        self.texts.append(Text(scope.elements, element.tag, vr_of(element, rule), scope.charset, suspects))
        return element


def _is_implicit(element: RawDataElement) -> bool:
    return element.VR is None and element.is_implicit_VR


def _has_terms_only(element: Element, rule: Rule) -> bool:
    values = (value.strip(PADDING) for value in plain_text(element).split("\\"))
    return all(not value or is_term(rule.meaning, value) for value in values)


def _plain(text: Text) -> bytes | None:
    """The bytes of a text that can be searched as it stands, together with others."""
    element = text.elements[text.tag]
    if text.suspects or not isinstance(element, RawDataElement) or element.value is None:
        return None
    if text.vr == "CS" and not _is_code(element.value):
        return None
    return element.value if element.value.isascii() and _ESCAPE not in element.value else None


def _is_code(value: bytes) -> bool:
    return all(_CODE.fullmatch(part.strip(PADDING)) for part in value.decode("latin-1").split("\\"))


def _as_code(value: str) -> str:
    """A code in the form that PS3.5 gives it; one that is too long, or in other letters, is none."""
    capitals = value.upper()
    return _NO_LETTER_OF_CODES.sub("_", capitals) if len(value) <= _LONGEST_CODE and value.isascii() else ""


def _clean(text: Text, cleaner: Cleaner) -> None:
    """Clean one text where it is kept; what nobody can read is removed."""
    element = text.elements[text.tag]
    content = decoded_text(element, text.vr, text.charset)
    if UNDECODABLE in content:
        del text.elements[text.tag]
        return
    parts = [content] if text.vr in _ONE_VALUE_VRS else content.split("\\")
    cleaned = [cleaner.cleaned(part, text.vr, suspects=text.suspects) for part in parts]
    if text.vr == "CS":
        cleaned = [_as_code(part) for part in cleaned]
    if cleaned != parts:
        text.elements[text.tag] = with_text(element, text.vr, "\\".join(cleaned), text.charset)
