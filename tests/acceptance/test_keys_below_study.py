"""Keys below study level: believed only where the archive shows that it means them, looked for else."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.support.embedded import instance, save
from tests.support.rig import Rig, data_set, data_sets

PATIENT = "PATIENT-BELOW"
CHEST, THORAX = "CHEST AP SERIES", "THORAX LATERAL"
FIRST_DAY, SECOND_DAY, THIRD_DAY = "20240105", "20240106", "20240107"
# By study: the description of each series, and the acquisition dates of its instances.
STUDIES = {
    1: ((CHEST, (FIRST_DAY, FIRST_DAY)), (THORAX, (FIRST_DAY, SECOND_DAY, FIRST_DAY))),
    2: ((THORAX, (THIRD_DAY, THIRD_DAY)),),
    3: ((THORAX, (THIRD_DAY,)), (CHEST, (THIRD_DAY, SECOND_DAY))),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One patient's studies; their dates of study are no dates of acquisition."""
    made = tmp_path / "archive"
    for study, series in STUDIES.items():
        for number, (description, dates) in enumerate(series, start=1):
            for image, date in enumerate(dates, start=1):
                one = instance(
                    study,
                    number,
                    image,
                    PatientID=PATIENT,
                    StudyDate=FIRST_DAY if study == 2 else "20231224",
                    SeriesDescription=description,
                    AcquisitionDate=date,
                )
                save(one, made / f"{study}-{number}-{image}.dcm")
    return made


def of(folder: Path, *names: str) -> list[bytes]:
    """The data sets of studies (`1`) or series (`1-2`)."""
    return sorted(data_set(path) for name in names for path in folder.glob(f"{name}-*"))


def ask(rig: Rig, keyword: str, *values: str, **keys: object) -> None:
    rig.configure(
        ExtractionType=None,
        PatientIndex=None,
        AccessionIndex=None,
        FirstAttr="PatientID",
        FirstIndex=0,
        SecondAttr=keyword,
        SecondIndex=1,
        **keys,
    )
    rig.write_csv([(PATIENT, value) for value in values], header=("EMPI", keyword))


@pytest.mark.parametrize(
    ("keyword", "value", "studies"),
    [
        ("SeriesDescription", CHEST, "13"),
        ("AcquisitionDate", SECOND_DAY, "13"),
        ("AcquisitionDate", THIRD_DAY, "23"),
        ("AcquisitionDate", f"{SECOND_DAY}-{THIRD_DAY}", "123"),
        ("Modality", "CT", "123"),
        ("SeriesNumber", "2", "13"),
    ],
)
def test_every_study_that_has_the_value_anywhere_is_retrieved_whole(
    rig: Rig, folder: Path, archive_kind: str, keyword: str, value: str, studies: str
) -> None:
    rig.serve_files(archive_kind, folder)
    ask(rig, keyword, value)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == of(folder, *studies)


