"""How an attribute of the originals identifies, by the standard's table and by rules of its own."""

import importlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from pydicom.datadict import dictionary_has_tag, dictionary_keyword

from niffler_ops.audit.elements import NUMERIC, Element

# The table is the standard's (PS3.15 E.1-1) and published; how it is read here is this room's own.
_TABLE = "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c"
_TEXT = frozenset(["AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"])
_CODED = re.compile(r"Code(Meaning|Value)|CodingScheme|ContextIdentifier|MappingResource")
_CLASS_UID = re.compile(
    r"SOPClass|TransferSyntax|CodingScheme|ContextUID|MappingResource|ImplementationClass"
)
_PEOPLE = re.compile(
    r"Patient|Person|Physician|Operator|Observer|Author|Creator|Performer|Recipient|Interpreter|Approver"
)
_IDENTITY = re.compile(
    r"Name(s|s?OfPatient)?$|IDs?$|Identif|Number|Address|Tele|Institution|Issuer|Physician|Operator|Person"
    r"|Station|Serial|Location|Residen|Occupation|Military|Branch|Religious|Insurance|Organi[sz]ation|Owner"
    r"|Author|Observer|Recipient|Trial|Department|RequestingService|Contact|Locator|Arrangements|Distribution"
)
# What Clean Descriptors keeps although its name sounds of an identity.
_DESCRIPTIVE = re.compile(
    r"(Description|Comments|Label|(Protocol|Template|StructureSet|Plan|ROI|Entity)Name"
    r"|ScheduledStudyLocation|ScheduledProcedureStepLocation|ReasonForTheAttributeModification)$"
)
# Codes in these stand for a person or a place, whatever the sequences around them are.
_SOMEBODY = re.compile(r"(Person|Physician|Operator|Performer|Observer|Author|Creator|User)\w*CodeSequence")
_PLACE = re.compile("InstitutionCodeSequence")
_DEVICE = re.compile(
    r"Station|Device|Serial|Gantry|Detector|Generator|Plate|Cassette|Lens|Camera|TreatmentMachine|XRaySource"
    r"|Transducer|UDI|SourceManufacturer"
)
_CHARACTERISTICS = frozenset(
    {
        *(
            "PatientSex",
            "PatientSexNeutered",
            "PatientSize",
            "PatientWeight",
            "EthnicGroup",
            "PregnancyStatus",
        ),
        *("EthnicGroupCodeSequence", "SmokingStatus", "Allergies", "MedicalAlerts", "PatientState"),
        *("PreMedication", "SpecialNeeds"),
    }
)
_PRIVATE_INFORMATION = 0x00020102
_OLDEST = 90


class Meaning(Enum):
    """What an original value is, and so how it is searched for."""

    NOTHING = auto()
    NAME = auto()
    UID = auto()
    IDENTIFIER = auto()  # of a person, place or thing
    TEXT = auto()
    BIRTH_DATE = auto()
    DATE = auto()
    CONFINED = auto()  # numbers, codes, times: only in the attribute they come from


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What de-identification was told to keep (PS3.15 E.3)."""

    modified_dates: bool
    full_dates: bool
    device: bool
    characteristics: bool
    descriptors: bool

    @classmethod
    def of(cls, names: Collection[str]) -> "Options":
        """From the names that the setting DeidentifyOptions takes."""
        return cls(
            modified_dates="RetainModifiedDates" in names,
            full_dates="RetainFullDates" in names,
            device="RetainDeviceIdentity" in names,
            characteristics="RetainPatientCharacteristics" in names,
            descriptors="CleanDescriptors" in names,
        )

    @property
    def dates(self) -> bool:
        """Whether times and intervals may be there."""
        return self.modified_dates or self.full_dates


def meaning(element: Element, options: Options) -> Meaning:
    """What the value of this element of an original is."""
    within = [name for name in element.path[:-1] if name in _listed()]
    name = element.keyword
    private = not name or element.tag >> 24 in {0x50, 0x60} or element.tag == _PRIVATE_INFORMATION
    if not private and _is_kept((*within, name), options):
        return Meaning.NOTHING
    if element.vr == "PN" or _is_code_of(_SOMEBODY, element):
        return Meaning.NAME
    if element.vr == "UI":
        return Meaning.NOTHING if _CLASS_UID.search(name) else Meaning.UID
    if element.vr in {"DA", "DT"}:
        return _of_date(element, options, private=private)
    return _of_private(element) if private else _of_public(element, within, options)


def _is_code_of(sequence: re.Pattern[str], element: Element) -> bool:
    return _CODED.search(element.keyword) is not None and any(map(sequence.search, element.path[:-1]))


def _of_private(element: Element) -> Meaning:
    return Meaning.NOTHING if element.vr in NUMERIC | {"TM", "CS", "AS"} else Meaning.TEXT


def _of_public(element: Element, within: list[str], options: Options) -> Meaning:
    name = element.keyword
    if element.vr == "AE" or _is_code_of(_PLACE, element):
        return Meaning.IDENTIFIER
    if element.vr == "AS":
        return _of_age(element, options)
    if (name not in _listed() and not within) or name == "TimezoneOffsetFromUTC":
        return Meaning.NOTHING
    if element.vr == "TM" and options.dates:
        return Meaning.NOTHING
    return _of_listed(element, within, options)


def _of_listed(element: Element, within: list[str], options: Options) -> Meaning:
    name = element.keyword
    if _CODED.search(name) and not any(map(_PEOPLE.search, within)):
        # CodeMeaning says the same in sequences that stay.
        return Meaning.NOTHING if options.descriptors else Meaning.CONFINED
    described = _DESCRIPTIVE.search(name) or not _IDENTITY.search(name)
    if described and options.descriptors and (element.vr in _TEXT or _DESCRIPTIVE.search(name)):
        return Meaning.NOTHING
    if element.vr not in _TEXT and not element.whole:
        return Meaning.CONFINED
    return Meaning.TEXT if described else Meaning.IDENTIFIER


def _of_date(element: Element, options: Options, *, private: bool) -> Meaning:
    if "BirthDate" in element.keyword:
        return Meaning.BIRTH_DATE
    if options.full_dates:
        return Meaning.NOTHING
    return Meaning.DATE if options.modified_dates or private else Meaning.CONFINED


def _of_age(element: Element, options: Options) -> Meaning:
    """Ages over 89 are all written as 090Y; others are a characteristic."""
    text = element.texts[0] if element.texts else ""
    aged = text.endswith("Y") and text[:-1].isdigit() and int(text[:-1]) > _OLDEST
    if aged or (not options.characteristics and element.keyword in _listed()):
        return Meaning.CONFINED
    return Meaning.NOTHING


def _is_kept(names: tuple[str, ...], options: Options) -> bool:
    """Whether the options keep one of these attributes."""
    *within, name = names
    if options.characteristics and (
        name in _CHARACTERISTICS or (_CODED.search(name) and not _CHARACTERISTICS.isdisjoint(within))
    ):
        return True
    return options.device and any(_DEVICE.search(name) and not _PEOPLE.search(name) for name in names)


@cache
def _listed() -> frozenset[str]:
    """The keywords of all attributes in the table, those of groups that repeat left out."""
    tags = importlib.import_module(_TABLE).ALL_TAGS
    pairs = [tuple(tag) for tag in tags if len(tag) == 2]  # noqa: PLR2004 - the others are ranges
    return frozenset(dictionary_keyword(tag) for tag in pairs if dictionary_has_tag(tag))
