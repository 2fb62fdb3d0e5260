import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from niffler_ops.querying import can_be_asked, is_keyword, level_of, likely_keyword, vr_of
from niffler_ops.querying.keywords import _COMMON_VRS
from niffler_ops.querying.levels import SERIES_KEYWORDS, STUDY_KEYWORDS


@pytest.mark.parametrize("keyword", _COMMON_VRS)
def test_what_is_known_without_the_dictionary_is_what_it_says(keyword: str) -> None:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    assert vr_of(keyword) == dictionary_VR(tag)
    assert can_be_asked(keyword)


@pytest.mark.parametrize("keyword", sorted(STUDY_KEYWORDS | SERIES_KEYWORDS))
def test_every_keyword_of_the_level_tables_exists(keyword: str) -> None:
    assert is_keyword(keyword)
    assert can_be_asked(keyword)


@pytest.mark.parametrize(
    ("keyword", "level"),
    [
        ("PatientID", "STUDY"),
        ("PatientBirthDate", "STUDY"),
        ("StudyInstanceUID", "STUDY"),
        ("ModalitiesInStudy", "STUDY"),
        ("PatientAge", "STUDY"),
        ("Modality", "SERIES"),
        ("SeriesDescription", "SERIES"),
        ("PerformedProcedureStepStartDate", "SERIES"),
        ("StationName", "SERIES"),
        ("AcquisitionDate", "IMAGE"),
        ("SOPInstanceUID", "IMAGE"),
        ("KVP", "IMAGE"),
        ("NoSuchKeyword", "IMAGE"),
    ],
)
def test_a_key_has_the_level_of_the_standard(keyword: str, level: str) -> None:
    assert level_of(keyword) == level


@pytest.mark.parametrize(
    ("name", "is_one", "is_key"),
    [
        ("SeriesDescription", True, True),
        ("KVP", True, True),
        ("Rows", True, False),
        ("PixelData", True, False),
        ("ProcedureCodeSequence", True, False),
        ("SpecificCharacterSet", True, False),
        ("QueryRetrieveLevel", True, False),
        ("MediaStorageSOPInstanceUID", True, False),
        ("AffectedSOPClassUID", True, False),
        ("patientid", False, False),
        ("", False, False),
    ],
)
def test_a_key_is_a_keyword_whose_value_is_text(name: str, is_one: bool, is_key: bool) -> None:  # noqa: FBT001
    assert (is_keyword(name), can_be_asked(name)) == (is_one, is_key)


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("PatientId", "PatientID"),
        ("Accession Number", "AccessionNumber"),
        ("study_date", "StudyDate"),
        ("EMPI", "PatientID"),
        ("Accession", "AccessionNumber"),
        ("SeriesDescripton", "SeriesDescription"),
        ("Acquisition-Date", "AcquisitionDate"),
        ("Remark", None),
        ("", None),
    ],
)
def test_a_misspelt_name_has_a_likely_keyword(name: str, likely: str | None) -> None:
    assert likely_keyword(name) == likely
