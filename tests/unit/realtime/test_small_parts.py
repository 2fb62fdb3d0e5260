"""The nightly hour, what systemd is told, what is asked of a running receiver, and what is noticed."""

import errno
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from inotify_simple import Event, flags

from niffler_ops.realtime import ballast
from niffler_ops.realtime.control import answer, ask, clear, pending
from niffler_ops.realtime.noticing import Noticing, oldest_in
from niffler_ops.realtime.notify import Notify
from niffler_ops.realtime.parts import remove_left
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.timetable import Timetable
from tests.support.clock import FakeClock

HOUR = 3600


@pytest.fixture
def berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def local_hours(clock: FakeClock, timetable: Timetable, days: int) -> list[str]:
    """When the hour came, looked at each minute."""
    rung = []
    for _ in range(days * 24 * 60):
        clock.pass_time(60)
        if timetable.is_due():
            rung.append(clock.now().astimezone().strftime("%m-%d %H:%M"))
    return rung


@pytest.mark.usefixtures("berlin")
def test_it_rings_once_a_night_at_the_local_hour() -> None:
    clock = FakeClock()
    timetable = Timetable(23, clock)
    assert not timetable.is_due()
    assert timetable.next_run() == "2024-03-01T23:00:00+01:00"
    assert local_hours(clock, timetable, 3) == ["03-01 23:00", "03-02 23:00", "03-03 23:00"]


@pytest.mark.usefixtures("berlin")
def test_it_rings_once_in_the_nights_in_which_clocks_are_changed() -> None:
    clock = FakeClock()
    clock.pass_time((datetime(2024, 3, 30, 12, tzinfo=UTC) - clock.now()).total_seconds())
    timetable = Timetable(2, clock)
    days = [rung[:5] for rung in local_hours(clock, timetable, 3)]
    assert days == ["03-31", "04-01", "04-02"]
    clock.pass_time((datetime(2024, 10, 26, 12, tzinfo=UTC) - clock.now()).total_seconds())
    timetable = Timetable(2, clock)
    days = [rung[:5] for rung in local_hours(clock, timetable, 3)]
    assert days == ["10-27", "10-28", "10-29"]


def test_hours_that_were_slept_through_ring_once() -> None:
    clock = FakeClock()
    timetable = Timetable(23, clock)
    clock.pass_time(50 * HOUR)
    assert timetable.is_due()
    assert not timetable.is_due()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("hours_ago", "is_due"),
    [(0.5, False), (12, False), (14, True), (24 * 400, True)],  # it is 13 o'clock there, the hour is 0
)
def test_an_hour_that_came_while_nobody_was_there_is_made_up_for_once(hours_ago: float, is_due: bool) -> None:  # noqa: FBT001 - a table
    clock = FakeClock()
    timetable = Timetable(0, clock, clock.now() - timedelta(hours=hours_ago))
    assert timetable.is_due() is is_due
    assert not timetable.is_due()
    assert timetable.next_run() == "2024-03-02T00:00:00+01:00"


def test_a_clock_that_is_set_back_does_not_silence_it_for_long() -> None:
    clock = FakeClock()
    timetable = Timetable(23, clock)
    clock.pass_time(24 * HOUR)
    assert timetable.is_due()
    clock.set_back(timedelta(days=30).total_seconds())
    clock.pass_time(25 * HOUR)
    assert timetable.is_due()


def test_a_name_without_a_file_is_told_too() -> None:
    name = f"\0niffler-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(name)
        clock = FakeClock()
        notify = Notify(clock, {"NOTIFY_SOCKET": f"@{name[1:]}", "WATCHDOG_USEC": "10000000"})
        notify.ready()
        assert channel.recv(100) == b"READY=1"
        for _ in range(11):
            notify.alive()
            clock.pass_time(1)
        notify.stopping()
        told = list(iter(lambda: channel.recv(100), b"STOPPING=1"))
        assert told == [b"WATCHDOG=1"] * 3


