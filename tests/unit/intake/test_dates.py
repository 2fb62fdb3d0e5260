from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.intake.dates import date_reader
from tests.unit.intake.conftest import Maker, asked, refused

DAYS = st.dates(min_value=date(1000, 1, 1))
FORMATS = ["%Y%m%d", "%m/%d/%Y", "%Y-%m-%d", "%m-%d-%Y", "%d %b %Y", "%d-%b-%Y", "%Y - %m - %d"]


def read(cell: str, date_format: str = "%Y%m%d", attribute: str = "StudyDate") -> str:
    return date_reader("D", attribute, date_format)(cell)


@pytest.mark.parametrize(
    ("cell", "date_format", "value"),
    [
        ("20240131", "%Y%m%d", "20240131"),
        ("20240101-20240131", "%Y%m%d", "20240101-20240131"),
        ("20240101 - 20240131", "%Y%m%d", "20240101-20240131"),
        ("20240101-20240101", "%Y%m%d", "20240101"),
        ("1/5/2024-12/31/2024", "%m/%d/%Y", "20240105-20241231"),
        ("2024-01-05", "%Y-%m-%d", "20240105"),
        ("2024-01-05-2024-02-01", "%Y-%m-%d", "20240105-20240201"),
        ("01-31-99-02-28-00", "%m-%d-%y", "19990131-20000228"),
    ],
)
def test_a_cell_holds_a_date_or_a_range(cell: str, date_format: str, value: str) -> None:
    assert read(cell, date_format) == value


@pytest.mark.parametrize(
    ("cell", "attribute", "value"),
    [
        ("202402", "StudyMonth", "20240201-20240229"),
        ("202302", "StudyMonth", "20230201-20230228"),
        ("202312", "StudyMonth", "20231201-20231231"),
        ("202311-202402", "StudyMonth", "20231101-20240229"),
        ("2024", "StudyYear", "20240101-20241231"),
        ("2019 - 2021", "StudyYear", "20190101-20211231"),
    ],
)
def test_months_and_years_become_ranges_whatever_the_format_is(cell: str, attribute: str, value: str) -> None:
    assert read(cell, "%d/%m/%Y", attribute) == value


@pytest.mark.parametrize(
    ("cell", "attribute", "reason"),
    [
        ("", "StudyDate", "D is empty"),
        ("2024013", "StudyDate", "D is no date in DateFormat %Y%m%d"),
        ("20240101-2024013", "StudyDate", "D is no date in DateFormat %Y%m%d"),
        ("20240101-20240131-20240201", "StudyDate", "D is no date in DateFormat %Y%m%d"),
        ("20240101-", "StudyDate", "D is an open range; allowed: both ends, A-B"),
        (" -20240101", "StudyDate", "D is an open range; allowed: both ends, A-B"),
        ("-", "StudyDate", "D is no date in DateFormat %Y%m%d"),
        ("20240201-20240131", "StudyDate", "D is a range that ends before it begins"),
        ("-" * 100_000, "StudyDate", "D is no date in DateFormat %Y%m%d"),
        ("202413", "StudyMonth", "D is no month written YYYYMM"),
        ("000001", "StudyMonth", "D is no month written YYYYMM"),
        ("20240101", "StudyMonth", "D is no month written YYYYMM"),
        ("0000", "StudyYear", "D is no year written YYYY"),
        ("24", "StudyYear", "D is no year written YYYY"),
        ("2024-", "StudyYear", "D is an open range; allowed: both ends, A-B"),
    ],
)
def test_what_is_no_date_is_refused_with_its_reason(cell: str, attribute: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        read(cell, attribute=attribute)
    assert str(caught.value) == reason


@given(first=DAYS, last=DAYS, date_format=st.sampled_from(FORMATS))
def test_whatever_the_format_a_range_is_read_back(first: date, last: date, date_format: str) -> None:
    first, last = sorted((first, last))
    cell = f"{first.strftime(date_format)}-{last.strftime(date_format)}"
    value = f"{first:%Y%m%d}" if first == last else f"{first:%Y%m%d}-{last:%Y%m%d}"
    assert read(cell, date_format) == value


def test_any_date_of_a_study_is_read_so(given_csv: Maker) -> None:
    config = given_csv(
        "Born,Month,Note\n01/02/1970,202401,x\n01/02/1970-01/01/1969,202413,x\n",
        NumberOfQueryAttributes="2",
        FirstAttr="PatientBirthDate",
        FirstIndex="0",
        SecondAttr="StudyMonth",
        SecondIndex="1",
        DateFormat="%m/%d/%Y",
    )
    assert asked(config) == [{"PatientBirthDate": "19700102", "StudyDate": "20240101-20240131"}]
    assert refused(config) == {
        3: "PatientBirthDate (column 0) is a range that ends before it begins; "
        "StudyMonth (column 1) is no month written YYYYMM"
    }


def test_the_date_of_a_patient_may_be_a_year(given_csv: Maker) -> None:
    config = given_csv(
        "E,Y\nP1,2024\n", ExtractionType="empi_date", PatientIndex=0, DateIndex=1, DateType="StudyYear"
    )
    assert asked(config) == [{"PatientID": "P1", "StudyDate": "20240101-20241231"}]
