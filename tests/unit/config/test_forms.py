from typing import Any

import pytest

from niffler_ops.config.forms import without_effect
from niffler_ops.model import Archive, KeyColumn, Listing, Peer
from tests.unit.config.conftest import Attributes, Problems

UPSTREAM = {
    "NumberOfQueryAttributes": "3",
    "FirstAttr": "PatientID",
    "FirstIndex": 0,
    "SecondAttr": "AccessionNumber",
    "SecondIndex": "5",
    "ThirdAttr": "StudyDate",
    "ThirdIndex": 3,
}
HEADER = {"ExtractionType": "header"}


def test_the_later_form_names_attributes_and_their_columns(configured: Attributes) -> None:
    config = configured(UPSTREAM)
    assert config.columns == {"PatientID": 0, "AccessionNumber": 5, "StudyDate": 3}
    assert config.extraction_type is None
    assert not config.keys_in_header
    assert config.key_columns[1] == KeyColumn(
        keyword="AccessionNumber", name="AccessionNumber", index=5, named_by="SecondIndex"
    )


def test_without_a_number_as_many_attributes_count_as_are_given(configured: Attributes) -> None:
    keys = {"FirstAttr": " StudyInstanceUID ", "FirstIndex": "2", "SecondAttr": "", "ThirdIndex": None}
    assert configured(keys).columns == {"StudyInstanceUID": 2}


def test_months_and_years_ask_for_the_study_date(configured: Attributes) -> None:
    config = configured({"FirstAttr": "StudyMonth", "FirstIndex": 4})
    assert config.columns == {"StudyDate": 4}
    assert config.key_columns[0].name == "StudyMonth"


def test_the_header_may_name_the_keys(configured: Attributes) -> None:
    config = configured(HEADER | {"PatientIndex": 0})
    assert config.keys_in_header
    assert config.key_columns == ()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"FirstAttr": "Accession", "FirstIndex": 0},
            ['FirstAttr: "Accession" found; allowed: a DICOM keyword, … `AccessionNumber` is probably meant'],
        ),
        (
            {"FirstAttr": "PatientId", "FirstIndex": 0},
            ['FirstAttr: "PatientId" found; allowed: a DICOM keyword, … `PatientID` is probably meant'],
        ),
        (
            {"FirstAttr": "studymonth", "FirstIndex": 0},
            ['FirstAttr: "studymonth" found; allowed: a DICOM keyword, … `StudyMonth` is probably meant'],
        ),
        (
            {"FirstAttr": "Rows", "FirstIndex": 0},
            ['FirstAttr: "Rows" found; allowed: a DICOM keyword, … whose value is text'],
        ),
        (
            {"FirstAttr": "QueryRetrieveLevel", "FirstIndex": 0},
            ['FirstAttr: "QueryRetrieveLevel" found; allowed: a DICOM keyword, … whose value is text'],
        ),
        (
            {"FirstAttr": "PatientID"},
            ["FirstIndex: missing; allowed: a column number, because FirstAttr is given"],
        ),
        (
            {"FirstIndex": 3},
            ["FirstAttr: missing; allowed: a DICOM keyword, because FirstIndex is given"],
        ),
        (
            {"NumberOfQueryAttributes": 1},
            [
                "FirstAttr: missing; allowed: a DICOM keyword, because NumberOfQueryAttributes is 1",
                "FirstIndex: missing; allowed: a column number, because NumberOfQueryAttributes is 1",
            ],
        ),
        (
            {"SecondAttr": "PatientID", "SecondIndex": 1},
            [
                "FirstAttr: missing; allowed: a DICOM keyword, because later attributes are given",
                "FirstIndex: missing; allowed: a column number, because later attributes are given",
            ],
        ),
        (
            {"NumberOfQueryAttributes": 0},
            ["NumberOfQueryAttributes: 0 found; allowed: a whole number from 1 to 3"],
        ),
        (
            UPSTREAM | {"NumberOfQueryAttributes": 4},
            ["NumberOfQueryAttributes: 4 found; allowed: a whole number from 1 to 3"],
        ),
        (
            UPSTREAM | {"SecondAttr": "StudyYear", "ThirdIndex": 0},
            [
                'ThirdAttr: "StudyDate" found; allowed: another attribute than SecondAttr; … StudyDate',
                "ThirdIndex: 0 found; allowed: another column than FirstIndex names",
            ],
        ),
        (
            UPSTREAM | {"ExtractionType": "accession", "AccessionIndex": 1, "DateType": "PatientBirthDate"},
            [
                'ExtractionType: "accession" found; allowed: no value beside FirstAttr and NumberOf…',
                "AccessionIndex: 1 found; allowed: no value beside FirstAttr and NumberOf…",
                'DateType: "PatientBirthDate" found; allowed: no value beside FirstAttr and NumberOf…',
            ],
        ),
        (
            HEADER | {"ThirdIndex": 2},
            [
                'ExtractionType: "header" found; allowed: no value beside FirstAttr and NumberOf…',
                "FirstAttr: missing; allowed: a DICOM keyword, because later attributes are given",
                "FirstIndex: missing; allowed: a column number, because later attributes are given",
                "SecondAttr: missing; allowed: a DICOM keyword, because later attributes are given",
                "SecondIndex: missing; allowed: a column number, because later attributes are given",
                "ThirdAttr: missing; allowed: a DICOM keyword, because ThirdIndex is given",
            ],
        ),
        (
            {"ExtractionType": "empi_date", "DateIndex": "x", "AccessionIndex": 0},
            [
                "PatientIndex: missing; allowed: a column number, because … `empi_date` needs it",
                'DateIndex: "x" found; allowed: a whole number from 0 to 16383',
            ],
        ),
    ],
)
def test_everything_that_is_wrong_about_the_query_is_told_at_once(
    problems: Problems, keys: dict[str, Any], expected: list[str]
) -> None:
    found = problems(keys)
    assert len(found) == len(expected)
    for text, parts in zip(found, expected, strict=True):
        start, _, end = parts.partition("…")
        assert text.startswith(start.rstrip())
        assert text.endswith(end.lstrip())


