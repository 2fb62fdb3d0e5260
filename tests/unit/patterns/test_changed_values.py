"""Values that are changed before they are written: what is missing, what is none, and the one moment."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from niffler_ops.patterns import EMPTY, INVALID, MAX_COMPONENT, FilePattern, md5_text

MOMENT = datetime(2026, 3, 1, 21, 5, tzinfo=timezone(timedelta(hours=9)))


def changed(placeholder: str, key: str, value: str) -> str:
    path = FilePattern.parse(placeholder + "/{00080018}").path({key: value, "SOPInstanceUID": "1"})
    return str(path).removesuffix("/1")


@pytest.mark.parametrize(
    ("placeholder", "key", "result"),
    [
        ("{PatientID,upper}", "PatientID", EMPTY),
        ("{PatientID,slice,2}", "PatientID", EMPTY),
        ("{PatientID,urlencoded}", "PatientID", EMPTY),
        ("{PatientID[0]}", "PatientID", EMPTY),
        ("{PatientID,md5}", "PatientID", md5_text("")),
        ("{PatientID,hash}", "PatientID", "00000000"),
        ("{InstanceNumber,offset,1}", "InstanceNumber", EMPTY),
        ("{InstanceNumber,number,0000}", "InstanceNumber", EMPTY),
        ("{StudyDate,date,yyyy/MM/dd}", "StudyDate", f"{EMPTY}/{EMPTY}/{EMPTY}"),
        ("{00400275.00400009}", "00400275[0]/00400009", EMPTY),
    ],
)
def test_what_is_missing_has_a_form_of_its_own(placeholder: str, key: str, result: str) -> None:
    assert changed(placeholder, key, "") == result


@pytest.mark.parametrize(
    ("placeholder", "key", "value"),
    [
        ("{PatientID,slice,20}", "PatientID", "short"),
        ("{PatientID,slice,3,2}", "PatientID", "short"),
        ("{PatientID,slice,0,-9}", "PatientID", "short"),
        ("{ImageType[9]}", "ImageType", "A\\B"),
        ("{ImageType[1],upper}", "ImageType", "A\\\\B"),
    ],
)
def test_what_is_not_there_is_empty(placeholder: str, key: str, value: str) -> None:
    assert changed(placeholder, key, value) == EMPTY


@pytest.mark.parametrize(
    "value",
    [
        "20110230",
        "20111312",
        "201110",
        "2011-1012",
        "2011101a",
        "00000101",
        "today",
        "٢٠١١١٠١٢",
        "%empty",
        " ",
    ],
)
def test_a_date_that_is_none_has_a_form_of_its_own(value: str) -> None:
    assert changed("{StudyDate,date,yyyy/MM}", "StudyDate", value) == f"{INVALID}/{INVALID}"


@pytest.mark.parametrize("value", ["9", "2460", "240000", "093061", "0930+0100", "09:3", "093005.1234567"])
def test_a_time_that_is_none_has_a_form_of_its_own(value: str) -> None:
    assert changed("{StudyTime,time,HHmm}", "StudyTime", value) == INVALID


@pytest.mark.parametrize("shift", ["date+P9999Y", "date-P9999Y", "date+P999999999D", "date-P25000M"])
def test_a_date_beyond_the_calendar_is_none(shift: str) -> None:
    assert changed(f"{{StudyDate,{shift},yyyy}}", "StudyDate", "20111012") == INVALID


@pytest.mark.parametrize("value", ["x", "1.5.2", "nan", "inf", "1_0", "٣", "9" * 20])
def test_a_number_that_is_none_has_a_form_of_its_own(value: str) -> None:
    assert changed("{SliceThickness,number,0.0}", "SliceThickness", value) == INVALID
    assert changed("{InstanceNumber,offset,1}", "InstanceNumber", value) == INVALID


def test_a_huge_number_is_none() -> None:
    assert changed("{SliceThickness,number,0}", "SliceThickness", "1e300") == INVALID


def test_times_stand_as_they_are_written_whatever_their_zone() -> None:
    for zone in ("", "+0100", "-1200"):
        value = "20240102230405.678" + zone
        assert changed("{0008002A,date,yyyyMMddHH}", "AcquisitionDateTime", value) == "2024010223"


def test_dates_and_numbers_are_those_of_the_first_value() -> None:
    assert changed("{StudyDate,date,yyyy}", "StudyDate", "20110101\\20120101") == "2011"
    assert changed("{StudyDate[1],date,yyyy}", "StudyDate", "20110101\\20120101") == "2012"
    assert changed("{InstanceNumber,offset,1}", "InstanceNumber", "1\\5") == "2"
    assert changed("{PatientID,upper}", "PatientID", "a\\b") == "A%5CB"


def test_a_format_may_begin_or_end_with_a_level() -> None:
    for pattern in ("x{StudyDate,date,/yyyy/}{00080018}", "x/{StudyDate,date,yyyy}/{00080018}"):
        path = FilePattern.parse(pattern).path({"StudyDate": "20111012", "SOPInstanceUID": "1"})
        assert str(path) == "x/2011/1"


@pytest.mark.parametrize(
    ("placeholder", "key", "value", "result"),
    [
        ("{StudyDate,date,'.'yyyy}", "StudyDate", "20111012", "%2E2011"),
        ("{StudyTime,time,HH:mm}", "StudyTime", "0930", "09%3A30"),
        ("{PatientID,slice,1}", "PatientID", "a../b", "%2E.%2Fb"),
        ("{PatientID,urlencoded}", "PatientID", "../a*b", "%2E.%2Fa%2Ab"),
        ("{PatientID,upper}", "PatientID", "a" * 300, "A" * 221 + "%%"),
    ],
)
def test_a_changed_value_is_escaped_as_any(placeholder: str, key: str, value: str, result: str) -> None:
    written = changed(placeholder, key, value)
    assert written.startswith(result)
    assert len(written) <= MAX_COMPONENT


def test_a_blank_in_a_url_is_told_from_a_plus_that_separates() -> None:
    pattern = FilePattern.parse("{PatientID,urlencoded}+{00080018,urlencoded}")
    assert str(pattern.path({"PatientID": "a b+c", "SOPInstanceUID": "1 2"})) == "a%20b%2Bc+1+2"


class TestNow:
    def test_it_is_the_moment_that_the_pattern_is_bound_to(self) -> None:
        pattern = FilePattern.parse("{now,date,yyyy/MM}/{now,time+PT3H,dd.HHmm}-{00080018}")
        assert pattern.needs_moment
        bound = pattern.at(MOMENT)
        assert not bound.needs_moment
        assert str(bound.path({"SOPInstanceUID": "1"})) == "2026/03/02.0005-1"
        assert str(pattern.at(MOMENT.astimezone(UTC)).path({"SOPInstanceUID": "1"})) == "2026/03/01.1505-1"

    def test_an_unbound_pattern_has_no_paths(self) -> None:
        with pytest.raises(RuntimeError, match=r"FilePattern\.at"):
            FilePattern.parse("{now,date,yyyy}/{00080018}").path({"SOPInstanceUID": "1"})

    def test_binding_changes_neither_what_the_pattern_is_nor_what_it_needs(self) -> None:
        pattern = FilePattern.parse("{now,date,yyyy}/{StudyInstanceUID}/{00080018}")
        bound = pattern.at(MOMENT)
        assert bound == pattern
        assert (bound.text, bound.keywords, bound.study_depth) == (pattern.text, pattern.keywords, 2)

    def test_a_pattern_without_it_is_bound_as_it_is(self) -> None:
        pattern = FilePattern.parse("{00080018}")
        assert not pattern.needs_moment
        assert pattern.at(MOMENT) is pattern

    def test_a_moment_beyond_the_calendar_has_a_form_of_its_own(self) -> None:
        bound = FilePattern.parse("{now,date+P9999Y,yyyy}/{00080018}").at(MOMENT)
        assert str(bound.path({"SOPInstanceUID": "1"})) == f"{INVALID}/1"


def test_the_second_after_the_end_of_the_calendar_is_none() -> None:
    assert changed("{0008002A,date,yyyy}", "AcquisitionDateTime", "99991231235960") == INVALID
