"""New work begins by night where that is asked for, and while there is room on the disks."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from niffler_ops.stages.gate import Gate
from tests.support.stages import Bench, bench, configuration


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def gate(place: Bench, **keys: object) -> Gate:
    return Gate(configuration(place.folder, **keys), place.layout, place.clock)


def closed_hours(place: Bench, *, further: int = 0) -> dict[str, object]:
    """A window that opens in an hour, or later."""
    hour = place.clock.now().astimezone().hour
    start = (hour + 1 + further) % 24
    return {"NightlyOnly": "True", "StartHour": start, "EndHour": (start + 1) % 24}


def pass_hours(place: Bench, hours: int) -> None:
    place.clock.pass_time(timedelta(hours=hours).total_seconds())


def test_it_is_open_without_a_window(place: Bench) -> None:
    made = gate(place)
    assert not made.advance()
    assert made.is_open
    assert not made.ends_what_runs


def test_outside_the_window_it_is_closed_says_until_when_and_opens_by_itself(place: Bench) -> None:
    made = gate(place, **closed_hours(place, further=2))
    assert made.advance()
    assert made.pause is not None
    assert made.pause.until is not None
    assert f"{made.pause.until:%H:%M}" in made.pause.reason
    place.clock.pass_time(10)
    assert not made.advance()
    pass_hours(place, 3)
    assert made.advance()
    assert made.is_open


def test_what_runs_when_the_night_ends_has_its_grace(place: Bench) -> None:
    made = gate(place, PauseGrace=60, **closed_hours(place))
    made.advance()
    assert not made.ends_what_runs
    place.clock.pass_time(61)
    assert made.ends_what_runs


def test_a_window_of_equal_hours_is_always_open(place: Bench) -> None:
    made = gate(place, NightlyOnly=True, StartHour=5, EndHour=5)
    for _ in range(48):
        made.advance()
        assert made.is_open
        pass_hours(place, 1)


def test_a_full_disk_closes_it_at_once_and_a_little_room_more_opens_it(
    place: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(place.folder)
    free = [50]

    def statvfs(_path: object) -> os.statvfs_result:
        values = list(real)
        values[1], values[2], values[4] = 10**6, 1000, free[0]  # f_frsize, f_blocks, f_bavail
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", statvfs)
    made = gate(place, MinFreeDisk="100 MB")
    seen = []
    for now_free in (99, 101, 104, 106, 100, 99):
        free[0] = now_free
        place.clock.pass_time(2)
        made.advance()
        seen.append(made.is_open)
        assert made.ends_what_runs is not made.is_open
    assert seen == [False, False, False, True, True, False]
    assert made.pause is not None
    assert "0.1 GB (MinFreeDisk)" in made.pause.reason


def test_a_share_of_the_disk_is_a_limit_too(place: Bench) -> None:
    assert not _opens(gate(place, MinFreeDisk="90%"))
    assert _opens(gate(place, MinFreeDisk="0%"))
    assert not _opens(gate(place, MinFreeDisk=10**9))


def _opens(made: Gate) -> bool:
    made.advance()
    return made.is_open
