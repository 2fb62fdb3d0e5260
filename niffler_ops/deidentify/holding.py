"""What is not passed on although its attributes are clean: pixels and documents that may show the patient.

Each rule has a short name that stays the same, for failures.csv and for those who count by it.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import UID

from niffler_ops.deidentify.elements import PADDING, plain_text
from niffler_ops.deidentify.pseudonyms import is_well_known

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SECONDARY_CAPTURE = (f"{_STORAGE}7", "1.2.840.10008.5.1.1.29", "1.2.840.10008.5.1.1.30")
_ULTRASOUND = (f"{_STORAGE}3", f"{_STORAGE}6")
_DIRECTORY = "1.2.840.10008.1.3.10"
_PHOTOGRAPHS = (f"{_STORAGE}77.1.4", f"{_STORAGE}77.1.4.1")

# What a workstation, a camera, a scanner or a frame grabber made of what was on a screen or on paper.
_CAPTURED = frozenset({"WSD", "SD", "SI", "DF", "DV", "DRW"})
_SCREEN_WORDS = ("SCREEN", "SNAPSHOT", "CAPTURE", "SAVE", "REPORT", "PROTOCOL", "DOSE_INFO", "DOSE INFO")
_PROTOCOL_TYPE = re.compile(r"(?<![A-Z])PROT(?![A-Z])")  # CT_SOM5 PROT; not PROTON_DENSITY
# Of pages of text; a protocol or a dose by itself stands in descriptions of ordinary series.
_PAGES = re.compile(
    r"(?<![A-Z0-9])(?:(?:PATIENT|EXAM)[\W_]*PROTOCOL|DOSE[\W_]*(?:REPORT|SUMMARY|INFO))(?![A-Z0-9])"
)
_SLIDE_WORDS = frozenset({"LABEL", "OVERVIEW"})
_PRESENTATION_MODALITIES, _REPORT_MODALITIES = frozenset({"PR"}), frozenset({"SR", "KO"})
_ULTRASOUND_MODALITIES = frozenset({"US", "IVUS"})

REGION_NOT_BLANKED = "region-not-blanked: this device writes into its images"
HIDDEN_OVERLAY = "hidden-overlay: an overlay may lie in unused bits of the pixels"
"""Rules for pixels that would have to be changed and cannot be."""


class Facts(NamedTuple):
    """What the rules look at, in capitals."""

    sop_class: str
    modality: str
    values: Mapping[str, tuple[str, ...]]
    has_document: bool
    is_region_known: Callable[[], bool]

    def has(self, keyword: str, value: str) -> bool:
        """Whether an attribute has this value."""
        return value in self.values[keyword]


class HeldBy(NamedTuple):
    """A rule: its name, what it says to people, and whether it holds an object."""

    name: str
    reason: str
    holds: Callable[[Facts], bool]


_KEYWORDS = (
    "ImageType",
    "SeriesDescription",
    "ConversionType",
    "BurnedInAnnotation",
    "RecognizableVisualFeatures",
)
_OTHER_KEYWORDS = ("SpecimenLabelInImage", "Modality", "SOPClassUID")


def _is(facts: Facts, *classes: str) -> bool:
    """Whether the object is of one of these SOP classes, or of a class numbered below one."""
    return any(facts.sop_class == uid or facts.sop_class.startswith(f"{uid}.") for uid in classes)


RULES = (
    HeldBy("directory", "a DICOMDIR is no object of a patient's", lambda facts: _is(facts, _DIRECTORY)),
    HeldBy(
        "encapsulated-document",
        "documents are not looked into",
        lambda facts: _is(facts, f"{_STORAGE}104") or facts.has_document,
    ),
    HeldBy(
        "structured-report",
        "reports name people in their text",
        lambda facts: _is(facts, f"{_STORAGE}88") or facts.modality in _REPORT_MODALITIES,
    ),
    HeldBy(
        "presentation-state",
        "annotations may name people",
        lambda facts: _is(facts, f"{_STORAGE}11") or facts.modality in _PRESENTATION_MODALITIES,
    ),
    HeldBy("audio", "voices are recognizable", lambda facts: _is(facts, f"{_STORAGE}9.4")),
    HeldBy(
        "burned-in-annotation",
        "BurnedInAnnotation is YES",
        lambda facts: any(value.startswith("Y") for value in facts.values["BurnedInAnnotation"]),
    ),
    HeldBy(
        "recognizable-features",
        "RecognizableVisualFeatures is YES",
        lambda facts: facts.has("RecognizableVisualFeatures", "YES"),
    ),
    HeldBy(
        "secondary-capture",
        "secondary captures often show the patient's name",
        lambda facts: _is(facts, *_SECONDARY_CAPTURE),
    ),
    HeldBy(
        "screenshot",
        "ImageType, SeriesDescription or ConversionType tells of a screen, a protocol or a report",
        lambda facts: (
            any(word in value for value in facts.values["ImageType"] for word in _SCREEN_WORDS)
            or any(map(_PROTOCOL_TYPE.search, facts.values["ImageType"]))
            or any(map(_PAGES.search, facts.values["SeriesDescription"]))
            or not _CAPTURED.isdisjoint(facts.values["ConversionType"])
        ),
    ),
    HeldBy(
        "slide-label",
        "the label of a slide is in the image",
        lambda facts: (
            facts.has("SpecimenLabelInImage", "YES")
            or (facts.modality == "SM" and not _SLIDE_WORDS.isdisjoint(facts.values["ImageType"]))
        ),
    ),
    HeldBy("photograph", "photographs show faces", lambda facts: _is(facts, *_PHOTOGRAPHS)),
    HeldBy(
        "ultrasound-without-region",
        "ultrasound shows the patient's name, and no recipe knows where on this device",
        lambda facts: (
            (facts.modality in _ULTRASOUND_MODALITIES or _is(facts, *_ULTRASOUND))
            and not facts.is_region_known()
        ),
    ),
    HeldBy(
        "unknown-class",
        "an object without a standard SOP class may hold anything",
        lambda facts: not is_well_known(facts.sop_class),
    ),
)


def held_by(source: Dataset, is_region_known: Callable[[], bool]) -> str | None:
    """The rule that holds an object, as name and reason, or None; the first of them, documents before pixels.

    `is_region_known`: whether a recipe says where the device of the object writes into its images.
    """
    facts = _facts(source, is_region_known)
    return next((f"{rule.name}: {rule.reason}" for rule in RULES if rule.holds(facts)), None)


def _facts(source: Dataset, is_region_known: Callable[[], bool]) -> Facts:
    values = {keyword: _values(source, keyword) for keyword in _KEYWORDS + _OTHER_KEYWORDS}
    meta = getattr(source, "file_meta", None)
    classes = values["SOPClassUID"] or (_values(meta, "MediaStorageSOPClassUID") if meta else ())
    return Facts(
        sop_class=str(UID("".join(classes[:1]), config.IGNORE)),
        modality="".join(values["Modality"][:1]),
        values=values,
        has_document="EncapsulatedDocument" in source,
        is_region_known=is_region_known,
    )


def _values(source: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an attribute in capitals; codes need no character sets."""
    if keyword not in source:
        return ()
    text = plain_text(source.get_item(keyword))
    return tuple(value.strip(PADDING).upper() for value in text.split("\\"))
