"""Whichever form the query has: exactly the studies that the keys of each line mean, and no other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.support import upstream
from tests.support.embedded import instance, save
from tests.support.rig import OUR_AET, Rig, data_set, data_sets, filed

PATIENT, STRANGER = "PATIENT-FORMS", "STRANGER-FORMS"
LONG = "INVENTD20240001234"  # of which the archive holds
SHORTENED = "INVENTD240001234"
# By number: patient, accession number and date of each study.
STUDIES = {
    1: (PATIENT, "FORMS-DEC", "20231231"),
    2: (PATIENT, "FORMS-JAN", "20240131"),
    3: (PATIENT, "FORMS-FEB", "20240201"),
    4: (PATIENT, "FORMS-FEB", "20240229"),
    5: (PATIENT, SHORTENED, "20240301"),
    6: (PATIENT, "FORMS-END", "20241231"),
    7: (PATIENT, "FORMS-NEW", "20250101"),
    8: (STRANGER, "FORMS-FEB", "20240201"),
}
IMAGES = 2
UIDS = {number: f"1.2.3.{number}" for number in STUDIES}
NO_FORM: dict[str, object] = {"ExtractionType": None, "PatientIndex": None, "AccessionIndex": None}
HEADER: dict[str, object] = NO_FORM | {"ExtractionType": "header"}
DATE: dict[str, object] = NO_FORM | {"ExtractionType": "empi_date", "PatientIndex": 1, "DateIndex": 0}
Line = tuple[Sequence[str], str]  # its cells, and the numbers of the studies that it means


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The studies, two images each."""
    made = tmp_path / "archive"
    for number, (patient, accession, day) in STUDIES.items():
        for image in range(1, IMAGES + 1):
            one = instance(number, 1, image, PatientID=patient, AccessionNumber=accession, StudyDate=day)
            save(one, made / f"{number}-{image}.dcm")
    return made


def of(folder: Path, numbers: Iterable[str]) -> list[bytes]:
    """The data sets of these studies."""
    return sorted(data_set(path) for number in set(numbers) for path in folder.glob(f"{number}-*"))


def check(rig: Rig, folder: Path, header: Sequence[str], lines: Sequence[Line]) -> None:
    """Each line matches its studies, and together they are what was retrieved; "" stands for no study."""
    rig.write_csv([cells for cells, _ in lines], header=header)
    ended = rig.cold()
    wanted = "".join(numbers for _, numbers in lines)
    assert ended.status == (0 if all(numbers for _, numbers in lines) else 3), ended
    assert [row["study_instance_uids"] for row in rig.report()] == [
        ";".join(UIDS[int(number)] for number in numbers) for _, numbers in lines
    ]
    assert data_sets(rig.storage) == of(folder, wanted)


LATER_FORMS: Mapping[str, tuple[Mapping[str, object], Sequence[str], Sequence[Line]]] = {
    "three attributes, their columns in another order": (
        {
            "NumberOfQueryAttributes": 3,
            "FirstAttr": "StudyDate",
            "FirstIndex": 4,
            "SecondAttr": "PatientID",
            "SecondIndex": 2,
            "ThirdAttr": "AccessionNumber",
            "ThirdIndex": 0,
        },
        ("Order", "Ward", "EMPI", "Remark", "Day"),
        [
            (("FORMS-FEB", "x", PATIENT, "", "20240229"), "4"),
            (("FORMS-FEB", "x", STRANGER, "", "20240201"), "8"),
            (("FORMS-FEB", "x", STRANGER, "", "20240229"), ""),
        ],
    ),
    "two attributes, the numbers in quotes": (
        {
            "NumberOfQueryAttributes": "2",
            "FirstAttr": "AccessionNumber",
            "FirstIndex": "1",
            "SecondAttr": "PatientID",
            "SecondIndex": "0",
        },
        ("EMPI", "Accession"),
        [((PATIENT, "FORMS-FEB"), "34"), ((PATIENT, "FORMS-JAN"), "2"), ((STRANGER, "FORMS-JAN"), "")],
    ),
    "no number of attributes": (
        {"FirstAttr": "PatientID", "FirstIndex": 1, "SecondAttr": "StudyDate", "SecondIndex": 0},
        ("Day", "EMPI"),
        [(("20240201", PATIENT), "3"), (("20240201-20240229", STRANGER), "8")],
    ),
    "StudyInstanceUID alone": (
        {"FirstAttr": "StudyInstanceUID", "FirstIndex": 0},
        ("UID", "Remark"),
        [((UIDS[6], "the sixth"), "6"), ((UIDS[8], ""), "8"), (("1.2.3.99", "nowhere"), "")],
    ),
    "PatientID and StudyInstanceUID": (
        {"FirstAttr": "PatientID", "FirstIndex": 0, "SecondAttr": "StudyInstanceUID", "SecondIndex": 1},
        ("EMPI", "UID"),
        [((PATIENT, UIDS[1]), "1"), ((PATIENT, UIDS[8]), "")],
    ),
}


