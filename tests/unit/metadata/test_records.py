"""One record for a series: what its instances share, where they differ, in whatever order they come."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.metadata import EVERYTHING, Facts, parse_featureset, series_record, series_records
from niffler_ops.metadata.folding import MOST_DISTINCT, Fold

FEATURES = parse_featureset("mr", "EchoTime\nImagePositionPatient\nRequestAttributesSequence\nProtocolName")


def instance(number: int, **further: Any) -> Facts:
    """What was read of an instance of one series."""
    made: dict[str, Any] = {
        "SOPInstanceUID": f"2.25.1.{number}",
        "SeriesInstanceUID": "2.25.1",
        "StudyInstanceUID": "2.25.0",
        "PatientID": "QX7R",
        "Modality": "MR",
        "InstanceNumber": number,
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "AcquisitionDate": "20240301",
        "AcquisitionTime": f"{10 + number // 60:02d}{number % 60:02d}00",
    }
    return made | further


def test_what_a_record_says_by_itself() -> None:
    record = series_record(
        [instance(2), instance(1), instance(3, ImageType=["DERIVED", "SECONDARY"])], FEATURES
    )
    assert record == {
        "_id": "2.25.1",
        "SeriesInstanceUID": "2.25.1",
        "StudyInstanceUID": "2.25.0",
        "PatientID": "QX7R",
        "Modality": "MR",
        "first_acquisition": "2024-03-01T10:01:00.000",
        "last_acquisition": "2024-03-01T10:03:00.000",
        "instances": 3,
        "image_types": ["DERIVED\\SECONDARY", "ORIGINAL\\PRIMARY"],
    }


def test_an_attribute_that_differs_is_that_of_the_first_instance_and_all_values_are_listed() -> None:
    record = series_record([instance(3, EchoTime=30.0), instance(1, EchoTime=90.0), instance(2)], FEATURES)
    assert record["EchoTime"] == 90.0
    assert record["varying"] == {"EchoTime": [30.0, 90.0]}


def test_an_attribute_that_some_instances_lack_does_not_differ() -> None:
    record = series_record([instance(1), instance(2, EchoTime=30.0)], FEATURES)
    assert record["EchoTime"] == 30.0
    assert "varying" not in record


def test_several_values_are_listed_as_dicom_writes_them() -> None:
    positions = [[0.0, 0.5, None], [0.0, 1.5, 2.0]]
    record = series_record(
        [instance(number, ImagePositionPatient=value) for number, value in enumerate(positions)], FEATURES
    )
    assert record["ImagePositionPatient"] == positions[0]
    assert record["varying"] == {"ImagePositionPatient": ["0.0\\0.5\\", "0.0\\1.5\\2.0"]}


def test_too_many_or_too_long_values_are_only_named() -> None:
    many = [instance(number, EchoTime=float(number)) for number in range(MOST_DISTINCT + 1)]
    assert series_record(many, FEATURES)["varying"] == {"EchoTime": []}
    assert len(series_record(many[1:], FEATURES)["varying"]["EchoTime"]) == MOST_DISTINCT  # type: ignore[index, call-overload, arg-type]
    long = [instance(number, ProtocolName="x" * 70 + str(number)) for number in range(2)]
    assert series_record(long, FEATURES)["varying"] == {"ProtocolName": []}


def test_an_instance_that_comes_twice_counts_once_and_as_it_came_last() -> None:
    record = series_record([instance(1, EchoTime=1.0), instance(1, EchoTime=2.0)], FEATURES)
    assert (record["instances"], record["EchoTime"]) == (1, 2.0)
    assert "varying" not in record


def test_everything_is_every_attribute() -> None:
    record = series_record([instance(1, SAR=0.5, left_out=["ContourData"])], EVERYTHING)
    assert record["SAR"] == 0.5
    assert record["left_out"] == ["ContourData"]
    assert series_record([instance(1, left_out=["ContourData"])], FEATURES)["left_out"] == ["ContourData"]


def test_a_series_without_times_has_no_moments() -> None:
    facts = instance(1)
    del facts["AcquisitionTime"]
    assert not [name for name in series_record([facts], FEATURES) if name.endswith("_acquisition")]


def test_several_series_become_several_records() -> None:
    other = instance(1) | {"SeriesInstanceUID": "2.25.2", "SOPInstanceUID": "2.25.2.1"}
    assert [record["_id"] for record in series_records([instance(1), other, instance(2)], FEATURES)] == [
        "2.25.1",
        "2.25.2",
    ]
    with pytest.raises(ValueError, match="one series"):
        series_record([instance(1), other], FEATURES)
    with pytest.raises(ValueError, match="one series"):
        series_record([], FEATURES)


VALUES = st.one_of(
    st.floats(0, 3).map(lambda number: round(number, 1)),
    st.sampled_from(["", "HEAD", "CHEST", "x" * 80, "x" * 81]),
    st.lists(st.sampled_from([1.0, 2.0, None]), min_size=2, max_size=3),
    st.just([{"CodeValue": "1"}]),
)


@given(
    instances=st.lists(
        st.tuples(st.integers(0, 200), st.dictionaries(st.sampled_from(FEATURES.names), VALUES))
    ),
    received=st.lists(
        st.sampled_from(["2024-03-01T10:00:00.000+00:00", "2024-03-02T10:00:00.000+00:00"]), min_size=1
    ),
    data=st.data(),
)
def test_the_order_of_instances_and_keeping_them_folded_change_nothing(
    instances: list[tuple[int, dict[str, Any]]], received: list[str], data: st.DataObject
) -> None:
    distinct = [instance(number, **further) for number, further in dict(instances).items()] or [instance(1)]
    times = [received[place % len(received)] for place in range(len(distinct))]
    pairs = list(zip(distinct, times, strict=True))
    first, second = Fold(), Fold()
    for facts, time in pairs:
        first.add(facts, time)
    for facts, time in data.draw(st.permutations(pairs)):
        second.add(facts, time)
        second = Fold(second.state())
    assert first.record(FEATURES) == second.record(FEATURES)
    assert json.loads(json.dumps(first.record(EVERYTHING), allow_nan=False)) == second.record(EVERYTHING)
