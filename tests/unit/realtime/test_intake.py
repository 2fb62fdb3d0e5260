"""What arrives is read once, whoever dies meanwhile."""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.files import make_private_folder
from niffler_ops.metadata import Journal
from niffler_ops.postprocess.job import Settings
from niffler_ops.realtime import intake
from niffler_ops.realtime.intake import CHUNK, LINGER_SECONDS, Intake
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Record
from tests.support.clock import FakeClock
from tests.support.dicomfiles import encode, image
from tests.unit.realtime.pool import Pool


class Bench:
    """An intake without its processes."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder / "received")
        make_private_folder(self.place.storage_folder)
        for one in self.place.folders():
            make_private_folder(one)
        self.clock = clock = FakeClock()
        self.record = Record(self.place.record, clock)
        self.journal = Journal(self.place.journal, clock)
        self.pool = Pool()
        settings = Settings(
            root=str(self.place.storage_folder),
            output=str(folder / "out"),
            private=str(self.place.private),
            secret=str(self.place.private / "pseudonym.key"),
            options=("RetainFullDates", "RetainDeviceIdentity"),
            store="",
        )
        self.intake = Intake(
            self.place,
            self.record,
            self.journal,
            self.pool,  # type: ignore[arg-type]
            clock,
            settings=settings,
            pattern="{0020000E}/{00080018}.dcm",
        )

    def arrive(self, number: int, content: bytes | None = None) -> Path:
        """A file as storescp leaves it."""
        path = self.place.incoming / "study" / f"{number}.dcm"
        make_private_folder(path.parent)
        part = self.place.incoming / f"{number}.part"
        part.write_bytes(encode(image(SOPInstanceUID=f"1.2.3.{number}")) if content is None else content)
        part.rename(path)
        return path

    def run(self, dies_at: Callable[[str], bool] = lambda _path: False) -> None:
        self.intake.advance(sweep=True)
        while self.intake.unread:
            self.pool.work(dies_at)
            self.clock.pass_time(1)
            self.intake.advance()

    def waiting(self) -> list[str]:
        return sorted(path.name for path in (self.place.storage_folder / "1.2.3").glob("*"))

    def unreadable(self) -> list[Path]:
        folder = self.place.private / "unreadable"
        return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    with closing(made.record), closing(made.journal), closing(made.intake):
        yield made


def test_since_when_files_are_unread_is_asked_of_the_folder(bench: Bench) -> None:
    assert bench.intake.unread_since() is None
    paths = [bench.arrive(number) for number in range(3)]
    for path, seconds in zip(paths, (3000, 1000, 2000), strict=True):
        os.utime(path, (seconds, seconds))
    assert bench.intake.unread_since() == datetime.fromtimestamp(1000, UTC)
    bench.run()
    assert bench.intake.unread_since() is None


def test_what_arrives_is_journaled_and_put_where_it_waits(bench: Bench) -> None:
    for number in range(100):
        bench.arrive(number)
    bench.run()
    assert len(bench.waiting()) == 100
    (series,) = bench.record.series_by_age()
    assert series.files == 100
    state = bench.journal.state(series.series)
    assert state is not None
    assert state.instances == 100
    assert bench.intake.unread == 0
    assert not list((bench.place.incoming / "study").iterdir())


def test_a_few_files_wait_a_moment_for_more_and_many_do_not(bench: Bench) -> None:
    bench.run()

    def is_given(number: int, *, after: float = 0.0) -> bool:
        bench.arrive(number)
        bench.clock.pass_time(after)
        bench.intake.advance()
        given = not bench.pool.idle
        bench.pool.work()
        return given

    assert [is_given(number) for number in range(CHUNK)] == [False] * (CHUNK - 1) + [True]
    assert not is_given(CHUNK)
    assert is_given(CHUNK + 1, after=LINGER_SECONDS)


def test_a_long_queue_is_kept_in_the_folder_and_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_NOTICED", 40)
    for number in range(300):
        bench.arrive(number)
    bench.intake.advance(sweep=True)
    assert bench.intake.unread == 300
    for number in range(300, 310):  # while it is as long as it may be
        bench.arrive(number)
    bench.intake.advance()
    assert bench.intake.unread == 310
    assert len(bench.intake._noticed) <= 40
    bench.run()
    assert len(bench.waiting()) == 310
    assert bench.intake.unread == 0
    with closing(sqlite3.connect(bench.place.record)) as connection:
        counts = dict(connection.execute("SELECT name, number FROM counts"))
    assert (counts["received"], counts["repeated"]) == (310, 0)


def test_a_file_that_was_replaced_while_it_was_read_is_read_again(bench: Bench) -> None:
    bench.arrive(1)
    bench.intake.advance(sweep=True)
    bench.pool.work()
    bench.arrive(1, encode(image(SOPInstanceUID="1.2.3.1", SeriesDescription="anew")))
    bench.run()
    (path,) = (bench.place.storage_folder / "1.2.3").iterdir()
    (series,) = bench.record.series_by_age()
    (kept,) = bench.record.files_of_series(series, limit=10)
    status = path.stat()
    assert (kept.inode, kept.modified) == (status.st_ino, status.st_mtime_ns)


def test_what_cannot_be_read_is_named_and_stays(bench: Bench) -> None:
    bench.arrive(1, b"nonsense")
    bench.arrive(2, encode(image(SOPInstanceUID=None)))
    bench.arrive(3)
    bench.run()
    assert len(bench.unreadable()) == 2
    assert bench.record.unreadable() == 2
    assert bench.waiting() == ["1.2.3.3.dcm"]


def test_what_cannot_be_read_is_named_by_nothing_that_file_path_took_from_a_header(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.arrive(1)
    bench.run()
    (filed,) = (bench.place.storage_folder / "1.2.3").iterdir()
    filed.write_bytes(b"nonsense")
    bench.intake.again(filed)
    bench.run()
    nested = bench.place.incoming / "again" / "1.2.3" / "1.2.3.2.dcm"
    make_private_folder(nested.parent)
    nested.write_bytes(b"nonsense")
    (bench.place.incoming / ("x" * 250)).write_bytes(b"nonsense")
    bench.run()
    assert bench.record.unreadable() == len(bench.unreadable()) == 3
    told = caplog.text + "".join(path.name for path in bench.unreadable())
    assert "1.2.3" not in told


def test_names_that_somebody_chose_are_not_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    own = staging_name("1.2.3")
    for name in (b"SMITH^JANE", b"SMITH^JOHN/MRN123.dcm", b"x/IMG\xe9.bin", f"{own}/{own}.dcm".encode()):
        path = bench.place.incoming / os.fsdecode(name)
        make_private_folder(path.parent)
        path.write_bytes(b"nonsense")
    bench.run()
    names = [path.name.rsplit("-", 1)[0] for path in bench.unreadable()]
    assert len(names) == bench.record.unreadable() == 4
    assert f"{own}-{own}.dcm" in names
    told = caplog.text + "".join(names)
    assert not re.search("SMITH|MRN123|IMG", told)


def test_what_waits_to_be_read_waits_since_it_was_received(bench: Bench) -> None:
    assert bench.intake.waits_since() is None
    path = bench.arrive(1)
    os.utime(path, (1000, 1000))
    bench.intake.advance(sweep=True)
    assert bench.intake.waits_since() == datetime.fromtimestamp(1000, UTC)
    bench.run()
    assert bench.intake.waits_since() is None


def test_what_could_not_be_read_and_was_taken_away_is_forgotten(bench: Bench) -> None:
    for number in (1, 2):
        bench.arrive(number, b"nonsense")
    bench.run()
    bench.unreadable()[0].unlink()
    bench.intake.forget_taken_away()
    assert bench.record.unreadable() == 1


@pytest.mark.parametrize("step", ["journaled", "recorded"])
def test_what_was_being_taken_in_when_it_died_counts_once(
    bench: Bench, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIFFLER_FAILPOINT", f"{step}:1:EIO")
    for number in range(3):
        bench.arrive(number)
    with pytest.raises(OSError, match="error"):
        bench.run()
    monkeypatch.delenv("NIFFLER_FAILPOINT")
    bench.run()
    bench.arrive(2, encode(image(SOPInstanceUID="1.2.3.2", SeriesDescription="anew")))
    bench.run()
    with closing(sqlite3.connect(bench.place.record)) as connection:
        counts = dict(connection.execute("SELECT name, number FROM counts"))
    assert (counts["received"], counts["repeated"]) == (3, 1)
    assert [source["instances"] for source in bench.record.sources()] == [4]


def test_only_the_file_at_which_readers_die_is_left_out(bench: Bench) -> None:
    for number in range(40):
        bench.arrive(number)
    bench.run(dies_at=lambda path: path.endswith("/17.dcm"))
    assert len(bench.unreadable()) == 1
    assert len(bench.waiting()) == 39


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SeriesDescription", b"\xff\xfe\x80\\\0"),
        ("SeriesInstanceUID", b"\xff\xfe\x80\\\0"),
        ("PatientID", b".niffler/../.."),
        ("InstanceNumber", b"9" * 40),
        ("SliceThickness", b"1e999"),
        ("AcquisitionDate", b"\xff" * 8),
    ],
)
def test_no_header_stops_it_or_leads_out_of_the_folder(bench: Bench, keyword: str, value: bytes) -> None:
    place = "7" * len(value)
    dataset = image(SOPInstanceUID="1.2.3.1")
    with pydicom.config.disable_value_validation():
        setattr(dataset, keyword, place)
        content = encode(dataset)
    bench.arrive(1, content.replace(place.encode(), value))
    bench.run()
    below = bench.place.storage_folder.resolve()
    (path,) = [*below.rglob("*1.dcm"), *bench.unreadable()]
    assert path.resolve().is_relative_to(below)
    assert bench.intake.unread == 0
