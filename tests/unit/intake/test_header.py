import pytest

from niffler_ops import intake
from niffler_ops.config import Config
from tests.unit.intake.conftest import Maker, asked, complaint, refused


@pytest.fixture
def by_header(given_csv: Maker) -> Maker:
    def make(content: str, **keys: object) -> Config:
        return given_csv(content, ExtractionType="header", **keys)

    return make


def test_the_header_says_which_columns_are_keys(by_header: Maker) -> None:
    config = by_header("Note, AccessionNumber ,PatientID,StudyMonth\nx,A1,P1,202401\n")
    assert asked(config) == [
        {"AccessionNumber": "A1", "PatientID": "P1", "StudyDate": "20240101-20240131"},
    ]
    summary = intake.check(config)
    assert summary.keywords == ("AccessionNumber", "PatientID", "StudyDate")
    assert [text.partition("list.csv:")[2] for text in summary.warnings] == [
        "1: columns that are carried along and not asked for: 'Note'"
    ]


def test_a_key_without_a_value_is_not_used_in_that_row(by_header: Maker) -> None:
    config = by_header("PatientID;StudyDate\nP1;20240101\nP2;\n;20240102-20240103\n")
    assert asked(config) == [
        {"PatientID": "P1", "StudyDate": "20240101"},
        {"PatientID": "P2"},
        {"StudyDate": "20240102-20240103"},
    ]


def test_a_row_without_any_value_is_refused(by_header: Maker) -> None:
    config = by_header("PatientID,StudyDate,Note\nP1,,\n , ,x\nP*,20240101,\n")
    assert refused(config) == {
        3: "it has no value for any key of patient or study level (PatientID, StudyDate)",
        4: "PatientID (column 0) holds a wildcard (* or ?)",
    }


def test_keys_below_study_level_do_not_make_a_query_alone(by_header: Maker) -> None:
    config = by_header("PatientID,SeriesDescription\nP1,CHEST\n,CHEST\n")
    assert asked(config) == [{"PatientID": "P1", "SeriesDescription": "CHEST"}]
    assert refused(config) == {3: "it has no value for any key of patient or study level (PatientID)"}
    text = complaint(by_header("SeriesDescription\nCHEST\n"))
    assert text.startswith("list.csv:1: no column is a key of patient or study level, such as PatientID")


def test_a_column_with_nearly_the_name_of_a_keyword_is_warned_about(by_header: Maker) -> None:
    config = by_header("PatientID,Accession Number,Remark\nP1,A1,\n")
    assert asked(config) == [{"PatientID": "P1"}]
    near, others = intake.check(config).warnings
    assert near.endswith(
        "list.csv:1: the column 'Accession Number' is carried along and not asked for; if it is meant "
        "as a key, its name is AccessionNumber"
    )
    assert others.endswith("not asked for: 'Remark'")


def test_a_first_line_of_values_is_no_header_and_is_not_repeated(by_header: Maker) -> None:
    text = complaint(by_header("P0001,20240101\nP0002,20240102\n"))
    assert text.startswith("list.csv:1: no column is named by a DICOM keyword; allowed for ExtractionType")
    assert "P0001" not in text


def test_a_header_of_misspelt_keywords_is_told_what_they_are(by_header: Maker) -> None:
    text = complaint(by_header("\nEMPI,accession\nP1,A1\n"))
    assert text.startswith(
        "list.csv:2: no column is named by a DICOM keyword (column 0: `PatientID` is probably meant; "
        "column 1: `AccessionNumber` is probably meant); allowed"
    )


def test_everything_that_is_wrong_with_the_header_is_told_at_once(by_header: Maker) -> None:
    assert complaint(by_header("PatientID,PatientID,StudyDate,StudyYear,Rows\n1,1,1,1,1\n")).splitlines() == [
        "list.csv:1: column 4: Rows cannot be a key; allowed: attributes whose value is text",
        "list.csv:1: columns 0 and 1 both ask for PatientID; allowed: one",
        "list.csv:1: columns 2 and 3 both ask for StudyDate; allowed: one",
    ]


def test_a_wide_header_is_named_in_part(by_header: Maker) -> None:
    names = ",".join(f"Extra{number}" for number in range(30))
    (warning,) = intake.check(by_header(f"PatientID,{names}\nP1{',' * 30}\n")).warnings
    assert warning.endswith("'Extra9' and 20 more")
