"""Tables from a store: day by day, each series once, also records of strange shape."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from niffler_ops.insight import (
    Source,
    clocks,
    exams,
    lags,
    reading,
    scanners,
    series_table,
    thinned,
    utilization,
)
from niffler_ops.metadata import Record, Store, open_store
from tests.unit.insight.series import record

DAY = 24 * 60
ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a file."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.sqlite")) as made:
        yield made


def fill(store: Store, *records: Record) -> None:
    store.upsert("default", records)


def source(store: Store, **wanted: object) -> Source:
    return Source(store=store, collection="default", **wanted)  # type: ignore[arg-type]  # keywords of Source


def days_later(day: int, number: int = 1) -> list[Record]:
    return [record(day * DAY + 60, day * DAY + 70, received=day * DAY + 75) for _ in range(number)]


def test_values_that_are_no_text_or_no_time_are_as_if_absent() -> None:
    table = series_table(
        [
            {
                "_id": "1",
                "StationName": ["A", "B"],
                "DeviceSerialNumber": 5,
                "first_acquisition": 7,
                "instances": "x",
            }
        ]
    )
    row = table.iloc[0]
    assert (row["station_name"], row["device"], row["instances"]) == ("A\\B", "5", 0)
    assert pd.isna(row["start"])
    assert exams(table).empty


@pytest.mark.parametrize(
    "fields",
    [
        {"Modality": ["CT", "MR"], "image_types": [None, 3, "DERIVED"]},
        {"instances": 10**30},
        {"instances": -5},
        {"PatientID": "", "StudyInstanceUID": "", "StationName": "", "DeviceSerialNumber": ""},
        {"first_acquisition": "", "last_received": "yesterday"},
        {"first_acquisition": "0001-01-01T00:00:00.000", "last_acquisition": "9999-12-31T23:59:59.999"},
        {"first_received": "0001-01-01T00:00:00+14:00", "last_received": "9999-12-31T23:59:59-12:00"},
        {"first_acquisition": "2026-03-04T10:00:00+25:00"},
    ],
)
def test_no_record_ends_an_analysis(fields: Record) -> None:
    table = series_table([record(0, 10, received=12), record(5, 20, received=30) | fields], zone=ZONE)
    assert utilization(table)["exams"].sum() >= 1
    assert clocks(thinned(lags(table)))["series"].sum() >= 1
    assert scanners(table)["series"].sum() == 2
    assert scanners(table)["instances"].sum() <= 20


def test_an_empty_table_has_all_columns() -> None:
    assert series_table([]).columns.tolist() == series_table([record(0, 1)]).columns.tolist()
    assert series_table([]).dtypes.tolist() == series_table([record(0, 1)]).dtypes.tolist()


def test_each_day_comes_with_its_neighbours_and_is_said_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 3)
    fill(store, *(one for day in (0, 1, 2, 40) for one in days_later(day, 2)))
    fill(store, record(DAY - 10, DAY + 10))
    windows = list(source(store).around_days())
    assert [(first.day, last.day) for first, last, _ in windows] == [(4, 4), (5, 5), (6, 13)]
    assert [len(table) for _, _, table in windows] == [5, 7, 7]
    assert all(table["uid"].is_unique for _, _, table in windows)


def test_only_the_days_wanted(store: Store) -> None:
    fill(store, *(one for day in range(60) for one in days_later(day)))
    wanted = source(store, first=date(2026, 3, 10), last=date(2026, 3, 11))
    ((first, last, table),) = wanted.around_days()
    assert (first, last) == (date(2026, 3, 10), date(2026, 3, 11))
    assert sorted(table["start"].dt.day) == [9, 10, 11, 12]
    assert sum(map(len, wanted.received_days())) == 2
    assert sum(map(len, wanted.tables("received"))) == 2
    assert len(source(store, first=date(2026, 4, 20)).days("received")) == 13


def test_a_series_received_over_midnight_counts_on_the_day_its_reception_began(store: Store) -> None:
    late = record(0, 1, received=DAY - 1)
    fill(store, late | {"last_received": "2026-03-05T00:01:00.000+00:00"})
    assert [len(table) for table in source(store).received_days()] == [1, 0]


def test_the_first_and_the_last_day_that_there_are(store: Store) -> None:
    for year, end in (("0001", "01-01"), ("9999", "12-31")):
        moment = f"{year}-{end}T12:00:00.000"
        fill(store, record(0, 0) | {"first_acquisition": moment, "last_acquisition": moment})
    windows = list(source(store).around_days())
    assert sum(len(exams(table)) for _, _, table in windows) == 2


def test_a_list_of_scanners_narrows(store: Store) -> None:
    fill(store, record(0, 1), record(0, 1, DeviceSerialNumber="2"), record(0, 1, DeviceSerialNumber=None))
    tables = source(store, devices={"2", "CT1"}).tables("acquisition")
    assert sorted(pd.concat(tables)["device"]) == ["2", "CT1"]


def test_an_empty_collection(store: Store) -> None:
    store.upsert("other", [{"_id": "1"}])
    assert source(store).is_empty()
    assert list(source(store).around_days()) == []
    fill(store, {"_id": "1"})
    assert not source(store).is_empty()
    assert list(source(store).around_days()) == []
