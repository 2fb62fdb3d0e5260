"""When an instance was acquired: as its device's clock had it."""

import pytest

from niffler_ops.metadata.acquisition import acquired
from niffler_ops.metadata.values import Facts

SERIES: Facts = {"SeriesDate": "20240301", "SeriesTime": "080000"}
CONTENT: Facts = {"ContentDate": "20240301", "ContentTime": "090000.5"}
ACQUISITION: Facts = {"AcquisitionDate": "20240301", "AcquisitionTime": "101530.123456"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (SERIES, "2024-03-01T08:00:00.000"),
        (SERIES | CONTENT, "2024-03-01T09:00:00.500"),
        (SERIES | CONTENT | ACQUISITION, "2024-03-01T10:15:30.123"),
        (ACQUISITION | {"AcquisitionDateTime": "20240301111500"}, "2024-03-01T11:15:00.000"),
        # What is not whole is passed over.
        (CONTENT | {"AcquisitionDate": "20240301"}, "2024-03-01T09:00:00.500"),
        (CONTENT | {"AcquisitionTime": "101500"}, "2024-03-01T09:00:00.500"),
        (ACQUISITION | {"AcquisitionDateTime": "20240301"}, "2024-03-01T10:15:30.123"),
        (ACQUISITION | {"AcquisitionDateTime": "garbage"}, "2024-03-01T10:15:30.123"),
        (ACQUISITION | {"AcquisitionTime": "995900"}, None),
        (ACQUISITION | {"AcquisitionTime": ["101500", "101600"]}, None),
        # Old forms, and a leap second.
        ({"AcquisitionDate": "2024.03.01", "AcquisitionTime": "10:15:30"}, "2024-03-01T10:15:30.000"),
        ({"AcquisitionDate": "20161231", "AcquisitionTime": "235960"}, "2017-01-01T00:00:00.000"),
        ({"AcquisitionDate": "20240301", "AcquisitionTime": "10"}, "2024-03-01T10:00:00.000"),
        # The wall time stays, unless all other times are in another zone.
        ({"AcquisitionDateTime": "20240301101500+0100"}, "2024-03-01T10:15:00.000"),
        (
            {"AcquisitionDateTime": "20240301101500+0000", "TimezoneOffsetFromUTC": "+0100"},
            "2024-03-01T11:15:00.000",
        ),
        (
            {"AcquisitionDateTime": "20240301001500-0130", "TimezoneOffsetFromUTC": "-0500"},
            "2024-02-29T20:45:00.000",
        ),
        (
            {"AcquisitionDateTime": "20240301101500", "TimezoneOffsetFromUTC": "+0100"},
            "2024-03-01T10:15:00.000",
        ),
        (
            {"AcquisitionDateTime": "20240301101500+0100", "TimezoneOffsetFromUTC": "CET"},
            "2024-03-01T10:15:00.000",
        ),
        # Dates that were replaced by dummies tell nothing; moved ones do.
        (ACQUISITION | {"LongitudinalTemporalInformationModified": "REMOVED"}, None),
        (SERIES | {"LongitudinalTemporalInformationModified": "MODIFIED"}, "2024-03-01T08:00:00.000"),
        ({}, None),
    ],
)
def test_the_first_moment_that_is_whole(facts: Facts, expected: str | None) -> None:
    assert acquired(facts) == expected
