"""How an element is treated by itself: kept, checked, moved, replaced, emptied."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.deidentify import moments
from niffler_ops.deidentify.cleaning import REMOVED
from niffler_ops.deidentify.elements import PADDING, Element, plain_text, with_bytes, with_text
from niffler_ops.deidentify.pseudonyms import Pseudonyms, is_well_known
from niffler_ops.deidentify.treatments import STRING_VRS, Rule, Treatment

_NUMBERS = re.compile(rb"[0-9+\-.eE \\\0]*")
_UID = re.compile(r"[0-2](?:\.[0-9]+)+")
_LONGEST_UID = 64
_CHARSETS = re.compile(r"(?:ISO[ _-]?)?(?:2022[ _-]?)?(?:IR[ _-]?)?[0-9]{1,4}|GB18030|GBK|ISO 2022 GBK")

_DUMMIES = {"DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000D", "DS": "0", "IS": "0"}
_DUMMY_NUMBER, _DUMMY_BYTES = bytes(2), bytes(8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """What stands in for the patient: a pseudonym, and by how many days dates move back."""

    pseudonym: str
    days: int
    pseudonyms: Pseudonyms


Treat = Callable[[Patient, Element, Rule], Element | None]


def vr_of(element: Element, rule: Rule) -> str:
    """The VR of an element, which implicit VR leaves to the dictionary."""
    return element.VR or min(rule.vrs)


def keep(_patient: Patient, element: Element, _rule: Rule) -> Element | None:
    """The element as it is."""
    return element


def keep_number(patient: Patient, element: Element, rule: Rule) -> Element | None:
    """The element as it is if it is a number: text that claims to be one is not."""
    raw = element.value if isinstance(element, RawDataElement) else plain_text(element).encode()
    return element if _NUMBERS.fullmatch(raw or b"") else _otherwise(patient, element, rule)


def _patient_name(patient: Patient, element: Element, rule: Rule) -> Element | None:
    return with_text(element, vr_of(element, rule), patient.pseudonym)


def _empty(_patient: Patient, element: Element, _rule: Rule) -> Element | None:
    if isinstance(element, RawDataElement):
        return with_bytes(element, b"")
    empty = Sequence() if element.VR == "SQ" else "" if element.VR in STRING_VRS else None
    return DataElement(element.tag, element.VR, empty)


def _dummy(_patient: Patient, element: Element, rule: Rule) -> Element | None:
    vr = vr_of(element, rule)
    if vr == "SQ":
        return DataElement(element.tag, vr, Sequence([Dataset()]))
    if vr in STRING_VRS:
        return with_text(element, vr, _DUMMIES.get(vr, REMOVED))
    if isinstance(element, RawDataElement):
        return with_bytes(element, _DUMMY_NUMBER if vr == "US" else _DUMMY_BYTES)
    return DataElement(element.tag, vr, _DUMMY_BYTES if isinstance(element.value, bytes) else 0)


def _remove(_patient: Patient, _element: Element, _rule: Rule) -> Element | None:
    return None


def _otherwise(patient: Patient, element: Element, rule: Rule) -> Element | None:
    """What the Basic Profile does, with a value that is not what it should be."""
    return TREATS[rule.otherwise](patient, element, rule)


def _each(change: Callable[[Patient, Rule, str], str | None]) -> Treat:
    """Changes every value of an element by itself; None stands for a value that cannot be kept."""

    def treat(patient: Patient, element: Element, rule: Rule) -> Element | None:
        parts = plain_text(element).split("\\")
        stripped = [part.strip(PADDING) for part in parts]
        changed = [change(patient, rule, part) if part else "" for part in stripped]
        if changed == stripped:
            return element
        kept = [part for part in changed if part is not None]
        if len(kept) < len(parts):
            return _otherwise(patient, element, rule)
        return with_text(element, vr_of(element, rule), "\\".join(kept))

    return treat


def _moved(patient: Patient, rule: Rule, value: str) -> str | None:
    move = moments.moved_moment if "DT" in rule.vrs else moments.moved_date
    return move(value, patient.days)


def _is_uid(value: str) -> bool:
    return len(value) <= _LONGEST_UID and _UID.fullmatch(value) is not None


def _class_uid(patient: Patient, _rule: Rule, value: str) -> str | None:
    """A class of the standard's; a maker's own, or whatever else is a UID, becomes its pseudonym."""
    if not _is_uid(value):
        return None
    return value if is_well_known(value) else patient.pseudonyms.uid(value)


TREATS: dict[Treatment, Treat] = {
    Treatment.KEEP: keep,
    Treatment.NUMBER: keep_number,
    Treatment.PATIENT_NAME: _patient_name,
    Treatment.EMPTY: _empty,
    Treatment.DUMMY: _dummy,
    Treatment.REMOVE: _remove,
    Treatment.CHARSET: _each(lambda _, __, value: value if _CHARSETS.fullmatch(value) else None),
    Treatment.CLASS_UID: _each(_class_uid),
    Treatment.DEVICE_UID: _each(lambda _, __, value: value if _is_uid(value) else None),
    Treatment.UID: _each(lambda patient, _, value: patient.pseudonyms.uid(value)),
    Treatment.INSTANCE_UID: _each(lambda patient, _, value: patient.pseudonyms.instance_uid(value)),
    Treatment.DATE: _each(_moved),
    Treatment.DEVICE_DATE: _each(lambda _, __, value: moments.any_moment(value)),
    Treatment.TIME: _each(lambda _, __, value: moments.time_of_day(value)),
    Treatment.ZONE: _each(lambda _, __, value: moments.zone(value)),
    Treatment.AGE: _each(lambda _, __, value: moments.age(value)),
}
"""All treatments but those that need the data set around an element: of sequences, and of text."""