@pytest.mark.parametrize("form", LATER_FORMS)
def test_the_later_form_asks_for_the_attributes_that_it_names(
    rig: Rig, folder: Path, foreign_archive: str, form: str
) -> None:
    keys, header, lines = LATER_FORMS[form]
    rig.serve_files(foreign_archive, folder)
    rig.configure(**NO_FORM, **keys)
    check(rig, folder, header, lines)


def test_attributes_beyond_their_number_are_not_asked_for_and_the_log_says_so(
    plain_rig: Rig, folder: Path
) -> None:
    rig = plain_rig
    rig.serve_files("niffler-archive", folder)
    rig.configure(
        **NO_FORM,
        NumberOfQueryAttributes=1,
        FirstAttr="PatientID",
        FirstIndex=0,
        SecondAttr="StudyDate",
        SecondIndex=1,
    )
    check(rig, folder, ("EMPI", "Day"), [((STRANGER, "20231231"), "8")])
    for key in ("SecondAttr", "SecondIndex"):
        assert f"{key}: not asked for: NumberOfQueryAttributes is less" in rig.log()


def test_niffler_id_has_no_effect_and_niffler_system_names_the_system_file(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    rig.configure(NifflerID=1, NifflerSystem="deployment/site.json")
    (rig.folder / "deployment").mkdir()
    (rig.folder / "system.json").rename(rig.folder / "deployment" / "site.json")
    check(rig, folder, ("EMPI", "Accession"), [((PATIENT, "FORMS-JAN"), "2")])
    assert "NifflerID: accepted without effect" in rig.log()


def test_the_files_of_niffler_run_as_they_stand_from_within_their_folder(
    plain_rig: Rig, folder: Path
) -> None:
    rig = plain_rig
    rig.serve_files("niffler-archive", folder)
    rig.configure(
        **upstream.LATER
        | upstream.SYSTEM
        | {
            "DCM4CHEBin": rig.toolkit,
            "SrcAet": f"ARCHIVE@127.0.0.1:{rig.archive_port}",
            "QueryAet": f"{OUR_AET}:{rig.port}",
            "DestAet": OUR_AET,
            "NightlyOnly": "False",
            "StorageFolder": "new-study",
            "NumberOfQueryAttributes": 2,
            "SecondIndex": 1,
            **NO_FORM,
        }
    )
    (rig.folder / "csv").mkdir()
    (rig.folder / "csv/cohort.csv").write_text(f"PatientID,AccessionNumber\n{PATIENT},FORMS-JAN\n")
    rig.keep_secret(PATIENT, "FORMS-JAN")
    ended = rig.cold(config=False)
    assert ended.status == 0, ended
    assert {path.relative_to(rig.storage).parts[0] for path in filed(rig.storage)} == {PATIENT}
    assert data_sets(rig.storage) == of(folder, "2")
    assert [path.name for path in (rig.folder / "csv").iterdir()] == ["cohort.csv"]


def test_a_header_names_the_keys_and_other_columns_are_carried_into_the_report(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    rig.configure(**HEADER)
    header = ("Ward", "StudyDate", "PatientID", "state", "AccessionNumber")
    lines: list[Line] = [
        (("Köln 1", "20240131", PATIENT, "open", ""), "2"),
        (("", "", STRANGER, "", ""), "8"),
        (("=3", "", PATIENT, "", "FORMS-FEB"), "34"),
        (("none", "", "", "", "FORMS-DEC"), "1"),
        (("none", "20240201-20240229", PATIENT, "", "FORMS-FEB"), "34"),
        (("no key", "", "", "", ""), ""),
    ]
    check(rig, folder, header, lines)
    assert "columns that are carried along and not asked for: 'Ward', 'state'" in rig.log()
    assert [tuple(row[name] for name in header) for row in rig.report()] == [cells for cells, _ in lines]
    assert [row["niffler_state"] for row in rig.report()] == [*["done"] * 5, "rejected"]
    reason = "it has no value for any key of patient or study level (StudyDate, PatientID, AccessionNumber)"
    assert rig.report()[5]["reason"] == reason
    assert f"Line 7 refused: {reason}" in rig.log()


def test_a_column_that_is_nearly_a_key_is_carried_along_with_a_warning(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    rig.configure(**HEADER)
    header = ("PatientID", "Accession Number")
    check(rig, folder, header, [((STRANGER, "FORMS-DEC"), "8")])
    assert "'Accession Number' is carried along and not asked for" in rig.log()
    assert "its name is AccessionNumber" in rig.log()


MONTHS: Sequence[Line] = [
    (("202401", PATIENT), "2"),
    (("202402", PATIENT), "34"),
    (("202402", STRANGER), "8"),
    (("202412", PATIENT), "6"),
    (("202404", PATIENT), ""),
    (("202401-202402", PATIENT), "234"),
    (("202312 - 202401", PATIENT), "12"),
]
YEARS: Sequence[Line] = [
    (("2023", PATIENT), "1"),
    (("2024", PATIENT), "23456"),
    (("2023-2024", PATIENT), "123456"),
    (("2022", PATIENT), ""),
]
PERIODS: Mapping[str, tuple[str, Mapping[str, object], Sequence[Line]]] = {
    "a month named by the header": ("StudyMonth", HEADER, MONTHS),
    "a month as DateType": ("StudyMonth", DATE | {"DateType": "StudyMonth"}, MONTHS),
    "a year named by the header": ("StudyYear", HEADER, YEARS),
    "a year as FirstAttr": (
        "StudyYear",
        NO_FORM | {"FirstAttr": "StudyYear", "FirstIndex": 0, "SecondAttr": "PatientID", "SecondIndex": 1},
        YEARS,
    ),
}


@pytest.mark.parametrize("form", PERIODS)
def test_a_month_or_a_year_brings_the_studies_from_its_first_to_its_last_day(
    rig: Rig, folder: Path, foreign_archive: str, form: str
) -> None:
    name, keys, lines = PERIODS[form]
    rig.serve_files(foreign_archive, folder)
    rig.configure(**keys, DateFormat="%d.%m.%Y")
    check(rig, folder, (name, "PatientID"), lines)


@pytest.mark.parametrize("date_format", ["%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d"])
def test_a_range_of_dates_brings_the_studies_between_its_ends_and_at_them(
    rig: Rig, folder: Path, foreign_archive: str, date_format: str
) -> None:
    def day(text: str) -> str:
        return date.fromisoformat(text).strftime(date_format)

    rig.serve_files(foreign_archive, folder)
    rig.configure(**DATE, DateFormat=date_format)
    lines: list[Line] = [
        ((f"{day('20240131')}-{day('20240229')}", PATIENT), "234"),
        ((f"{day('20240201')} - {day('20240228')}", PATIENT), "3"),
        ((day("20240301"), PATIENT), "5"),
        ((f"{day('20240101')}-{day('20240130')}", PATIENT), ""),
        ((f"{day('20240229')}-{day('20240131')}", PATIENT), ""),
        ((f"{day('20240131')}-", PATIENT), ""),
        ((f"{day('20240131')}-31", PATIENT), ""),
    ]
    check(rig, folder, ("Day", "EMPI"), lines)
    *_, empty, backwards, open_end, cut = rig.report()
    assert (empty["state"], empty["reason"]) == ("not_found", "the archive has no match")
    assert {row["state"] for row in (backwards, open_end, cut)} == {"rejected"}
    assert backwards["reason"] == "StudyDate (column 0) is a range that ends before it begins"
    assert open_end["reason"] == "StudyDate (column 0) is an open range; allowed: both ends, A-B"
    assert cut["reason"] == f"StudyDate (column 0) is no date in DateFormat {date_format}"
    for row in (backwards, open_end, cut):
        assert f"Line {row['line']} refused: {row['reason']}" in rig.log()


def test_a_long_accession_number_is_asked_for_without_its_eighth_and_ninth_character(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    rig.configure(LongAccession=True)
    lines: list[Line] = [
        ((PATIENT, LONG), "5"),
        ((PATIENT, SHORTENED), "5"),
        ((PATIENT, "FORMS-JAN"), "2"),
        ((PATIENT, f"{LONG}5"), ""),
    ]
    check(rig, folder, ("EMPI", "Accession"), lines)
    assert [row["state"] for row in rig.report()] == ["done", "done", "done", "rejected"]
    reason = "AccessionNumber (column 1) has 17 characters, 16 are allowed"
    assert rig.report()[3]["reason"] == reason
    assert f"Line 5 refused: {reason}" in rig.log()
    assert rig.report()[0]["Accession"] == LONG


def test_without_long_accession_such_a_number_is_rejected(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    rig.configure(LongAccession=False)
    check(rig, folder, ("EMPI", "Accession"), [((PATIENT, LONG), ""), ((PATIENT, SHORTENED), "5")])
    reason = "AccessionNumber (column 1) has 18 characters, 16 are allowed"
    assert (rig.report()[0]["state"], rig.report()[0]["reason"]) == ("rejected", reason)
    assert f"Line 2 refused: {reason}" in rig.log()


def test_a_corrected_list_may_have_its_columns_in_another_order_and_others_beside_them(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    archive = rig.serve_files(foreign_archive, folder)
    rig.configure(**HEADER)
    first: list[Line] = [((PATIENT, "FORMS-FEB", "a"), "34"), ((STRANGER, "FORMS-FEB", "b"), "8")]
    check(rig, folder, ("PatientID", "AccessionNumber", "Remark"), first)
    header = ("Note", "AccessionNumber", "PatientID", "Ward")
    lines: list[Line] = [
        (("c", "FORMS-FEB", STRANGER, "north"), "8"),
        (("d", "FORMS-JAN", PATIENT, ""), "2"),
        (("e", "FORMS-FEB", PATIENT, "south"), "34"),
    ]
    check(rig, folder, header, lines)
    assert "1 rows are new, 0 withdrawn, 0 back again, 2 as before" in rig.log()
    assert [tuple(row[name] for name in header) for row in rig.report()] == [cells for cells, _ in lines]
    if foreign_archive != "orthanc":
        assert set(archive.delivered().values()) == {1}


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (("PatientID", "Accession Number", "Day"), "PatientID"),
        (("PatientID", "AccessionNumber", "StudyDate"), "AccessionNumber, PatientID, StudyDate"),
        (("PatientID", "StudyID", "Day"), "PatientID, StudyID"),
    ],
    ids=["a key less", "a key more", "another key"],
)
def test_a_corrected_list_with_other_keys_is_refused_before_anything_is_asked_or_changed(
    plain_rig: Rig, folder: Path, header: Sequence[str], named: str
) -> None:
    rig = plain_rig
    archive = rig.serve_files("niffler-archive", folder)
    rig.configure(**HEADER)
    earlier = ("PatientID", "AccessionNumber", "Day")
    line = (STRANGER, "FORMS-FEB", "20240201")
    check(rig, folder, earlier, [(line, "8")])
    before, asked = rig.ledger("SELECT * FROM rows"), archive.events("find")
    rig.write_csv([line, (PATIENT, "FORMS-FEB", "20240201")], header=header)
    ended = rig.cold()
    assert ended.status == 78, ended
    assert f"keys in the CSV's header: were AccessionNumber, PatientID, are {named}" in ended.err
    assert "another StorageFolder starts anew" in ended.err
    assert (rig.ledger("SELECT * FROM rows"), archive.events("find")) == (before, asked)
    check(rig, folder, earlier, [(line, "8"), ((PATIENT, "FORMS-JAN", ""), "2")])


def test_a_month_that_is_corrected_to_its_days_asks_for_the_same(plain_rig: Rig, folder: Path) -> None:
    rig = plain_rig
    archive = rig.serve_files("niffler-archive", folder)
    rig.configure(**HEADER)
    check(rig, folder, ("PatientID", "StudyMonth"), [((PATIENT, "202402"), "34")])
    asked = archive.events("find")
    check(rig, folder, ("StudyDate", "PatientID"), [(("20240201-20240229", PATIENT), "34")])
    assert archive.events("find") == asked
    assert "0 rows are new, 0 withdrawn, 0 back again, 1 as before" in rig.log()
