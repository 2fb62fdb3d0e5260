"""What happens to every attribute under the chosen options: one table, tag to rule.

A tag that is not in it is removed: private attributes, curves, overlays, attributes that neither the profile
nor the dictionary knows, and what the profile and the options remove.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

from pydicom._dicom_dict import DicomDictionary

from niffler_ops.deidentify import profile
from niffler_ops.deidentify.options import (
    CLEAN_DESCRIPTORS,
    DEVICE_IDENTITY,
    PATIENT_CHARACTERISTICS,
    Dates,
    Options,
)
from niffler_ops.deidentify.terms import TERMS
from niffler_ops.deidentify.treatments import TEMPORAL_VRS, TEXT_VRS, Rule, Treatment

_FIRST_GROUP = 0x0008  # below are commands, file meta information and media directories
_INSTANCE = "InstanceUID"
_TIMEZONE = "TimezoneOffsetFromUTC"


@lru_cache(maxsize=16)
def rules_for(options: Options) -> dict[int, Rule]:
    """The rule of every attribute that is not simply removed."""
    basic, changes = profile.basic(), _changes(options)
    rules = {}
    for tag, vrs, keyword in _dictionary():
        kept = Rule(treatment=_by_vr(vrs, options), vrs=vrs)
        listed = Rule(treatment=basic[tag], vrs=vrs, otherwise=basic[tag]) if tag in basic else kept
        rule = _exactly(changes[keyword](kept, listed) if keyword in changes else listed, keyword)
        if rule.treatment is not Treatment.REMOVE:
            rules[tag] = rule
    return rules


def _exactly(rule: Rule, keyword: str) -> Rule:
    """The rule where an attribute names an instance, or has terms of its own."""
    if rule.treatment is Treatment.UID and _INSTANCE in keyword:
        return replace(rule, treatment=Treatment.INSTANCE_UID)
    if rule.treatment is Treatment.TEXT and keyword in TERMS:
        return replace(rule, treatment=Treatment.TERM, meaning=keyword)
    return rule


def _dictionary() -> Iterator[tuple[int, frozenset[str], str]]:
    """The public attributes of data sets: tag, VRs, keyword."""
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 >= _FIRST_GROUP and keyword and vr != "NONE":
            yield tag, frozenset(vr.split(" or ")), keyword


_Change = Callable[[Rule, Rule], Rule]


def _changes(options: Options) -> dict[str, _Change]:
    """What our additions and the options make of single attributes, by keyword; the later win."""
    changes = {
        addition.keyword: _changed(addition.treatment, addition.meaning) for addition in profile.additions()
    }
    if options.dates is not Dates.REMOVED:
        changes |= dict.fromkeys(profile.temporal_keywords(), _kept)
        changes[_TIMEZONE] = _changed(Treatment.ZONE)
    chosen = {
        CLEAN_DESCRIPTORS: options.clean_descriptors,
        PATIENT_CHARACTERISTICS: options.patient_characteristics,
        DEVICE_IDENTITY: options.device_identity,
    }
    for column in profile.option_columns():
        if chosen[column.option]:
            changes[column.keyword] = _COLUMNS[column.option, column.action]
    return changes


def _changed(treatment: Treatment, meaning: str = "") -> _Change:
    return lambda _, listed: replace(listed, treatment=treatment, meaning=meaning)


def _kept(kept: Rule, listed: Rule) -> Rule:
    """As an attribute is treated that the table does not list."""
    return replace(listed, treatment=kept.treatment)


def _device_kept(kept: Rule, listed: Rule) -> Rule:
    """The same for an attribute of a device: its UIDs stay, and its dates unless dates are moved."""
    if kept.treatment is Treatment.UID:
        return replace(listed, treatment=Treatment.DEVICE_UID)
    if kept.treatment is Treatment.REMOVE:
        return replace(listed, treatment=Treatment.DEVICE_DATE)
    return replace(listed, treatment=kept.treatment)


def _cleaned(kept: Rule, listed: Rule) -> Rule:
    """A sequence is kept with what is clean in its items."""
    return replace(
        listed, treatment=Treatment.WALK if kept.treatment is Treatment.WALK else Treatment.DESCRIPTOR
    )


_COLUMNS: dict[tuple[str, str], _Change] = {
    (DEVICE_IDENTITY, "K"): _device_kept,
    (DEVICE_IDENTITY, "C"): _changed(Treatment.PSEUDONYM, "AETitle"),  # AE titles often name the hospital
    (PATIENT_CHARACTERISTICS, "K"): _kept,
    (PATIENT_CHARACTERISTICS, "C"): _cleaned,
    (CLEAN_DESCRIPTORS, "C"): _cleaned,
}


def _by_vr(vrs: frozenset[str], options: Options) -> Treatment:
    """The treatment of an attribute that nobody lists."""
    if vrs <= TEXT_VRS:
        return Treatment.TEXT
    if vrs <= TEMPORAL_VRS:
        return _temporal(vrs, options)
    return _BY_VR.get(min(vrs), Treatment.KEEP)


def _temporal(vrs: frozenset[str], options: Options) -> Treatment:
    if options.dates is Dates.REMOVED:
        return Treatment.REMOVE
    return Treatment.TIME if vrs == {"TM"} else Treatment.DATE


_BY_VR = {
    "SQ": Treatment.WALK,
    "UI": Treatment.UID,
    "DS": Treatment.NUMBER,
    "IS": Treatment.NUMBER,
    "AS": Treatment.AGE,
    "PN": Treatment.REMOVE,
    "UR": Treatment.REMOVE,
    "AE": Treatment.REMOVE,
    "UN": Treatment.REMOVE,
}
