"""Which scanners there are, also from several tables, and what is odd about their names."""

import pandas as pd

from niffler_ops.insight import Census, scanners, series_table
from tests.unit.insight.series import record


def test_one_line_for_each_device() -> None:
    records = [
        record(0, 1, received=5, SoftwareVersions=["VE11", "B"]),
        record(
            0,
            1,
            received=90,
            StudyInstanceUID="2",
            image_types=["DERIVED\\SECONDARY"],
            SoftwareVersions="VE12",
        ),
        record(0, 1, received=9, DeviceSerialNumber="2", StationName="MR1", Modality="MR", instances=7),
    ]
    table = scanners(series_table(records))
    assert table.columns[:11].tolist() == [
        *("device_serial_number", "manufacturer", "model", "station_name", "modality", "software"),
        *("first_seen", "last_seen", "studies", "series", "instances"),
    ]
    first, second = table.to_dict("records")
    assert (first["studies"], first["series"], first["instances"]) == (2, 2, 20)
    assert first["software"] == "B\\VE11\\VE12"
    assert [str(first[name]) for name in ("first_seen", "last_seen")] == [
        "2026-03-04 00:05:00",
        "2026-03-04 01:30:00",
    ]
    assert (second["station_name"], second["instances"], second["note"]) == ("MR1", 7, "")


def test_several_tables_give_what_one_gives() -> None:
    records = [
        record(0, 1, received=number, StudyInstanceUID=f"2.{number // 3}", DeviceSerialNumber=str(number % 2))
        for number in range(20)
    ]
    census = Census()
    for start in range(0, 20, 6):
        census.add(series_table(records[start : start + 6]))
    pd.testing.assert_frame_equal(census.table(), scanners(series_table(records)))


def test_odd_names_are_noted() -> None:
    records = [
        record(0, 1),
        record(0, 1, StationName="CT2", ManufacturerModelName="Other"),
        record(0, 1, DeviceSerialNumber="2", StationName="CT2"),
        record(0, 1, DeviceSerialNumber=None, StationName="CT3"),
    ]
    table = scanners(series_table(records)).set_index("device_serial_number")
    assert table.loc["1", "note"] == "2 station names; 2 models; CT2 is the name of 2 devices"
    assert table.loc["2", "note"] == "CT2 is the name of 2 devices"
    assert table.loc["", "note"] == "no serial number"


def test_nothing_has_no_scanners() -> None:
    assert scanners(series_table([])).empty
    assert Census().is_empty()
