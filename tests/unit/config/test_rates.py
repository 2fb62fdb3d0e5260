"""A limit by hour of day."""

from typing import Any

import pytest

from niffler_ops.config.rates import Hourly

KIND = Hourly(0.1, 1000, "instances a second")


@pytest.mark.parametrize(
    ("value", "limits", "text"),
    [
        (50, {0: 50, 12: 50, 23: 50}, "50"),
        ("2.5", {0: 2.5, 23: 2.5}, "2.5"),
        ({"7-19": 20, "19-7": 200}, {6: 200, 7: 20, 18: 20, 19: 200, 0: 200}, "7-19: 20, 19-7: 200"),
        ("7-19: 20, 19-7: 200", {6: 200, 7: 20, 18: 20, 19: 200}, "7-19: 20, 19-7: 200"),
        ({"08-17": "20"}, {7: None, 8: 20, 16: 20, 17: None}, "8-17: 20"),
        ({"22-24": 1, "0-2": 1}, {21: None, 22: 1, 23: 1, 1: 1, 2: None}, "22-2: 1"),
        ({"0-24": 3}, {0: 3, 23: 3}, "3"),
    ],
)
def test_each_form_gives_a_limit_for_each_hour(value: Any, limits: dict[int, float], text: str) -> None:
    read = KIND.read(value)
    assert {hour: read.at(hour) for hour in limits} == limits
    assert str(read) == text
    assert KIND.read(str(read)) == read


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "x",
        True,
        [],
        {},
        {"7-7": 1},
        {"7": 1},
        {"7-25": 1},
        {"7-9": 0},
        {"7-9": 1, "8-10": 2},
        ":",
        "7-9:",
    ],
)
def test_what_is_none_of_them_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="hours that are not named have no limit"):
        KIND.read(value)
