"""What arrives in staging is noticed, read once and recorded; what does not belong there is set aside."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.dicomtools.storescp import short_name, staging_name
from niffler_ops.files import make_private_folder
from niffler_ops.processes.launcher import Launcher
from niffler_ops.processes.workers import Workers
from niffler_ops.stages.arrivals import Arrivals
from niffler_ops.stages.filing import FilingStage
from niffler_ops.states import StudyState
from tests.support.dicomfiles import encode, image
from tests.support.stages import Bench, bench


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Launcher, Workers]]:
    launcher = Launcher()
    workers = Workers(1, launcher.post)
    yield launcher, workers
    workers.stop()


class Arriving:
    """A bench with its stage; results of the readers come on a launcher of their own."""

    def __init__(self, made: Bench, readers: tuple[Launcher, Workers]) -> None:
        self.bench = made
        self.readers = readers
        self.stage = Arrivals(made.place, readers[1], made.progress, made.unqueried)

    def settle(self) -> None:
        """Go on until all that is in staging is recorded."""
        self.bench.clock.pass_time(60)
        self.stage.advance()

        def read() -> bool:
            self.readers[0].dispatch(0.01)
            self.stage.advance()
            return self.bench.progress.all_read()

        self.bench.dispatch_until(read, "the readers")

    def received(self, uid: str = "1.1") -> list[str]:
        files = self.bench.ledger.instances.of_study(self.bench.study(uid).id)
        return [file.sop_instance_uid for file in files if file.state == "received"]

    def set_aside(self) -> int:
        number = len(list(self.bench.layout.unexpected.iterdir()))
        assert self.bench.ledger.tallies()["unexpected", "files"] == number
        return number


@pytest.fixture
def arriving(tmp_path: Path, readers: tuple[Launcher, Workers]) -> Iterator[Arriving]:
    with bench(tmp_path, QuietTime=5) as made:
        made.studies("1.1", "1.2")
        made.move("1.1")
        yield Arriving(made, readers)


def test_instances_are_recorded_with_their_bytes_and_their_final_path(arriving: Arriving) -> None:
    files = [arriving.bench.stage("1.1", number) for number in (1, 2)]
    arriving.settle()
    study = arriving.bench.study("1.1")
    assert (study.received, study.expected, study.bytes) == (2, 2, sum(file.size for file in files))
    known = arriving.bench.ledger.instances.get(study.id, "1.1.1.1")
    assert known is not None
    assert (str(known.path), known.sha256) == ("P1/1.1/1.1.1/1.1.1.1.dcm", files[0].sha256)
    assert arriving.stage.scanned
    assert arriving.set_aside() == 0


def test_the_modalities_of_a_study_are_noted_once(arriving: Arriving) -> None:
    for number, modality in enumerate(("CT", "CT", "SR", ""), start=1):
        arriving.bench.stage("1.1", number, Modality=modality)
    arriving.settle()
    with sqlite3.connect(arriving.bench.layout.ledger) as connection:
        noted = connection.execute("SELECT study_id, modality FROM modalities").fetchall()
    connection.close()
    study = arriving.bench.study("1.1").id
    assert noted == [(study, "CT"), (study, "SR")]


def test_a_file_is_read_again_only_when_it_was_replaced(arriving: Arriving) -> None:
    arriving.bench.stage("1.1", 1)
    arriving.settle()
    first = arriving.bench.progress.last_arrival("1.1")
    arriving.settle()
    assert arriving.bench.progress.last_arrival("1.1") == first
    again = arriving.bench.stage("1.1", 1, pixels=bytes(48))
    arriving.settle()
    assert arriving.bench.progress.last_arrival("1.1") != first
    known = arriving.bench.ledger.instances.get(arriving.bench.study("1.1").id, "1.1.1.1")
    assert known is not None
    assert known.sha256 == again.sha256


def test_many_files_at_once_are_all_recorded(arriving: Arriving) -> None:
    for number in range(3, 103):
        arriving.bench.stage("1.1", number)
    arriving.settle()
    assert arriving.bench.study("1.1").surplus == 100


def test_what_was_not_promised_is_surplus(arriving: Arriving) -> None:
    arriving.bench.stage("1.1", 7)
    arriving.settle()
    study = arriving.bench.study("1.1")
    assert (study.received, study.surplus, arriving.set_aside()) == (0, 1, 0)


@pytest.mark.parametrize("uid", ["1.2", "9.9"])
def test_what_nobody_asked_for_is_set_aside(arriving: Arriving, uid: str) -> None:
    arriving.bench.stage(uid, 1)
    arriving.settle()
    assert arriving.set_aside() == 1


def test_what_is_no_whole_instance_is_set_aside_and_does_not_count(
    arriving: Arriving, caplog: pytest.LogCaptureFixture
) -> None:
    whole = arriving.bench.stage("1.1", 1)
    path = Path(whole.path)
    path.write_bytes(path.read_bytes()[:-10])
    path.with_name(f"{staging_name('garbage')}.dcm").write_bytes(b"no DICOM")
    path.with_name(f"{staging_name('empty')}.dcm").touch()
    arriving.settle()
    assert arriving.received() == []
    assert arriving.set_aside() == 3
    assert [told.endswith(f"(study {short_name('1.1')})") for told in caplog.messages] == [True] * 3
    assert {file.stat().st_mode & 0o777 for file in arriving.bench.layout.unexpected.iterdir()} <= {
        0o600,
        0o644,
    }


def test_an_instance_that_was_replaced_by_a_cut_one_does_not_count_any_more(arriving: Arriving) -> None:
    arriving.bench.stage("1.1", 1)
    arriving.settle()
    assert arriving.received() == ["1.1.1.1"]
    path = Path(arriving.bench.stage("1.1", 1).path)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-10])
    arriving.settle()
    assert arriving.received() == []
    assert arriving.bench.study("1.1").received == 0


def test_an_instance_that_lies_under_another_name_is_brought_where_filing_looks(arriving: Arriving) -> None:
    folder = arriving.bench.layout.incoming / staging_name("wrong")
    make_private_folder(folder)
    (folder / f"{staging_name('wrong too')}.dcm").write_bytes(
        encode(image(StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1", SOPInstanceUID="1.1.1.1"))
    )
    arriving.settle()
    assert arriving.received() == ["1.1.1.1"]
    assert arriving.bench.layout.staged(staging_name("1.1"), staging_name("1.1.1.1")).is_file()


def file(arriving: Arriving) -> None:
    stage = FilingStage(arriving.bench.place, arriving.bench.progress)
    stage.advance()
    arriving.bench.dispatch_until(lambda: not stage.busy)


def test_an_instance_that_is_sent_again_after_it_was_filed_changes_nothing(arriving: Arriving) -> None:
    arriving.bench.receive("1.1", [1, 2])
    arriving.bench.verify("1.1")
    file(arriving)
    before = arriving.bench.tree()
    arriving.bench.stage("1.1", 1)
    arriving.settle()
    assert arriving.set_aside() == 0
    assert list(arriving.bench.layout.incoming.iterdir()) == []
    arriving.bench.stage("1.1", 1, pixels=bytes(48))
    arriving.bench.stage("1.1", 3)
    arriving.settle()
    assert arriving.set_aside() == 2
    assert arriving.bench.tree() == before
    assert arriving.bench.states()["1.1"] == "done"


@pytest.mark.parametrize("damaged", [False, True])
def test_files_of_a_study_that_is_about_to_be_filed_are_left_to_filing(
    arriving: Arriving, *, damaged: bool
) -> None:
    """As after a crash, when staging is read again before a verified study has left it."""
    arriving.bench.receive("1.1", [1, 2])
    arriving.bench.verify("1.1")
    if damaged:
        path = arriving.bench.layout.staged(staging_name("1.1"), staging_name("1.1.1.1"))
        path.write_bytes(path.read_bytes()[:-10])
    arriving.bench.clock.pass_time(60)
    arriving.stage.advance()
    arriving.bench.dispatch_until(lambda: arriving.readers[0].dispatch(0.01))
    arriving.stage.advance()
    assert arriving.set_aside() == 0
    assert arriving.received() == ["1.1.1.1", "1.1.1.2"]
    file(arriving)
    arriving.settle()
    expected = {"1.1": "moved" if damaged else "done", "1.2": "listed"}
    assert arriving.bench.states() == expected
    assert len(list(arriving.bench.layout.unexpected.iterdir())) == damaged


def test_late_instances_of_a_study_that_has_ended_are_set_aside(arriving: Arriving) -> None:
    with arriving.bench.ledger.transaction():
        arriving.bench.ledger.studies.fail(arriving.bench.study("1.1").id, "nothing came")
    arriving.bench.stage("1.1", 1)
    arriving.settle()
    assert arriving.set_aside() == 1
    assert arriving.bench.study("1.1").state is StudyState.FAILED


def test_a_file_that_is_being_received_is_progress_while_it_grows(arriving: Arriving) -> None:
    part = arriving.bench.layout.incoming / "1.2.3.part"
    growths = []
    for content in (b"x", b"xx", b"xx"):
        part.write_bytes(content)
        arriving.settle()
        growths.append(arriving.bench.progress.growth == arriving.bench.clock.monotonic())
    assert growths == [True, True, False]
    assert part.exists()


def test_what_is_no_file_of_storescp_is_left_alone(arriving: Arriving, tmp_path: Path) -> None:
    folder = arriving.bench.layout.incoming / staging_name("1.1")
    make_private_folder(folder)
    (folder / "notes.txt").write_text("whose?")
    (arriving.bench.layout.incoming / "link").symlink_to(tmp_path)
    os.mkfifo(folder / f"{staging_name('pipe')}.dcm")
    arriving.settle()
    assert (folder / "notes.txt").exists()
    assert arriving.received() == []


def test_a_study_without_a_promise_is_counted_by_what_comes(arriving: Arriving) -> None:
    with arriving.bench.ledger.transaction():
        study = arriving.bench.study("1.2")
        arriving.bench.ledger.instances.promise(study.id, [])
        arriving.bench.ledger.studies._ledger.run("study_promise", id=study.id, promised_by="none")
    arriving.bench.move("1.2")
    arriving.bench.stage("1.2", 1)
    arriving.settle()
    assert arriving.bench.study("1.2").received == 1


def test_a_folder_that_nothing_is_in_any_more_goes_once_nobody_is_about_to_use_it(arriving: Arriving) -> None:
    arriving.bench.stage("9.9", 1)
    arriving.settle()
    assert arriving.set_aside() == 1
    folder = arriving.bench.layout.incoming / staging_name("9.9")
    arriving.settle()
    assert folder.is_dir()
    os.utime(folder, (1000, 1000))
    for _ in range(2):
        arriving.settle()
    assert not folder.exists()
