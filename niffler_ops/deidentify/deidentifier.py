"""Data sets without the patient: the one way in for all post-processors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset, FileMetaDataset

from niffler_ops.deidentify import statement
from niffler_ops.deidentify.cleaning import Cleaner
from niffler_ops.deidentify.devices import Devices
from niffler_ops.deidentify.elements import PADDING, charset_of, text_of
from niffler_ops.deidentify.holding import held_by
from niffler_ops.deidentify.identity import DISTINGUISHING_TAGS, IDENTITY_TAGS, Identity, identity_of
from niffler_ops.deidentify.options import Dates, Options
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.rules import rules_for
from niffler_ops.deidentify.treating import Patient
from niffler_ops.deidentify.treatments import Treatment
from niffler_ops.deidentify.walk import Walk, steps_for


def _tag(keyword: str) -> int:
    return tag_for_keyword(keyword) or 0


_PATIENT_ID, _PATIENT_NAME = _tag("PatientID"), _tag("PatientName")
_OTHER_IDS = _tag("OtherPatientIDsSequence")
_LINKED = {
    _tag(keyword): keyword
    for keyword in (
        *("PatientID", "PatientName", "AccessionNumber", "StudyID", "DeviceSerialNumber", "StationName"),
        *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    )
}
_READ = frozenset(IDENTITY_TAGS) | _LINKED.keys()
_DAYS_BACK = "DaysBack"
_KNOWN_PATIENTS = 1024


class Link(NamedTuple):
    """A line of linking.csv: a pseudonym, and the value that it stands for. Private."""

    attribute: str
    original: str
    pseudonym: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deidentified:
    """A data set without the patient, and the way back."""

    dataset: Dataset
    links: tuple[Link, ...]


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
            tag: keyword
            for tag, keyword in _LINKED.items()
            if rules[tag].treatment in {Treatment.PSEUDONYM, Treatment.PATIENT_NAME, Treatment.UID}
        }
        self._cleaner = lru_cache(_KNOWN_PATIENTS)(self._cleaner_of)

    def dataset(self, source: Dataset) -> Deidentified:
        """`source`, or a part of it that has IDENTITY_TAGS, de-identified; `source` itself stays as it is.

        The pixel data element of the data set itself is passed on untouched. Nothing is raised for what
        cannot be read: it is removed.
        """
        values = _values(source)
        identity, cleaner = self._cleaner(
            frozenset((tag, value) for tag, value in values.items() if tag in DISTINGUISHING_TAGS)
        )
        patient = Patient(
            pseudonym=self.pseudonyms.identifier(identity.meaning, identity.patient),
            days=self.pseudonyms.days(identity.patient) if self.options.dates is Dates.MODIFIED else 0,
            pseudonyms=self.pseudonyms,
        )
        walk = Walk(self._steps, patient)
        result = walk.through(source)
        walk.clean(cleaner)
        if identity.patient and _PATIENT_ID in values and not values[_PATIENT_ID].strip(PADDING):
            result.PatientID = patient.pseudonym
        statement.state(result, self.options)
        return Deidentified(dataset=result, links=tuple(self._links(values, identity, patient)))

    def held(self, source: Dataset) -> str | None:
        """Which rule holds the pixels or the document of an object back, as name and reason, or None.

        Needs the whole header: an attribute that is not there holds nothing.
        """
        return held_by(source, lambda: self._devices.regions(source) is not None)

    def regions(self, source: Dataset) -> tuple[Region, ...]:
        """What has to be blanked of each frame of an image, as its device is known to write there."""
        return self._devices.regions(source) or ()

    def file_meta(self, result: Dataset, transfer_syntax: str) -> FileMetaDataset:
        """File meta information for a de-identified data set, made anew; the preamble is 128 zeros."""
        return statement.file_meta(
            str(result.get("SOPClassUID", "")), str(result.get("SOPInstanceUID", "")), transfer_syntax
        )

    def _cleaner_of(self, values: frozenset[tuple[int, str]]) -> tuple[Identity, Cleaner]:
        identity = identity_of(dict(values))
        return identity, Cleaner(identity, self.pseudonyms, dates_stay=self.options.dates is Dates.FULL)

    def _links(self, values: Mapping[int, str], identity: Identity, patient: Patient) -> Iterator[Link]:
        """The way back to everything in `values` that has a pseudonym."""
        for tag, keyword in self._linked.items():
            original = values.get(tag, "").strip(PADDING)
            if original:
                yield Link(keyword, original, self._stand_in(tag, keyword, original, patient))
        if identity.meaning != "PatientID" and identity.patient:
            yield Link(identity.meaning, identity.patient, patient.pseudonym)
        if self.options.dates is Dates.MODIFIED:
            yield Link(_DAYS_BACK, str(patient.days), patient.pseudonym)

    def _stand_in(self, tag: int, keyword: str, original: str, patient: Patient) -> str:
        if tag == _PATIENT_NAME:
            return patient.pseudonym
        return (
            self.pseudonyms.uid(original)
            if keyword.endswith("UID")
            else self.pseudonyms.identifier(keyword, original)
        )


def _values(source: Dataset) -> dict[int, str]:
    """The text of what identifies, by tag."""
    charset = charset_of(source)
    return {int(tag): _value(source, tag, charset) for tag in _READ.intersection(source.keys())}


def _value(source: Dataset, tag: int, charset: bytes) -> str:
    if tag != _OTHER_IDS:
        return text_of(source, tag, charset) or ""
    element = source.get_item(tag)
    try:
        sequence = convert_raw_data_element(element) if isinstance(element, RawDataElement) else element
        return "\\".join(text_of(item, _PATIENT_ID, charset) or "" for item in sequence.value)
    except Exception:  # noqa: BLE001 - what cannot be read cannot be looked for either; it is removed
        return ""
