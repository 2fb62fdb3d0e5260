"""Who a data set is about: what the patient's pseudonyms hang on, and what must not survive in text."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from niffler_ops.deidentify.elements import NOTHING
from niffler_ops.deidentify.folding import fold, spellings, squeeze
from niffler_ops.deidentify.moments import moved_date


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(tag for keyword in keywords.split() if (tag := tag_for_keyword(keyword)))


_NAMES = frozenset(tag for tag, (vr, *_) in DicomDictionary.items() if vr == "PN" and tag >> 16 >= 8)  # noqa: PLR2004 - groups of data sets
_IDENTIFIERS = _tags(
    "PatientID OtherPatientIDs PatientAddress PersonAddress InstitutionName InstitutionAddress"
)
# These may be words of any examination, such as CTCHEST; only with a digit do they identify one.
_NUMBERS = _tags(
    "AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID ScheduledProcedureStepID "
    "PerformedProcedureStepID MedicalRecordLocator InsurancePlanIdentification PatientTelephoneNumbers "
    "PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest ClinicalTrialSubjectID "
    "PlacerOrderNumberProcedure FillerOrderNumberProcedure ClinicalTrialSubjectReadingID "
    "PatientTelecomInformation PersonTelephoneNumbers PersonTelecomInformation"
)
_BIRTH_DATES = _tags("PatientBirthDate")
_STUDY_DATES = _tags("StudyDate SeriesDate AcquisitionDate ContentDate")
_UIDS = _tags("StudyInstanceUID SeriesInstanceUID SOPInstanceUID")
PATIENT_ID, STUDY_UID = 0x00100020, 0x0020000D
_SEQUENCES = _tags(
    "OtherPatientIDsSequence RequestAttributesSequence ReferencedRequestSequence OriginalAttributesSequence "
    "ReferencedPatientSequence GroupOfPatientsIdentificationSequence "
    "SourcePatientGroupIdentificationSequence "
    "ReferringPhysicianIdentificationSequence ConsultingPhysicianIdentificationSequence "
    "PhysiciansOfRecordIdentificationSequence PerformingPhysicianIdentificationSequence "
    "PhysiciansReadingStudyIdentificationSequence OperatorIdentificationSequence InstitutionCodeSequence "
    "RequestingPhysicianIdentificationSequence ActualHumanPerformersSequence VerifyingObserverSequence "
    "AuthorObserverSequence ParticipantSequence ContributingEquipmentSequence "
    "ContentCreatorIdentificationCodeSequence"
)

DISTINGUISHING_TAGS = _NAMES | _IDENTIFIERS | _NUMBERS | _BIRTH_DATES | _STUDY_DATES | {STUDY_UID}
"""What an identity is made of: the instances of a series have it in common."""
IDENTITY_TAGS = tuple(sorted(DISTINGUISHING_TAGS | _UIDS | _SEQUENCES))
"""What is read of a data set to clean its text and to move its dates; a part of a data set must have it.

Of sequences, those that usually name people; what stands in others is known only of a whole data set.
"""

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_LEAST_NAME, _LEAST_IDENTIFIER, _LEAST_JOINED, _LEAST_UNSPACED = 2, 4, 5, 2
# No names: particles and titles, and pairs of letters that mean something in radiology.
NO_NAMES = frozenset(
    re.findall(
        "[a-z]+",
        """van von der den del della dela bin ibn abu dos das san santa saint the and de da di du la le el al
        prof doctor professor miss mrs phd jun sen junior senior dr md mr ms jr sr rn rt do pa st
        none unknown anonymous anonymized removed no or of in on to at by iv
        ct us nm cr dx mg xa rf pt sc ot lt ap ll cc mlo""",
    )
)
# Scripts that put no spaces between words: a name is found anywhere, not as a word.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff\uf900-\ufaff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Somebody's own values, folded."""

    names: frozenset[str] = frozenset()  # whole words
    anywhere: frozenset[str] = frozenset()  # names in scripts without spaces, and run together
    identifiers: frozenset[str] = frozenset()  # without separators and leading zeros
    birth_dates: frozenset[date] = frozenset()
    study_dates: frozenset[date] = frozenset()


def identity_of(values: Iterable[tuple[int, str]]) -> Identity:
    r"""The identity in values, which are text with the tag it is of, several joined by "\"."""
    by_tag = [(tag, part) for tag, text in values for part in text.split("\\")]
    names, anywhere = set[str](), set[str]()
    for tag, name in by_tag:
        if tag in _NAMES:
            _collect_name(name, names, anywhere)
    return Identity(
        names=frozenset(names - NO_NAMES),
        anywhere=frozenset(anywhere),
        identifiers=frozenset(_identifiers(by_tag)),
        birth_dates=_dates(by_tag, _BIRTH_DATES),
        study_dates=_dates(by_tag, _STUDY_DATES),
    )


def known_as(values: Mapping[int, str]) -> tuple[str, str]:
    """What the patient is known by: PatientID, or without one the study, so that nobody is taken for another.

    IssuerOfPatientID has no part in it: of one patient's files some have it and some not, and dates that move
    differently within a patient would be worth nothing.
    """
    if identifier := values.get(PATIENT_ID, "").strip(NOTHING):
        return "PatientID", identifier
    return "StudyInstanceUID", values.get(STUDY_UID, "").strip(NOTHING)


def _collect_name(name: str, names: set[str], anywhere: set[str]) -> None:
    """The words of a person's name (PS3.5 6.2.1), and the ways to run them together."""
    for group in name.split("="):
        components = [_LETTERS.findall(component) for component in group.split("^")]
        for part in (part for parts in components for part in parts):
            _collect_part(part, names, anywhere)
        joined = ["".join(parts) for parts in components if parts]
        for component in joined:
            _collect_part(component, names, anywhere)
        if len(joined) > 1:
            _collect_pair(joined[0], joined[1], names, anywhere)


def _collect_part(part: str, names: set[str], anywhere: set[str]) -> None:
    if UNSPACED.search(part):
        if len(part) >= _LEAST_UNSPACED:
            anywhere.add(fold(part))
    elif len(part) >= _LEAST_NAME:
        names |= spellings(part)


def _collect_pair(family: str, given: str, names: set[str], anywhere: set[str]) -> None:
    """SMITHJOHN, JOHNSMITH, and with one initial: SMITHJ, JSMITH."""
    for pair in (family + given, given + family):
        if len(pair) >= _LEAST_JOINED or UNSPACED.search(pair):
            anywhere |= spellings(pair)
    for short in (family + given[0], given[0] + family):
        if len(short) >= _LEAST_JOINED:
            names |= spellings(short)


def _identifiers(values: Iterable[tuple[int, str]]) -> Iterator[str]:
    for tag, identifier in values:
        if tag in _IDENTIFIERS or tag in _NUMBERS:
            plain = squeeze(fold(identifier)).lstrip("0")
            telling = tag in _IDENTIFIERS or _DIGIT.search(plain)
            if len(plain) >= _LEAST_IDENTIFIER and telling:
                yield plain


def _dates(values: Iterable[tuple[int, str]], tags: frozenset[int]) -> frozenset[date]:
    plain = [moved.replace(".", "") for tag, text in values if tag in tags and (moved := moved_date(text, 0))]
    return frozenset(date.fromisoformat(text) for text in plain)