def test_that_it_is_ready_is_told_until_it_is_taken(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    notify = Notify(FakeClock(), {"NOTIFY_SOCKET": str(address)})
    notify.ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.settimeout(1)
        notify.ready()
        notify.ready()
        notify.stopping()
        assert [channel.recv(100), channel.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_nobody_is_told_without_a_socket_or_when_it_has_gone(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1"}):
        notify = Notify(FakeClock(), environment)
        notify.ready()
        notify.alive()
        notify.stopping()


def test_whoever_asks_gets_the_status_and_leaves_nothing(tmp_path: Path) -> None:
    found: list[int | None] = []
    asking = threading.Thread(
        target=lambda: found.append(ask(tmp_path, seconds=10, is_alive=lambda: True)), daemon=True
    )
    asking.start()
    while not (requests := pending(tmp_path)):
        time.sleep(0.01)
    answer(requests[0], 3)
    assert pending(tmp_path) == []
    asking.join()
    assert found == [3]
    assert list(tmp_path.iterdir()) == []


def test_whoever_asked_one_that_has_begun_anew_is_told_so(tmp_path: Path) -> None:
    found: list[int | None] = []
    asking = threading.Thread(
        target=lambda: found.append(ask(tmp_path, seconds=10, is_alive=lambda: True)), daemon=True
    )
    asking.start()
    while not pending(tmp_path):
        time.sleep(0.01)
    clear(tmp_path)
    asking.join(5)
    assert found == [None]


def test_whoever_asks_and_gets_no_answer_is_told_so(tmp_path: Path) -> None:
    assert ask(tmp_path, seconds=0, is_alive=lambda: True) is None
    assert ask(tmp_path, seconds=10, is_alive=lambda: False) is None
    assert list(tmp_path.iterdir()) == []
    answer(tmp_path / "sweep-1.asked", 0)
    assert list(tmp_path.iterdir()) == [], "nobody waits for it"


@pytest.fixture
def noticed(tmp_path: Path) -> Iterator[Noticing]:
    with closing(Noticing(tmp_path)) as made:
        list(made.look(0.0))
        yield made


def test_files_are_noticed_as_they_come_in_folders_old_and_new(tmp_path: Path, noticed: Noticing) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(b"")
    assert str(tmp_path / "a" / "1.dcm") in set(noticed.look(1.0))
    (tmp_path / "2.part").write_bytes(b"")
    assert set(noticed.look(1.0)) == set()
    (tmp_path / "2.part").rename(tmp_path / "a" / "2.dcm")
    assert set(noticed.look(1.0)) == {str(tmp_path / "a" / "2.dcm")}
    assert set(noticed.look(1.0)) == set()
    assert len(set(noticed.look(100.0))) == 2, "the sweep finds what was missed"


def test_the_sweep_finds_what_somebody_put_there_under_any_name_and_however_deep(
    tmp_path: Path, noticed: Noticing
) -> None:
    tree = tmp_path / "again" / "patient" / "study"
    tree.mkdir(parents=True)
    put = {tmp_path / "in-the-root", tmp_path / "again" / "1.2.3", tree / "4.dcm"}
    for path in (*put, tmp_path / "half.part", tree / "half.part"):
        path.write_bytes(b"")
    (tmp_path / "again" / "nowhere").symlink_to(tmp_path / "missing")
    assert set(noticed.look(100.0)) == {str(path) for path in put}
    oldest = tree / "4.dcm"
    os.utime(oldest, (1000, 1000))
    assert oldest_in(tmp_path) == 1000


def test_folders_in_folders_go_as_well_once_they_are_empty(tmp_path: Path, noticed: Noticing) -> None:
    inner = tmp_path / "again" / "patient"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        os.utime(folder, (1, 1))
    list(noticed.look(100.0))
    os.utime(inner.parent, (1, 1))  # it has just changed
    list(noticed.look(200.0))
    assert not inner.parent.exists()


def test_a_folder_that_nothing_came_into_for_long_goes(tmp_path: Path, noticed: Noticing) -> None:
    for name in ("old", "new", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "1.dcm").write_bytes(b"")
    for name in ("old", "full"):
        os.utime(tmp_path / name, (1, 1))
    list(noticed.look(100.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "new"]
    list(noticed.look(101.0))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "1.dcm").write_bytes(b"")
    assert str(tmp_path / "old" / "1.dcm") in set(noticed.look(102.0))


def test_events_that_were_too_many_are_made_good(
    tmp_path: Path, noticed: Noticing, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(b"")
    event = Event(wd=-1, mask=flags.Q_OVERFLOW, cookie=0, name="")
    monkeypatch.setattr(noticed._inotify, "read", lambda timeout: [event])  # noqa: ARG005
    assert set(noticed.look(1.0)) == {str(tmp_path / "a" / "1.dcm")}


def test_without_watches_left_the_sweep_still_finds_what_came(
    tmp_path: Path, noticed: Noticing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_path: object, _mask: object) -> int:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(noticed._inotify, "add_watch", none_left)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(b"")
    assert str(tmp_path / "a" / "1.dcm") in set(noticed.look(100.0))


def test_what_a_killed_storescp_was_writing_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    left, written, young = (tmp_path / f"{name}.part" for name in ("left", "written", "young"))
    for path in (left, written, young):
        path.write_bytes(b"half")
    with written.open("ab") as stream, subprocess.Popen(["sleep", "60"], stdout=stream) as writer:
        for path in (left, written):
            os.utime(path, (1, 1))
        remove_left(tmp_path)
        assert sorted(path.stem for path in tmp_path.iterdir()) == ["written", "young"]
        writer.kill()
    remove_left(tmp_path)
    assert [path.stem for path in tmp_path.iterdir()] == ["young"]


def test_room_is_held_back_and_given_up_only_where_there_is_hardly_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    place.private.mkdir()
    ballast.hold_back(place)
    assert place.ballast.stat().st_blocks * 512 >= ballast.BALLAST_BYTES
    ballast.give_up(place)
    assert place.ballast.exists()
    monkeypatch.setattr(ballast, "free_bytes", lambda _place: ballast.BALLAST_BYTES - 1)
    ballast.give_up(place)
    ballast.hold_back(place)
    assert not place.ballast.exists()
