"""Which images go, in which order, and which never."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from niffler_ops.clock import timestamp
from niffler_ops.files import make_private_folder
from niffler_ops.metadata import Featureset, Journal, Reading
from niffler_ops.realtime.deletion import FILES_A_TURN, SERIES_A_TURN, Deletion
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Record, Series, Waiting
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from niffler_ops.metadata.values import Facts

SETTLE = timedelta(minutes=10)


class NoStore:
    """Takes everything."""

    def upsert(self, collection: str, records: object) -> None:
        pass

    def mark(self, _writer: str) -> int:
        return 0

    def set_mark(self, writer: str, number: int, *, instead_of: int) -> None:
        pass


@dataclass
class Bench:
    """A receiver's files, record and journal without its processes."""

    place: Place
    record: Record
    journal: Journal
    clock: FakeClock
    again: list[Path] = field(default_factory=list)
    passed_on: Callable[[Series, bool], bool] = lambda _series, _despite: True
    unread_since: datetime | None = None

    def deletion(self, *, keep: timedelta = timedelta()) -> Deletion:
        return Deletion(
            self.place,
            self.record,
            self.journal,
            self.clock,
            settle=SETTLE,
            keep=keep,
            is_passed_on=self.passed_on,
            again=self.again.append,
            unread_since=lambda: self.unread_since,
        )

    def arrive(self, series: str, number: int, *, study: str = "study", size: int = 10) -> Path:
        """A file that has been read, journaled and put where it waits."""
        path = self.place.storage_folder / study / series / f"{number}.dcm"
        make_private_folder(path.parent)
        path.write_bytes(bytes(size))
        facts: Facts = {
            "SOPInstanceUID": f"{series}.{number}",
            "SeriesInstanceUID": series,
            "StudyInstanceUID": study,
        }
        self.journal.add([Reading(facts=facts, received=self.clock.now())])
        status = path.stat()
        waiting = Waiting(
            path=str(path.relative_to(self.place.storage_folder)),
            study=study,
            series=series,
            size=size,
            received=timestamp(self.clock.now()),
            inode=status.st_ino,
            modified=status.st_mtime_ns,
        )
        with self.record.transaction():
            self.record.add([waiting])
        return path

    def store(self) -> None:
        """All records are in the store."""
        self.journal.flush(NoStore(), [Featureset(name="default", entries=())])  # type: ignore[arg-type]

    def settle(self) -> None:
        self.clock.pass_time(SETTLE.total_seconds() + 1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    place = Place(tmp_path / "received")
    make_private_folder(place.storage_folder)
    for folder in place.folders():
        make_private_folder(folder)
    clock = FakeClock()
    with closing(Record(place.record, clock)) as record, closing(Journal(place.journal, clock)) as journal:
        yield Bench(place, record, journal, clock)


def run(deletion: Deletion) -> None:
    while deletion.busy:
        deletion.advance()


def delete(bench: Bench, *, pressed: bool = False, keep: timedelta = timedelta()) -> None:
    deletion = bench.deletion(keep=keep)
    deletion.begin("Test", pressed=pressed)
    run(deletion)


def test_a_series_goes_with_its_folder_when_it_is_stored_and_settled(bench: Bench) -> None:
    paths = [bench.arrive("series", number) for number in range(3)]
    bench.store()
    delete(bench)
    assert all(path.exists() for path in paths), "not settled"
    bench.settle()
    delete(bench)
    assert not (bench.place.storage_folder / "study").exists()
    assert list(bench.record.series_by_age()) == []


@pytest.mark.parametrize("keep", [timedelta(), timedelta(days=90)])
def test_what_came_while_the_clock_was_far_ahead_goes_all_the_same(bench: Bench, keep: timedelta) -> None:
    bench.clock.pass_time(timedelta(days=3650).total_seconds())
    ahead = bench.arrive("ahead", 1)
    bench.store()
    bench.clock.set_back(timedelta(days=3650).total_seconds())
    right = bench.arrive("right", 1)
    bench.store()
    delete(bench, keep=keep)
    assert (ahead.exists(), right.exists()) == (False, True)
    bench.clock.set_back(3600)  # as an operator corrects a clock
    bench.settle()
    delete(bench)
    assert right.exists()


def test_what_the_store_has_not_acknowledged_stays(bench: Bench) -> None:
    path = bench.arrive("series", 1)
    bench.settle()
    delete(bench, pressed=True)
    assert path.exists()


def test_an_image_of_a_series_that_is_not_stored_again_keeps_the_series(bench: Bench) -> None:
    first = bench.arrive("series", 1)
    bench.store()
    bench.settle()
    bench.arrive("series", 2)
    bench.settle()
    delete(bench)
    assert first.exists()


def test_kept_images_go_before_their_time_only_under_pressure_the_oldest_first(bench: Bench) -> None:
    old = bench.arrive("old", 1)
    bench.settle()
    new = bench.arrive("new", 1)
    bench.store()
    bench.settle()
    delete(bench, keep=timedelta(hours=5))
    assert old.exists()
    deletion = bench.deletion(keep=timedelta(hours=5))
    deletion.begin("Pressure", pressed=True, enough=lambda: not old.exists())
    run(deletion)
    assert not old.exists()
    assert new.exists()


def test_what_was_not_passed_on_stays_and_failures_go_under_pressure(bench: Bench) -> None:
    path = bench.arrive("series", 1)
    bench.store()
    bench.settle()
    bench.passed_on = lambda _series, despite: despite
    delete(bench)
    assert path.exists()
    delete(bench, pressed=True)
    assert not path.exists()


def test_while_files_wait_to_be_read_only_what_was_settled_before_they_came_goes(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    settled = bench.arrive("settled", 1)
    bench.settle()
    partly = bench.arrive("partly", 1)
    bench.clock.pass_time(60)
    bench.unread_since = bench.clock.now()
    bench.store()
    bench.clock.pass_time(timedelta(days=2).total_seconds())
    deletion = bench.deletion()
    for pressed in (False, False, True):
        deletion.begin("Test", pressed=pressed)
        run(deletion)
    assert (settled.exists(), partly.exists()) == (False, True)
    assert caplog.text.count("Images wait to be read") == 1
    bench.unread_since = None
    deletion.begin("Test")
    run(deletion)
    assert not partly.exists()


def test_of_what_is_read_in_time_nothing_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    path = bench.arrive("series", 1)
    bench.store()
    bench.clock.pass_time(SETTLE.total_seconds() - 1)
    bench.unread_since = bench.clock.now()
    bench.clock.pass_time(2)
    delete(bench)
    assert path.exists(), "the unread one may be of this series"
    bench.unread_since = bench.clock.now()
    delete(bench)
    assert not path.exists()
    assert "Images wait to be read" not in caplog.text


def test_a_file_that_was_replaced_after_it_was_read_is_read_again(bench: Bench) -> None:
    path = bench.arrive("series", 1)
    bench.store()
    bench.settle()
    path.unlink()
    path.write_bytes(b"another")
    delete(bench)
    (aside,) = bench.again
    assert aside.read_bytes() == b"another"
    assert aside.parent == bench.place.leaving


def test_a_file_that_somebody_took_away_is_forgotten(bench: Bench) -> None:
    bench.arrive("series", 1).unlink()
    bench.store()
    bench.settle()
    delete(bench)
    assert list(bench.record.series_by_age()) == []


def test_what_waits_to_be_read_again_is_not_overwritten_by_the_next_that_is(bench: Bench) -> None:
    first = bench.arrive("series", 1)
    bench.store()
    bench.settle()
    first.unlink()
    first.write_bytes(b"not read yet")
    delete(bench)
    bench.arrive("other", 1)
    bench.store()
    bench.settle()
    delete(bench)
    assert [aside.read_bytes() for aside in bench.again if aside.exists()] == [b"not read yet"]


def test_an_image_that_comes_while_its_series_goes_stays(bench: Bench) -> None:
    for number in range(FILES_A_TURN + 1):
        bench.arrive("series", number)
    bench.store()
    bench.settle()
    deletion = bench.deletion()
    deletion.begin("Test")
    deletion.advance()
    late = bench.arrive("series", 999)
    run(deletion)
    assert late.exists(), "neither stored nor settled nor passed on"


def test_a_nightly_deletion_is_not_lost_to_one_that_makes_room(bench: Bench) -> None:
    path = bench.arrive("series", 1)
    bench.store()
    bench.settle()
    deletion = bench.deletion()
    deletion.begin("To make room", enough=lambda: True, pressed=True)
    deletion.begin("Nightly deletion")
    run(deletion)
    assert not path.exists()


def test_a_nightly_deletion_is_not_lost_though_room_is_asked_for_again_and_again(bench: Bench) -> None:
    path = bench.arrive("series", 1)
    bench.store()
    bench.settle()
    deletion = bench.deletion()
    for _ in range(2):
        deletion.begin("To make room", enough=lambda: True, pressed=True)
    deletion.begin("Nightly deletion")
    run(deletion)
    assert not path.exists()


def test_rounds_that_are_asked_for_again_and_again_come_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    deletion = bench.deletion()
    for _ in range(5):
        for why in ("To make room", "Nightly deletion"):
            deletion.begin(why)
    run(deletion)
    assert [entry.args[0] for entry in caplog.records if isinstance(entry.args, tuple)] == [
        "To make room",
        "Nightly deletion",
        "To make room",
    ]


def test_that_there_is_nothing_to_make_room_with_is_said_once_an_hour(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.arrive("series", 1)
    bench.settle()
    deletion = bench.deletion()

    def press(times: int) -> int:
        caplog.clear()
        for _ in range(times):
            bench.clock.pass_time(5)
            deletion.begin("To make room", pressed=True)
            run(deletion)
        return len(caplog.records)

    assert press(10) == 1
    bench.clock.pass_time(3600)
    assert press(10) == 1
    bench.store()
    assert press(1) == 1
    assert press(10) == 1


def test_it_looks_at_a_bounded_number_of_series_in_a_turn(bench: Bench) -> None:
    looked: list[Series] = []

    def not_passed_on(series: Series, _despite: bool) -> bool:  # noqa: FBT001 - as Deletion calls it
        looked.append(series)
        return False

    bench.passed_on = not_passed_on
    for number in range(SERIES_A_TURN + 50):
        bench.arrive(f"series{number}", 1)
    bench.store()
    bench.settle()
    deletion = bench.deletion()
    deletion.begin("Test")
    deletion.advance()
    assert len(looked) == SERIES_A_TURN
    run(deletion)
    assert len(looked) == SERIES_A_TURN + 50


def test_it_does_a_bounded_amount_in_a_turn(bench: Bench) -> None:
    paths = [bench.arrive("series", number) for number in range(FILES_A_TURN + 50)]
    bench.store()
    bench.settle()
    deletion = bench.deletion()
    deletion.begin("Test")
    deletion.advance()
    assert sum(path.exists() for path in paths) == 50


def test_times_of_reception_are_compared_as_moments(bench: Bench) -> None:
    bench.arrive("series", 1)
    (series,) = bench.record.series_by_age()
    assert datetime.fromisoformat(series.newest) == bench.clock.now()
