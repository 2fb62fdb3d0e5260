from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.holding import RULES
from tests.support.dicomfiles import image

STORAGE = "1.2.840.10008.5.1.4.1.1."
ULTRASOUND = f"{STORAGE}6.1"
EPIQ = {
    "Modality": "US",
    "Manufacturer": "Philips",
    "ManufacturerModelName": "EPIQ 7G",
    "Rows": 768,
    "Columns": 1024,
}


def held(deidentifier: Deidentifier, **elements: Any) -> str:
    rule = deidentifier.held(image(**elements))
    return rule.partition(":")[0] if rule else ""


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize(
    ("rule", "elements"),
    [
        ("burned-in-annotation", {"BurnedInAnnotation": "YES"}),
        ("burned-in-annotation", {"BurnedInAnnotation": "YES", **EPIQ}),
        *(("burned-in-annotation", {"BurnedInAnnotation": text}) for text in ("Y", "y", "Yes", " YES ")),
        ("recognizable-features", {"RecognizableVisualFeatures": "YES"}),
        *(
            ("secondary-capture", {"SOPClassUID": f"{STORAGE}7{more}"})
            for more in ("", ".1", ".2", ".3", ".4")
        ),
        ("secondary-capture", {"SOPClassUID": "1.2.840.10008.5.1.1.30"}),
        ("screenshot", {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}),
        ("screenshot", {"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CSA REPORT"]}),
        *(
            ("screenshot", {"ImageType": ["DERIVED", "SECONDARY", "OTHER", word]})
            for word in ("CT_SOM5 PROT", "CT_SOM7 PROT", "CT_SOM7_PROT", "PROT", "CT_SOM5 PROT2")
        ),
        *(
            ("screenshot", {"SeriesDescription": text})
            for text in (
                "Patient Protocol",
                "PATIENT_PROTOCOL 1",
                "Exam Protocol",
                "Dose Report",
                "X-ray dose report",
                "Dose  Summary",
                "DoseInfo",
                "999-Dose-Info",
            )
        ),
        *(("screenshot", {"ConversionType": how}) for how in ("WSD", "SD", "SI", "DF", "DV", "DRW")),
        ("ultrasound-without-region", {"SOPClassUID": ULTRASOUND}),
        ("ultrasound-without-region", {"SOPClassUID": f"{STORAGE}3.1"}),
        ("ultrasound-without-region", {"Modality": "IVUS"}),
        ("ultrasound-without-region", {**EPIQ, "ManufacturerModelName": "never heard of"}),
        ("encapsulated-document", {"SOPClassUID": f"{STORAGE}104.1"}),
        ("encapsulated-document", {"EncapsulatedDocument": b"%PDF"}),
        ("presentation-state", {"SOPClassUID": f"{STORAGE}11.1"}),
        ("presentation-state", {"Modality": "PR"}),
        ("structured-report", {"SOPClassUID": f"{STORAGE}88.22"}),
        ("structured-report", {"SOPClassUID": f"{STORAGE}88.59"}),
        ("structured-report", {"Modality": "SR"}),
        ("audio", {"SOPClassUID": f"{STORAGE}9.4.1"}),
        ("photograph", {"SOPClassUID": f"{STORAGE}77.1.4"}),
        ("slide-label", {"Modality": "SM", "ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}),
        ("slide-label", {"SpecimenLabelInImage": "YES"}),
        ("directory", {"SOPClassUID": "1.2.840.10008.1.3.10"}),
        ("unknown-class", {"SOPClassUID": "1.3.12.2.1107.5.9.1"}),
        ("unknown-class", {"SOPClassUID": None}),
    ],
)
def test_what_may_show_the_patient_is_held(
    deidentifier: Deidentifier, rule: str, elements: dict[str, Any]
) -> None:
    assert held(deidentifier, **elements) == rule


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"BurnedInAnnotation": "NO"},
        {"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]},
        *(
            {"SeriesDescription": text}
            for text in (
                "Head protocol 5mm",
                "low dose chest",
                "Patient 5mm protocol",
                "inpatient protocol",
                "Dose reporting off",
                "Protocol for patients",
            )
        ),
        *({"ImageType": ["ORIGINAL", "PRIMARY", word]} for word in ("PROTON_DENSITY", "PROTON", "M_PROTO")),
        {"BurnedInAnnotation": "N"},
        {"SOPClassUID": f"{STORAGE}4", "Modality": "MR"},
        {"SOPClassUID": f"{STORAGE}9.1.1", "Modality": "ECG"},
        {
            "SOPClassUID": f"{STORAGE}77.1.6",
            "Modality": "SM",
            "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        },
        {"SOPClassUID": f"{STORAGE}481.3", "Modality": "RTSTRUCT"},
        {"SOPClassUID": f"{STORAGE}66.4", "Modality": "SEG"},
        {"SOPClassUID": ULTRASOUND, **EPIQ},
    ],
)
def test_other_objects_are_passed_on(deidentifier: Deidentifier, elements: dict[str, Any]) -> None:
    assert held(deidentifier, **elements) == ""


def test_stated_ultrasound_regions_alone_release_nothing(deidentifier: Deidentifier) -> None:
    region = Dataset()
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1 = region.RegionLocationMaxY1 = 3
    rule = held(deidentifier, Modality="US", SequenceOfUltrasoundRegions=Sequence([region]))
    assert rule == "ultrasound-without-region"


def test_rules_have_names_that_can_be_counted_by() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)
