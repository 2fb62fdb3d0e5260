"""Who a data set is about: what the patient's pseudonyms hang on, and what must not survive in text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydicom.datadict import tag_for_keyword

from niffler_ops.deidentify.folding import fold, spellings
from niffler_ops.deidentify.moments import moved_date


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(tag for keyword in keywords.split() if (tag := tag_for_keyword(keyword)))


_NAMES = _tags(
    "PatientName OtherPatientNames PatientBirthName PatientMotherBirthName ResponsiblePerson "
    "ReferringPhysicianName ConsultingPhysicianName PerformingPhysicianName NameOfPhysiciansReadingStudy "
    "PhysiciansOfRecord OperatorsName RequestingPhysician ScheduledPerformingPhysicianName "
    "NamesOfIntendedRecipientsOfResults OrderEnteredBy HumanPerformerName ReviewerName ContentCreatorName "
    "VerifyingObserverName InterpretationAuthor InterpretationRecorder InterpretationTranscriber "
    "PhysicianApprovingInterpretation"
)
_IDENTIFIERS = _tags("PatientID OtherPatientIDs OtherPatientIDsSequence PatientAddress InstitutionName")
# These may be words of any examination, such as CTCHEST; only with a digit do they identify one.
_NUMBERS = _tags(
    "AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID ScheduledProcedureStepID "
    "PerformedProcedureStepID MedicalRecordLocator InsurancePlanIdentification PatientTelephoneNumbers "
    "PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest ClinicalTrialSubjectID"
)
_BIRTH_DATES = _tags("PatientBirthDate")
_STUDY_DATES = _tags("StudyDate SeriesDate AcquisitionDate ContentDate")
_UIDS = _tags("StudyInstanceUID SeriesInstanceUID SOPInstanceUID")
_PATIENT_ID, _STUDY_UID = _tags("PatientID"), _tags("StudyInstanceUID")

IDENTITY_TAGS = tuple(sorted(_NAMES | _IDENTIFIERS | _NUMBERS | _BIRTH_DATES | _STUDY_DATES | _UIDS))
"""What is read of a data set to clean its text and to move its dates; a part of a data set must have it."""
DISTINGUISHING_TAGS = _NAMES | _IDENTIFIERS | _NUMBERS | _BIRTH_DATES | _STUDY_DATES | _STUDY_UID
"""Of these, what an identity is made of: the instances of a series have it in common."""

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_PUNCTUATION = re.compile(r"[\W_]+")
_LEAST_NAME, _LEAST_IDENTIFIER, _LEAST_JOINED, _LEAST_UNSPACED = 2, 4, 5, 2
# What people group an identifier with.
SEPARATORS = str.maketrans("", "", " \t\r\n\f\v._/:-")
# No names: particles and titles, and pairs of letters that mean something in radiology.
_NO_NAMES = frozenset(
    re.findall(
        "[a-z]+",
        """van von der den del della dela bin ibn abu dos das san santa saint the and de da di du la le el al
        prof doctor professor miss mrs phd jun sen junior senior dr md mr ms jr sr rn rt do pa st
        none unknown anonymous anonymized removed no or of in on to at by iv
        ct us nm cr dx mg xa rf pt sc ot lt ap ll cc mlo""",
    )
)
# Scripts that put no spaces between words: a name is found anywhere, not as a word.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff\uf900-\ufaff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The patient's own values, folded; pseudonyms of the patient hang on `meaning` and `patient`."""

    meaning: str
    patient: str
    names: frozenset[str] = frozenset()  # whole words
    anywhere: frozenset[str] = frozenset()  # names in scripts without spaces, and run together
    identifiers: frozenset[str] = frozenset()  # without separators and leading zeros
    birth_dates: frozenset[date] = frozenset()
    study_dates: frozenset[date] = frozenset()


def identity_of(values: Mapping[int, str]) -> Identity:
    r"""The identity in a data set's values, which are text by tag, several joined by "\"."""
    meaning, patient = _key(values)
    names, anywhere = set[str](), set[str]()
    for tag in _NAMES & values.keys():
        for name in values[tag].split("\\"):
            _collect_name(name, names, anywhere)
    return Identity(
        meaning=meaning,
        patient=patient,
        names=frozenset(names - _NO_NAMES),
        anywhere=frozenset(anywhere),
        identifiers=frozenset(_identifiers(values)),
        birth_dates=_dates(values, _BIRTH_DATES),
        study_dates=_dates(values, _STUDY_DATES),
    )


def _key(values: Mapping[int, str]) -> tuple[str, str]:
    """What the patient is known by: PatientID, or without one the study, so that nobody is taken for another.

    IssuerOfPatientID has no part in it: of one patient's files some have it and some not, and dates that move
    differently within a patient would be worth nothing.
    """
    (patient_id,), (study,) = _PATIENT_ID, _STUDY_UID
    if identifier := values.get(patient_id, "").strip():
        return "PatientID", identifier
    return "StudyInstanceUID", values.get(study, "").strip()


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
    if _UNSPACED.search(part):
        if len(part) >= _LEAST_UNSPACED:
            anywhere.add(fold(part))
    elif len(part) >= _LEAST_NAME:
        names |= spellings(part)


def _collect_pair(family: str, given: str, names: set[str], anywhere: set[str]) -> None:
    """SMITHJOHN, JOHNSMITH, and with one initial: SMITHJ, JSMITH."""
    for pair in (family + given, given + family):
        if len(pair) >= _LEAST_JOINED or _UNSPACED.search(pair):
            anywhere |= spellings(pair)
    for short in (family + given[0], given[0] + family):
        if len(short) >= _LEAST_JOINED:
            names |= spellings(short)


def _identifiers(values: Mapping[int, str]) -> Iterator[str]:
    for tag in (_IDENTIFIERS | _NUMBERS) & values.keys():
        for identifier in values[tag].split("\\"):
            folded = fold(identifier)
            plain = _PUNCTUATION.sub("", folded)
            telling = tag in _IDENTIFIERS or _DIGIT.search(plain)
            if len(plain) >= _LEAST_IDENTIFIER and telling:
                yield from {form.lstrip("0") for form in (plain, folded.translate(SEPARATORS))} - {""}


def _dates(values: Mapping[int, str], tags: frozenset[int]) -> frozenset[date]:
    texts = [text for tag in tags & values.keys() for text in values[tag].split("\\")]
    plain = [moved.replace(".", "") for text in texts if (moved := moved_date(text, 0))]
    return frozenset(date.fromisoformat(text) for text in plain)
