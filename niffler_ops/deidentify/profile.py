"""The tables behind the rules: the Basic Profile, the option columns, and what we add.

PS3.15 Table E.1-1 comes from dicom-anonymizer, which has no option columns; option_columns.csv has those of
the 2025a edition. Attributes newer than it stay as the Basic Profile has them.

Not in option_columns.csv, although the standard has them there: BeamHoldTransitionDateTime (Retain Device
Identity), which is of a treatment; and under Clean Descriptors what is told of a patient, a visit or a
finding (PatientComments, AdditionalPatientHistory, Occupation, InterpretationText, ...), which names people
and places that no header knows, and opaque bytes. For these the Basic Profile's action is the cleanest.
"""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from dicomanonymizer.dicomfields_selector import (  # type: ignore[import-untyped]  # ships no type information
    dicom_anonymization_database_selector,
)
from pydicom._dicom_dict import DicomDictionary

from niffler_ops.deidentify.treatments import TEMPORAL_VRS, Treatment

EDITION = "2026c"

# Of an action such as X/Z/D the part that leaves every object valid, whether the attribute is of type 1, 2 or
# 3 in it: PS3.15 E.1 lets the more drastic one be taken only where the object's definition allows.
_ACTIONS = {
    "X_TAGS": Treatment.REMOVE,
    "Z_TAGS": Treatment.EMPTY,
    "D_TAGS": Treatment.DUMMY,
    "U_TAGS": Treatment.UID,
    "Z_D_TAGS": Treatment.DUMMY,
    "X_Z_TAGS": Treatment.EMPTY,
    "X_D_TAGS": Treatment.DUMMY,
    "X_Z_D_TAGS": Treatment.DUMMY,
    "X_Z_U_STAR_TAGS": Treatment.WALK,
}
_MAY_BE_ABSENT = frozenset({"X_D_TAGS", "X_Z_D_TAGS"})
# Dates and times that the columns Retain Longitudinal Temporal Information leave to the Basic Profile; all
# others of the table are in them.
_NOT_TEMPORAL = frozenset({"PatientBirthDate", "PatientBirthTime", "GPSTimeStamp"})


class Addition(NamedTuple):
    """What we decide for an attribute that Table E.1-1 does not list, or of which it leaves a choice."""

    keyword: str
    treatment: Treatment
    meaning: str
    why: str


class OptionColumn(NamedTuple):
    """A cell of Table E.1-1: the action, K or C, that an option has for an attribute."""

    option: str
    keyword: str
    action: str


@cache
def basic() -> dict[int, Treatment]:
    """The column Basic Prof. by tag; curves and overlays, which are in no rule, are left out."""
    table = dicom_anonymization_database_selector(f"dicomfields_{EDITION}")
    return {
        group << 16 | number: _action(category, group << 16 | number)
        for category in _ACTIONS
        for group, number, *masks in table[category]
        if not masks
    }


def _action(category: str, tag: int) -> Treatment:
    vr = DicomDictionary[tag][0] if tag in DicomDictionary else ""
    if vr == "SQ" and category in _MAY_BE_ABSENT:
        return Treatment.REMOVE  # no use in an item of dummies
    if vr == "UI" and category == "D_TAGS":
        return Treatment.UID
    return _ACTIONS[category]


def temporal_keywords() -> Iterator[str]:
    """The columns Retain Longitudinal Temporal Information, which are alike."""
    for tag in basic():
        vr, _, _, _, keyword = DicomDictionary.get(tag, ("", "", "", "", ""))
        if vr in TEMPORAL_VRS and keyword not in _NOT_TEMPORAL:
            yield keyword


@cache
def option_columns() -> tuple[OptionColumn, ...]:
    """The other option columns."""
    return tuple(OptionColumn(**row) for row in _rows("option_columns.csv"))


@cache
def additions() -> tuple[Addition, ...]:
    """What we add to the table."""
    return tuple(
        Addition(row["keyword"], Treatment[row["treatment"]], row["meaning"], row["why"])
        for row in _rows("additions.csv")
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader((files(__package__) / name).read_text("utf-8").splitlines())
