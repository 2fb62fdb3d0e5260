"""Each file is read, whatever happens to readers; only one that they die at is named."""

from pathlib import Path
from typing import Any

import pytest

from niffler_ops.postprocess.job import Settings
from niffler_ops.realtime import readers
from niffler_ops.realtime.readers import HANGING_SECONDS, MOST_CHUNKS, UNABLE_SECONDS, Readers
from niffler_ops.realtime.reading import Arrival
from tests.support.clock import FakeClock
from tests.unit.realtime.pool import Pool

SETTINGS = Settings(root="", output="", private="", secret="", options=(), store="")


class Bench:
    """Files that are read by their name alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.pool = Pool()
        self.readers = Readers(self.pool, self.clock, settings=SETTINGS, pattern="")  # type: ignore[arg-type]
        self.read: list[str] = []
        self.unreadable: list[str] = []

    def give(self, *names: str) -> None:
        for name in names:
            (self.folder / name).touch()
        self.readers.give([str(self.folder / name) for name in names])

    def turn(self, *, dies_at: str = "", hangs_at: str = "") -> None:
        self.readers.advance()
        given = [Path(path).name for _, arguments, *_ in self.pool.given for path in arguments[0]]
        if not hangs_at or hangs_at not in given:
            self.pool.work(lambda path: bool(dies_at) and path.endswith(dies_at))
        for arrival in self.readers.taken():
            (self.unreadable if arrival.reason else self.read).append(Path(arrival.path).name)
        self.clock.pass_time(1)

    def run(self, *, dies_at: str = "") -> None:
        for _ in range(100):
            if not self.readers.unread:
                return
            self.turn(dies_at=dies_at)
        raise AssertionError("it comes to no end")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    def read_arrivals(paths: list[str], *_further: Any) -> list[Arrival]:
        return [Arrival(path=path, size=0, inode=0, modified_ns=0, received="", source="") for path in paths]

    monkeypatch.setattr(readers, "read_arrivals", read_arrivals)
    return Bench(tmp_path)


def test_what_is_given_is_read_and_taken_once(bench: Bench) -> None:
    bench.give("a", "b")
    assert (bench.readers.unread, str(bench.folder / "a") in bench.readers) == (2, True)
    bench.run()
    assert (bench.read, bench.unreadable) == (["a", "b"], [])
    assert str(bench.folder / "a") not in bench.readers
    assert bench.readers.taken() == []


def test_only_the_file_that_readers_die_at_is_left_out(bench: Bench) -> None:
    bench.give("a", "b")
    bench.give("c", "deadly", "d")  # what other readers had is lost as well
    bench.give("e")
    bench.run(dies_at="deadly")
    assert (sorted(bench.read), bench.unreadable) == (["a", "b", "c", "d", "e"], ["deadly"])


def test_a_file_that_a_reader_died_at_and_that_is_read_then_begins_anew(bench: Bench) -> None:
    for _ in range(3):  # as it comes again and again, over years
        bench.give("unlucky")
        bench.turn(dies_at="unlucky")
        bench.run()
    assert (bench.read, bench.unreadable) == (["unlucky"] * 3, [])


def test_one_that_has_gone_meanwhile_is_nobodys_death(bench: Bench) -> None:
    bench.give("gone")
    bench.turn(dies_at="gone")
    (bench.folder / "gone").unlink()
    bench.run(dies_at="gone")
    assert (bench.read, bench.unreadable) == ([], [])


def test_while_suspects_are_read_one_by_one_nothing_else_is_taken(bench: Bench) -> None:
    for number in range(MOST_CHUNKS):
        assert bench.readers.has_room
        bench.give(f"{number}", f"{number}b")
    assert not bench.readers.has_room
    bench.turn(dies_at="3b")
    while bench.readers.unread:
        assert bench.readers.unread == 1 or not bench.readers.has_room
        bench.turn()
    assert len(bench.read) == 2 * MOST_CHUNKS
    assert bench.readers.has_room


def test_files_wait_while_no_reader_can_be_started(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.give("a", "b")
    for _ in range(60):
        bench.pool.fail()
        bench.readers.advance()
        bench.clock.pass_time(1)
    assert (bench.readers.unread, bench.readers.taken()) == (2, [])
    assert not bench.readers.has_room
    bench.clock.pass_time(UNABLE_SECONDS)
    bench.run()
    assert (sorted(bench.read), bench.unreadable) == (["a", "b"], [])
    assert caplog.text.count("Readers cannot be started") == 1


def test_a_reader_that_hangs_is_ended_and_the_file_at_which_it_does_so_twice_is_named(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.give("a", "hangs", "b")
    turns = 0
    while bench.readers.unread:
        bench.turn(hangs_at="hangs")
        turns += 1
    assert (sorted(bench.read), bench.unreadable) == (["a", "b"], ["hangs"])
    assert turns < 4 * HANGING_SECONDS
    assert caplog.text.count("does not come back") == 3