@pytest.mark.parametrize(
    ("keyword", "value"), [("SeriesDescription", "KNEE OF NOBODY"), ("AcquisitionDate", "20231224")]
)
def test_what_no_series_and_no_image_has_is_not_found(
    rig: Rig, folder: Path, foreign_archive: str, keyword: str, value: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    ask(rig, keyword, value)
    assert rig.cold().status == 3
    (row,) = rig.report()
    assert row["state"] == "not_found"
    assert row["reason"] == f"no study that the other keys find (3) has the {keyword} asked for"


def test_the_date_of_the_study_is_never_taken_for_that_of_acquisition(rig: Rig, folder: Path) -> None:
    archive = rig.serve(folder, "untold=AcquisitionDate")
    rig.configure(ExtractionType="empi_date", AccessionIndex=None, DateIndex=1, DateType="AcquisitionDate")
    rig.write_csv([(PATIENT, FIRST_DAY)], header=("EMPI", "Date"))
    assert rig.cold().status == 3
    (row,) = rig.report()
    assert row["state"] == "failed"
    assert row["reason"].startswith("the archive cannot tell AcquisitionDate")
    assert archive.events("move") == []


def test_an_archive_without_series_and_image_level_cannot_tell(rig: Rig, folder: Path) -> None:
    rig.serve(folder, "no-image-level")
    ask(rig, "SeriesDescription", CHEST)
    assert rig.cold().status == 3
    (row,) = rig.report()
    assert (row["state"], row["reason"]) == (
        "failed",
        "the archive cannot tell SeriesDescription of the studies that the other keys find (3)",
    )


def test_a_study_that_the_archive_will_not_tell_of_keeps_its_row_from_being_done(
    rig: Rig, folder: Path
) -> None:
    archive = rig.serve(folder, "no-image-level:2")
    ask(rig, "SeriesDescription", CHEST, CHEST)
    assert rig.cold().status == 3
    assert {(row["state"], row["reason"]) for row in rig.report()} == {
        ("partial", "the archive did not tell whether 1 more of the studies match")
    }
    assert data_sets(rig.storage) == of(folder, "1")
    archive.restart_mended()
    assert rig.cold("--retry-failed").status == 0
    assert rig.states() == ["done", "done"]
    assert data_sets(rig.storage) == of(folder, "1", "3")


def test_what_comes_back_equal_at_study_level_is_believed(rig: Rig, folder: Path) -> None:
    archive = rig.serve(folder, "at-study-level=SeriesDescription", "no-image-level")
    ask(rig, "SeriesDescription", CHEST, VerifyBy="count")
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == of(folder, "1", "3")
    walked = {study for event in archive.events("find") for study in event["studies"]}
    assert walked == {"1.2.3.2"}  # of which it said nothing


def test_a_walk_that_is_cut_off_is_taken_up_again(rig: Rig, folder: Path) -> None:
    rig.serve(folder, "find-abort=1:times=4")
    ask(rig, "AcquisitionDate", SECOND_DAY, MaxAttempts=20)
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == of(folder, "1", "3")


def test_only_the_matching_series_are_retrieved_where_that_is_asked_for(
    rig: Rig, folder: Path, foreign_archive: str
) -> None:
    rig.serve_files(foreign_archive, folder)
    ask(rig, "SeriesDescription", CHEST, RetrieveLevel="SERIES")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == of(folder, "1-1", "3-2")
    assert rig.unexpected() == []
    (row,) = rig.report()
    assert (row["studies"], row["instances_expected"], row["verified"]) == ("2", "4", "by_uid")


@pytest.mark.parametrize("batch", [1, 100])
def test_rows_that_want_different_series_of_a_study_get_them_all_and_nothing_twice(
    rig: Rig, folder: Path, batch: int
) -> None:
    archive = rig.serve(folder)
    ask(rig, "SeriesNumber", "2", "1", "2", RetrieveLevel="SERIES", QueryBatchSize=batch)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 3
    assert data_sets(rig.storage) == of(folder, "1", "2", "3")
    assert set(archive.delivered().values()) == {1}


def test_a_series_that_is_wanted_after_its_study_was_done_is_added(rig: Rig, folder: Path) -> None:
    archive = rig.serve(folder)
    ask(rig, "SeriesDescription", CHEST, RetrieveLevel="SERIES")
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == of(folder, "1-1", "3-2")
    ask(rig, "SeriesDescription", CHEST, THORAX, RetrieveLevel="SERIES")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == of(folder, "1", "2", "3")
    assert set(archive.delivered().values()) == {1}
    assert rig.status()["studies"]["done"] == 3


def test_rows_of_a_partial_study_follow_it_where_another_row_wants_more(rig: Rig, folder: Path) -> None:
    archive = rig.serve(folder, "drop=1:2")
    ask(rig, "SeriesDescription", CHEST, RetrieveLevel="SERIES")
    assert rig.cold().status == 3
    assert rig.states() == ["partial"]
    archive.restart_mended()
    ask(rig, "SeriesDescription", CHEST, THORAX, RetrieveLevel="SERIES")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done", "done"]
    assert data_sets(rig.storage) == of(folder, "1", "2", "3")


def test_a_series_that_can_never_be_had_whole_holds_up_no_other_row(rig: Rig, folder: Path) -> None:
    rig.serve(folder, "drop=1:2")
    ask(rig, "SeriesDescription", THORAX, CHEST, RetrieveLevel="SERIES", QueryBatchSize=1, MaxAttempts=1)
    assert rig.cold().status == 3
    lost = data_set(folder / "3-2-2.dcm")
    assert sorted([*data_sets(rig.storage), lost]) == of(folder, "1", "2", "3")
    assert rig.states()[1] == "partial"
    assert rig.status()["extraction"]["state"] == "finished"


def test_a_series_that_one_archive_lacks_comes_from_the_other_and_neither_row_is_done_without_its_own(
    rig: Rig, folder: Path, tmp_path: Path
) -> None:
    lacking = tmp_path / "lacking"
    shutil.copytree(folder, lacking)
    for path in lacking.glob("1-2-*"):
        path.unlink()
    for path in lacking.glob("[23]-*"):
        path.unlink()
    first = rig.serve(lacking)
    second = rig.serve(folder, second=True)
    ask(rig, "SeriesNumber", "1", "2", RetrieveLevel="SERIES", SrcAet=rig.both_archives)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done", "done"]
    assert data_sets(rig.storage) == of(folder, "1", "3-2")
    assert sum(first.delivered().values()) == 2
    assert sum(second.delivered().values()) == 5


def test_it_may_die_at_any_step_of_a_walk_and_of_what_follows(rig: Rig, folder: Path) -> None:
    rig.serve(folder, noted=True)
    ask(rig, "AcquisitionDate", SECOND_DAY, THIRD_DAY, RetrieveLevel="SERIES", QueryBatchSize=1, BatchSize=1)
    deaths = 0
    for number in (12, 19, 26, 35, 44):
        rig.environment["NIFFLER_FAILPOINT"] = f"commit-{'after' if number % 2 else 'before'}:{number}"
        ended = rig.cold()
        assert ended.status in {-signal.SIGKILL, 0}, ended
        deaths += ended.status != 0
    del rig.environment["NIFFLER_FAILPOINT"]
    assert deaths >= 2
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == of(folder, "1-2", "2", "3")


def test_series_are_counted_where_their_images_are_not_told(rig: Rig, folder: Path) -> None:
    rig.serve(folder, "empty-image-level")
    ask(rig, "SeriesDescription", CHEST, RetrieveLevel="SERIES")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == of(folder, "1-1", "3-2")
    assert {row["verified"] for row in rig.report()} == {"by_count"}


def test_a_query_without_any_key_of_study_level_is_refused(rig: Rig, folder: Path) -> None:
    rig.serve(folder)
    rig.configure(
        ExtractionType=None,
        PatientIndex=None,
        AccessionIndex=None,
        FirstAttr="SeriesDescription",
        FirstIndex=0,
    )
    rig.write_csv([(CHEST,)], header=("Description",))
    ended = rig.cold()
    assert ended.status == 78
    assert "FirstAttr" in ended.err
    assert not rig.storage.exists()
