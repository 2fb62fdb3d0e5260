"""One invented person's image, and what de-identification may leave of it."""

from typing import Any

from pydicom.dataset import Dataset

from tests.support.dicomfiles import image


def person(**elements: Any) -> Dataset:
    """An image of somebody whose values are all worth finding."""
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.71.1",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.71.2",
        "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.71.3",
        "PatientName": "Gröninger^Wilhelmina",
        "PatientID": "P00471123",
        "AccessionNumber": "00834412",
        "PatientBirthDate": "19310203",
        "StudyDate": "20190516",
        "ReferringPhysicianName": "Oyelaran^Babatunde",
        "InstitutionName": "Saint Swithun Infirmary",
        **elements,
    }
    return image(**values)


def pseudonymous(**elements: Any) -> Dataset:
    """What may be left of that image when it was de-identified."""
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": "2.25.271828182845904523536028747135266249775",
        "SeriesInstanceUID": "2.25.161803398874989484820458683436563811772",
        "SOPInstanceUID": "2.25.141421356237309504880168872420969807856",
        "PatientName": "",
        "PatientID": "K7WQ2MXA94TR8HZC",
        "StudyDate": "20180822",
        "SeriesDescription": "head axial",
        **elements,
    }
    return image(**values)