def test_a_misspelt_key_of_the_later_form_is_not_called_missing_too(problems: Problems) -> None:
    assert problems({"FirstAtr": "PatientID", "FirstIndex": 0}) == (
        "FirstAtr: unknown key; `FirstAttr` is probably meant",
    )


def test_a_query_without_a_study_level_key_is_refused(problems: Problems) -> None:
    keys = {
        "FirstAttr": "SeriesDescription",
        "FirstIndex": 0,
        "SecondAttr": "AcquisitionDate",
        "SecondIndex": 1,
    }
    (found,) = problems(keys)
    assert found.startswith(
        'FirstAttr: "SeriesDescription" found; allowed: at least one attribute of patient'
    )


def test_attributes_beyond_the_number_are_named_as_without_effect() -> None:
    given = UPSTREAM | {"NumberOfQueryAttributes": 1, "ThirdAttr": ""}
    assert without_effect(given) == ["SecondAttr", "SecondIndex", "ThirdIndex"]
    assert without_effect(UPSTREAM) == []


OWN_SETTINGS = {"Archive": "B@b:2", "CallingAet": "NIFFLER2", "DestAet": "OTHER", "MoveLanes": "4"}
ACCESSION = {"ExtractionType": "accession", "AccessionIndex": 0}


def test_archives_keep_their_order_and_their_own_settings(configured: Attributes) -> None:
    config = configured(ACCESSION, {"SrcAet": ["A@a:1", OWN_SETTINGS], "DestAet": "STORE"})
    first, second = Peer(aet="A", host="a", port=1), Peer(aet="B", host="b", port=2)
    assert config.archives == (
        Archive(peer=first, calling_aet="QB", destination="STORE"),
        Archive(peer=second, calling_aet="NIFFLER2", destination="OTHER", lanes=4),
    )
    assert config.src_aet == (first, second)
    assert config.digestible()["SrcAet"] == (
        '["A@a:1", "B@b:2 CallingAet=NIFFLER2 DestAet=OTHER MoveLanes=4"]'
    )


def test_a_listing_takes_the_place_of_the_pattern(configured: Attributes) -> None:
    config = configured(ACCESSION | {"FilePath": "CFIND-DETAILED"})
    assert config.listing is Listing.SERIES
    assert config.digestible()["FilePath"] == '"CFIND-DETAILED"'
    assert "SOPInstanceUID" in config.file_path.keywords


def test_archives_of_which_some_send_elsewhere_are_refused(problems: Problems) -> None:
    (found,) = problems(ACCESSION, {"SrcAet": ["A@a:1", OWN_SETTINGS]})
    assert "SrcAet" in found
    assert found.endswith("allowed: archives that all send to QueryAet's QB, or none of them")


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"DateType": "AcquisitionDate"}, "DateType"),
        ({"RetrieveLevel": "series"}, "RetrieveLevel"),
        ({"AcceptOtherPatientIDs": "True"}, "AcceptOtherPatientIDs"),
        ({"FilePath": "cfind-only"}, "FilePath"),
        ({"LedgerFolder": "ledgers"}, "LedgerFolder"),
    ],
)
def test_values_in_any_usual_spelling_are_accepted(
    configured: Attributes, keys: dict[str, Any], name: str
) -> None:
    assert name in configured(ACCESSION | keys).digestible()
