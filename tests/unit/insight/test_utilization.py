"""Active time over on-time, against values worked out by hand and over random tables."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from niffler_ops.insight import (
    descriptions,
    encounters,
    exams,
    gaps,
    hours,
    modalities,
    pieces,
    series_table,
    utilization,
    weekdays,
)
from niffler_ops.metadata import Record
from tests.unit.insight.series import record

DAY = 24 * 60


def one(records: list[Record]) -> dict[str, Any]:
    """The only line of utilization."""
    table = utilization(series_table(records))
    assert len(table) == 1
    return {str(name): value for name, value in table.iloc[0].items()}


def exam(start: float, end: float, patient: str, **further: Any) -> Record:
    study = further.pop("study", f"2.25.{patient}.{start}")
    return record(start, end, **({"PatientID": patient, "StudyInstanceUID": study} | further))


def test_a_day_worked_out_by_hand() -> None:
    line = one(
        [
            exam(480, 490, "A", study="1"),
            exam(495, 510, "A", study="1"),  # one exam from 8:00 to 8:30
            exam(525, 540, "A"),  # 15 minutes later: one encounter from 8:00 to 9:00
            exam(570, 600, "B"),  # from 9:30 to 10:00
            exam(620, 630, "B"),  # exactly 20 minutes later: another one, to 10:30
        ]
    )
    assert (line["on_minutes"], line["active_minutes"]) == (150, 60 + 30 + 10)
    assert line["utilization_percent"] == pytest.approx(100 * 100 / 150)
    assert (line["exams"], line["encounters"], line["series"]) == (4, 3, 5)
    assert line["study_percent"] == pytest.approx(100 * (30 + 15 + 30 + 10) / 150)
    assert line["series_percent"] == pytest.approx(100 * (10 + 15 + 15 + 30 + 10) / 150)
    assert (line["idle_minutes"], line["longest_idle_minutes"]) == (50, 30)
    assert line["encounters_per_hour"] == pytest.approx(3 / 2.5)


def test_columns_that_scripts_rely_on_come_first() -> None:
    names = [name for name in utilization(series_table([])).columns if name != "device"]
    assert names[:11] == [
        *("date", "device_serial_number", "station_name", "modality", "start", "end"),
        *("on_minutes", "active_minutes", "utilization_percent", "exams", "encounters"),
    ]


def test_an_exam_over_midnight_is_divided_at_midnight() -> None:
    table = utilization(series_table([exam(DAY - 60, DAY - 50, "B"), exam(DAY - 30, DAY + 15, "A")]))
    assert table["date"].dt.day.tolist() == [4, 5]
    assert table["on_minutes"].tolist() == [60, 15]
    assert table["active_minutes"].tolist() == [40, 15]
    assert table["exams"].tolist() == [2, 1]
    assert [str(moment) for moment in table["end"]] == ["2026-03-05 00:00:00", "2026-03-05 00:15:00"]


def test_an_exam_that_ends_at_midnight_has_no_part_on_the_next_day() -> None:
    assert one([exam(DAY - 30, DAY, "A")])["active_minutes"] == 30


def test_the_gap_of_an_encounter_over_midnight_is_on_time_of_both_days() -> None:
    series = series_table([exam(DAY - 20, DAY - 5, "A"), exam(DAY + 5, DAY + 20, "A")])
    for table in (utilization(series), modalities(series)):
        assert table["on_minutes"].tolist() == [20, 20]
        assert table["active_minutes"].tolist() == [20, 20]
        assert table["utilization_percent"].tolist() == [100, 100]
    assert utilization(series)["idle_minutes"].tolist() == [0, 0]
    assert utilization(series)["study_percent"].tolist() == [75, 75]


def test_an_exam_of_a_moment_at_midnight_that_ends_an_encounter_is_counted() -> None:
    series = series_table([exam(DAY - 15, DAY - 10, "A"), exam(DAY, DAY, "A")])
    table = utilization(series)
    assert table["exams"].tolist() == [1, 1]
    assert table["active_minutes"].tolist() == [15, 0]
    assert (table["encounters"].tolist(), table["overlaps"].tolist()) == ([1, 0], [0, 0])
    assert table["utilization_percent"].tolist() == [100, 0]
    assert modalities(series)["encounters"].tolist() == [1, 0]


def test_overlapping_exams_are_united() -> None:
    line = one([exam(0, 30, "A"), exam(10, 20, "A"), exam(20, 40, "A")])
    assert (line["active_minutes"], line["exams"], line["encounters"]) == (40, 3, 1)
    assert line["utilization_percent"] == 100


def test_patients_who_overlap_are_flagged_and_split() -> None:
    met = encounters(exams(series_table([exam(0, 60, "A"), exam(20, 30, "B"), exam(90, 100, "C")])))
    assert met["overlaps"].tolist() == [True, True, False]
    parts = pieces(met)
    assert parts["patient"].tolist() == ["A", "B", "A", "C"]
    assert (parts["end"] - parts["start"]).dt.total_seconds().div(60).tolist() == [20, 10, 30, 10]
    line = one([exam(0, 60, "A"), exam(20, 30, "B"), exam(90, 100, "C")])
    assert (line["active_minutes"], line["overlaps"], line["encounters"]) == (70, 2, 3)


def test_patients_one_right_after_the_other_do_not_overlap() -> None:
    assert one([exam(0, 30, "A"), exam(30, 60, "B")])["overlaps"] == 0


def test_a_single_moment_has_no_utilization() -> None:
    line = one([exam(10, 10, "A")])
    assert (line["on_minutes"], line["utilization_percent"], line["exams"]) == (0, 0, 1)
    assert pd.isna(line["encounters_per_hour"])


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"image_types": ["DERIVED\\PRIMARY"]}, False),
        ({"image_types": ["ORIGINAL\\SECONDARY\\MPR"]}, False),
        ({"image_types": ["derived\\primary"]}, False),
        ({"image_types": ["DERIVED\\SECONDARY", "ORIGINAL\\PRIMARY"]}, True),
        ({"image_types": ["ORIGINAL"]}, True),
        ({"image_types": []}, True),
        ({"image_types": None}, True),
        ({"Modality": "SR", "image_types": []}, False),
        ({"first_acquisition": None}, False),
        ({"first_acquisition": "no time"}, False),
        ({"last_acquisition": "2026-03-03T00:00:00.000"}, False),
        ({"last_acquisition": "2027-03-03T00:00:00.000"}, False),
    ],
)
def test_which_series_take_scanner_time(fields: dict[str, object], *, counts: bool) -> None:
    table = series_table([exam(0, 30, "A", **fields)])
    assert len(exams(table)) == counts
    assert len(table) == 1


def test_derived_images_are_taken_where_that_is_asked_for() -> None:
    records = [exam(0, 30, "A", image_types=["DERIVED\\PRIMARY"])]
    assert len(exams(series_table(records, derived=True))) == 1


def test_a_study_that_goes_on_the_next_day_is_another_exam() -> None:
    table = utilization(
        series_table([exam(600, 630, "A", study="1"), exam(DAY + 600, DAY + 630, "A", study="1")])
    )
    assert table["active_minutes"].tolist() == [30, 30]


def test_devices_are_told_apart_by_serial_number_and_without_one_by_station_name() -> None:
    records = [
        exam(0, 10, "A"),
        exam(0, 10, "A", DeviceSerialNumber="2"),
        exam(0, 10, "A", DeviceSerialNumber=None, StationName="X"),
        exam(0, 10, "A", DeviceSerialNumber=None, StationName="Y"),
    ]
    assert utilization(series_table(records))["station_name"].tolist() == ["CT1", "CT1", "X", "Y"]


def test_series_without_a_patient_are_joined_by_their_study_only() -> None:
    records = [exam(0, 10, "A", PatientID=None), exam(15, 25, "B", PatientID=None)]
    assert one(records)["encounters"] == 2


def test_a_device_of_two_modalities_has_one_line_and_one_encounter() -> None:
    records = [exam(0, 10, "A", study="1", Modality="CT"), exam(15, 60, "A", study="1", Modality="PT")]
    line = one(records)
    assert (line["modality"], line["exams"], line["encounters"]) == ("CT\\PT", 2, 1)
    by = modalities(series_table(records)).set_index("modality")
    assert by["on_minutes"].tolist() == [60, 60]
    assert by["active_minutes"].tolist() == [10, 45]


def test_idle_times_between_encounters() -> None:
    table = gaps(series_table([exam(0, 10, "A"), exam(40, 50, "B"), exam(45, 70, "C"), exam(75, 80, "D")]))
    assert table["minutes"].tolist() == [30, 5]


def test_hours_and_the_average_week() -> None:
    table = series_table(
        [exam(8 * 60 + 30, 10 * 60, "A"), exam(7 * DAY + 9 * 60, 7 * DAY + 9 * 60 + 30, "B")]
    )
    active = hours(table)
    assert active["hour"].tolist() == [8, 9, 9]
    assert active["active_minutes"].tolist() == [30, 60, 30]
    week = weekdays(active, utilization(table))
    assert week["weekday"].tolist() == [2, 2]
    assert week["utilization_percent"].tolist() == [25, 75]


def test_how_long_exams_of_a_description_last_also_from_several_tables() -> None:
    found = exams(
        series_table([exam(0, 10, "A"), exam(40, 60, "B"), exam(90, 93, "C", StudyDescription="KNEE")])
    )
    table = descriptions(found)
    assert table["mean_minutes"].tolist() == [15, 3]
    again = descriptions(pd.concat([descriptions(found[:1]), descriptions(found[1:])]))
    pd.testing.assert_frame_equal(table, again)


def record_of(values: tuple[int, int, int, int, int]) -> Record:
    start, length, device, patient, study = values
    return record(
        start,
        start + length,
        DeviceSerialNumber=str(device),
        PatientID=f"P{patient}",
        StudyInstanceUID=f"2.25.{patient}.{study}",
    )


moments = st.integers(0, 2 * DAY)
tables = st.lists(
    st.tuples(moments, st.integers(0, 300), st.integers(1, 2), st.integers(1, 4), st.integers(1, 3)),
    max_size=12,
)
few = settings(max_examples=12)


around_midnight = st.lists(
    st.tuples(
        st.integers(DAY - 60, DAY + 30) | moments,
        st.integers(0, 25) | st.integers(0, 300),
        st.integers(1, 2),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from(["CT", "PT"]),
        st.sampled_from(["HEAD", "KNEE"]),
    ),
    max_size=12,
)


@few
@given(st.lists(around_midnight, min_size=9, max_size=9))  # each on scanners of its own: a table takes long
def test_active_time_is_never_more_than_on_time(
    scenes: list[list[tuple[int, int, int, int, int, str, str]]],
) -> None:
    series = series_table(
        record_of((start, length, device + 2 * number, patient, study))
        | {"Modality": modality, "StudyDescription": description}
        for number, scene in enumerate(scenes)
        for start, length, device, patient, study, modality, description in scene
    )
    days, by_modality, by_hour = utilization(series), modalities(series), hours(series)
    week, lasting = weekdays(by_hour, days), descriptions(exams(series))
    for table in (days, by_modality):
        assert (table["active_minutes"] >= 0).all()
        assert (table["active_minutes"] <= table["on_minutes"]).all()
        assert table["utilization_percent"].between(0, 100).all()
    assert (days["idle_minutes"] >= 0).all()
    assert days["longest_idle_minutes"].between(0, days["idle_minutes"]).all()
    assert (days["series_percent"] >= 0).all()
    assert (days["series_percent"] <= days["study_percent"]).all()
    assert (days["study_percent"] <= days["utilization_percent"]).all()
    assert (days["encounters"] <= days["exams"]).all()
    assert (days["exams"] <= days["series"]).all()
    assert by_hour["active_minutes"].between(0, 60).all()
    assert week["utilization_percent"].between(0, 100).all()
    assert (lasting["shortest_minutes"] <= lasting["mean_minutes"] + 1e-9).all()
    assert (lasting["mean_minutes"] <= lasting["longest_minutes"] + 1e-9).all()


@few
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    values: list[tuple[int, int, int, int, int]], random: object
) -> None:
    records = list(map(record_of, values))
    before = series_table(records)
    random.shuffle(records)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    after = series_table(records)
    for analysis in (utilization, exams, hours, gaps, modalities, lambda table: encounters(exams(table))):
        pd.testing.assert_frame_equal(analysis(before), analysis(after))


@few
@given(tables, st.integers(-400, 400))
def test_shifting_all_times_by_days_changes_nothing_but_the_dates(
    values: list[tuple[int, int, int, int, int]], days: int
) -> None:
    shifted = [(start + days * DAY, *rest) for start, *rest in values]
    before = utilization(series_table(map(record_of, values)))
    after = utilization(series_table(record_of(row) for row in shifted))  # type: ignore[arg-type]  # still five
    shift = pd.Timedelta(days=days).as_unit("ms")
    for name in ("date", "start", "end"):
        after[name] = after[name] - shift
    pd.testing.assert_frame_equal(before, after)


@few
@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 100), st.just(1), st.integers(1, 4), st.just(1)),
        max_size=9,
    ),
    st.integers(0, 800),
)
def test_shifting_all_times_within_a_day_changes_nothing(
    values: list[tuple[int, int, int, int, int]], minutes: int
) -> None:
    before = utilization(series_table(map(record_of, values)))
    after = utilization(series_table(record_of((row[0] + minutes, *row[1:])) for row in values))
    numbers = before.columns.drop(["date", "start", "end"])
    pd.testing.assert_frame_equal(before[numbers], after[numbers])


@few
@given(tables)
def test_merging_twice_changes_nothing(values: list[tuple[int, int, int, int, int]]) -> None:
    met = encounters(exams(series_table(map(record_of, values))))
    pd.testing.assert_frame_equal(encounters(met), met)


@few
@given(tables)
def test_split_encounters_never_overlap_and_lose_no_time(
    values: list[tuple[int, int, int, int, int]],
) -> None:
    met = encounters(exams(series_table(map(record_of, values))))
    parts = pieces(met)
    for device, found in parts.groupby("device"):
        long = found[found["end"] > found["start"]]
        assert not (long["start"].shift(-1) < long["end"]).any()
        of_device = met[met["device"] == device]
        covered = {
            minute
            for row in of_device.to_dict("records")
            for minute in pd.date_range(row["start"], row["end"], freq="min", inclusive="left")
        }
        assert (long["end"] - long["start"]).sum() == pd.Timedelta(minutes=len(covered))


def test_dates_are_days() -> None:
    table = utilization(series_table([exam(10, 20, "A")]))
    assert table["date"].dt.date.tolist() == [date(2026, 3, 4)]
