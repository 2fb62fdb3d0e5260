"""Data sets without the patient: the one way in for all post-processors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset

from niffler_ops.deidentify import statement
from niffler_ops.deidentify.cleaning import Cleaner
from niffler_ops.deidentify.devices import Devices
from niffler_ops.deidentify.elements import NOTHING, PADDING, charset_of, text_of
from niffler_ops.deidentify.gathering import gathered
from niffler_ops.deidentify.holding import REGION_NOT_BLANKED, held_by
from niffler_ops.deidentify.identity import (
    DISTINGUISHING_TAGS,
    PATIENT_ID,
    STUDY_UID,
    identity_of,
    known_as,
)
from niffler_ops.deidentify.known import Known
from niffler_ops.deidentify.options import Dates, Options
from niffler_ops.deidentify.pixeldata import CannotBlankError
from niffler_ops.deidentify.pseudonyms import Pseudonyms, normal
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.rules import rules_for
from niffler_ops.deidentify.treating import Patient
from niffler_ops.deidentify.treatments import Treatment
from niffler_ops.deidentify.walk import Step, Walk, steps_for


def _tag(keyword: str) -> int:
    return tag_for_keyword(keyword) or 0


SOP_INSTANCE = _tag("SOPInstanceUID")
_PATIENT_NAME = _tag("PatientName")
_LINKED = {
    _tag(keyword): keyword
    for keyword in (
        *("PatientID", "PatientName", "AccessionNumber", "StudyID", "DeviceSerialNumber", "StationName"),
        *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    )
}
_REPLACING = frozenset({Treatment.PSEUDONYM, Treatment.PATIENT_NAME, Treatment.UID, Treatment.INSTANCE_UID})
_AROUND = frozenset({Treatment.CHARSET, Treatment.PATIENT_NAME})
_DAYS_BACK = "DaysBack"
_KNOWN_PATIENTS = 1024


class Link(NamedTuple):
    """A line of linking.csv: a pseudonym, and the value that it stands for. Private."""

    attribute: str
    original: str
    pseudonym: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deidentified:
    """A data set without the patient, the way back, and what stands in for the patient."""

    dataset: Dataset
    links: tuple[Link, ...]
    patient: Patient


class Deidentifier:
    """De-identifies data sets by PS3.15 Annex E; one for a process, it remembers what it has derived."""

    def __init__(self, options: Options, pseudonyms: Pseudonyms, *, recipe: Path | None = None) -> None:
        """`recipe` is a site's own list of devices that write into their images, in deid's format.

        Raises ConfigurationError where it cannot be read.
        """
        self.options = options
        self.pseudonyms = pseudonyms
        self._devices = Devices(recipe)
        rules = rules_for(options)
        self._steps = steps_for(rules)
        self._linked = {
            tag: keyword for tag, keyword in _LINKED.items() if rules[tag].treatment in _REPLACING
        }
        self.alone = {tag: step for tag, step in self._steps.items() if _is_alone(tag, step)}
        """How elements are treated whose treatment depends on nothing but their value and the patient."""
        self._known = Known()
        self._cleaner = lru_cache(_KNOWN_PATIENTS)(self._cleaner_of)

    def learn(self, source: Dataset) -> None:
        """Note whom `source` names: text of other files of the patient or study is cleaned of it as well.

        All files of a study are to be learned of before the first of them is de-identified.
        """
        self._learned(source, _values(source))

    def dataset(self, source: Dataset) -> Deidentified:
        """`source`, or a part of it that has IDENTITY_TAGS, de-identified; `source` itself stays as it is.

        The pixel data element of the data set itself is passed on untouched. Nothing is raised for what
        cannot be read: it is removed.
        """
        values = _values(source)
        meaning, known_by = known_as(values)
        patient = Patient(
            pseudonym=self.pseudonyms.identifier(meaning, known_by),
            days=self.pseudonyms.days(known_by) if self.options.dates is Dates.MODIFIED else 0,
            pseudonyms=self.pseudonyms,
        )
        walk = Walk(self._steps, patient)
        result = walk.through(source)
        walk.clean(self._cleaner(self._learned(source, values)))
        if known_by and PATIENT_ID in values and not values[PATIENT_ID].strip(NOTHING):
            result.PatientID = patient.pseudonym
        statement.state(result, self.options)
        links = tuple(self._links(values, (meaning, known_by), patient))
        return Deidentified(dataset=result, links=links, patient=patient)

    @property
    def learned(self) -> int:
        """Changes when more has become known of anybody, or something was forgotten."""
        return self._known.changes

    def instance_link(self, source: Dataset, patient: Patient) -> Link | None:
        """The way back to the SOP Instance UID of a data set, where it has one."""
        value = normal(text_of(source, SOP_INSTANCE, charset_of(source)) or "")
        return self._link(SOP_INSTANCE, _LINKED[SOP_INSTANCE], value, patient)

    def held(self, source: Dataset) -> str | None:
        """Which rule holds the pixels or the document of an object back, as name and reason, or None.

        Needs the whole header: an attribute that is not there holds nothing.
        """
        return held_by(source, lambda: self._devices.know(source))

    def held_or_regions(self, source: Dataset, *, has_pixels: bool = True) -> str | tuple[Region, ...]:
        """The rule that holds an object back, as name and reason, or what has to be blanked of its pixels."""
        if rule := self.held(source):
            return rule
        try:
            return self.regions(source) if has_pixels else ()
        except CannotBlankError as error:
            return f"{REGION_NOT_BLANKED}, and {error}"

    def regions(self, source: Dataset) -> tuple[Region, ...]:
        """What has to be blanked of each frame of an image, as its device is known to write there.

        Raises CannotBlankError where the image has no clear size.
        """
        return self._devices.regions(source) or ()

    def file_meta(self, result: Dataset, transfer_syntax: str) -> FileMetaDataset:
        """File meta information for a de-identified data set, made anew; the preamble is 128 zeros."""
        return statement.file_meta(
            str(result.get("SOPClassUID", "")), str(result.get("SOPInstanceUID", "")), transfer_syntax
        )

    def _learned(self, source: Dataset, values: Mapping[int, str]) -> frozenset[tuple[int, str]]:
        """All that is known of the patient and the study, what `source` says included."""
        groups = {known_as(values), known_as({STUDY_UID: values.get(STUDY_UID, "")})}
        return self._known.learn((group for group in groups if group[1]), gathered(source))

    def _cleaner_of(self, known: frozenset[tuple[int, str]]) -> Cleaner:
        return Cleaner(identity_of(known), self.pseudonyms, dates_stay=self.options.dates is Dates.FULL)

    def _links(
        self, values: Mapping[int, str], known_as: tuple[str, str], patient: Patient
    ) -> Iterator[Link]:
        """The way back to everything in `values` that has a pseudonym."""
        for tag, keyword in self._linked.items():
            link = self._link(tag, keyword, values.get(tag, ""), patient)
            if link is not None:
                yield link
        meaning, original = known_as
        if meaning != "PatientID" and original:
            yield Link(meaning, original, patient.pseudonym)
        if self.options.dates is Dates.MODIFIED:
            yield Link(_DAYS_BACK, str(patient.days), patient.pseudonym)

    def _link(self, tag: int, keyword: str, value: str, patient: Patient) -> Link | None:
        """The way back to one value; None where it is nothing."""
        original = value.strip(PADDING)
        if not original.strip(NOTHING):
            return None
        if tag == _PATIENT_NAME:
            return Link(keyword, original, patient.pseudonym)
        if keyword.endswith("UID"):
            return Link(keyword, original, self.pseudonyms.instance_uid(original))
        return Link(keyword, original, self.pseudonyms.identifier(keyword, original))


def _is_alone(tag: int, step: Step) -> bool:
    """Whether nothing else is treated otherwise because of it, and it by nothing else."""
    if tag in DISTINGUISHING_TAGS or (tag in _LINKED and tag != SOP_INSTANCE):
        return False
    return step.treat is not None and step.rule.treatment not in _AROUND


def _values(source: Dataset) -> dict[int, str]:
    """The text of what has a pseudonym, by tag: the same text in whatever character set."""
    charset = charset_of(source)
    return {tag: normal(text_of(source, tag, charset) or "") for tag in _LINKED if tag in source}
