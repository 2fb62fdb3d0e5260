"""The extraction waits for the night, and for room on the disk, and goes on by itself."""

import signal
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.archives import ArchiveProcess
from tests.support.processes import wait_until
from tests.support.rig import Rig, Running, corpus_folder, data_sets, data_sets_of
from tests.support.small_disk import fill, mounted

HOUR = 3600


class Night:
    """Wall-clock time as the extraction sees it, in UTC."""

    def __init__(self, rig: Rig) -> None:
        self._file = rig.folder / "clock"
        self._hour = 0
        self.set(0)
        rig.environment |= {"NIFFLER_CLOCK": str(self._file), "TZ": "UTC"}

    def set(self, hours: int) -> None:
        """Move the clock forward to the next quarter past this hour."""
        self._hour += (hours - self._hour) % 24
        now = datetime.now(UTC)
        seconds = (now - now.replace(hour=0, minute=15, second=0, microsecond=0)).total_seconds()
        part = self._file.with_suffix(".new")
        part.write_text(str(self._hour * HOUR - seconds))
        part.rename(self._file)


@pytest.fixture
def night(rig: Rig) -> Night:
    return Night(rig)


def is_paused(rig: Rig) -> bool:
    try:
        return bool(rig.ledger("SELECT 1 FROM extraction WHERE run_state = 'paused'"))
    except sqlite3.OperationalError:  # there is no ledger yet
        return False


def asked(archive: ArchiveProcess) -> int:
    return len(archive.events("find")) + len(archive.events("move"))


def paused(rig: Rig, *options: str) -> Running:
    running = rig.start(*options)
    wait_until(lambda: running.ended or is_paused(rig), "the pause")
    assert not running.ended, running.output()
    return running


def test_by_day_nothing_is_asked_and_at_night_it_goes_on_by_itself(
    rig: Rig, corpus: Corpus, night: Night
) -> None:
    archive = rig.serve(corpus_folder(corpus))
    rig.configure(NightlyOnly="True", StartHour=21, EndHour=6)
    rig.ask_for(corpus.studies)
    night.set(12)
    running = paused(rig)
    status = rig.status()
    assert status["extraction"]["state"] == "paused"
    assert status["extraction"]["resumes_at"].endswith("T21:00:00.000+00:00")
    assert "21:00 to 6:00" in rig.status_text()
    assert "21:00" in rig.log()
    assert asked(archive) == 0
    night.set(23)
    ended = running.end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert rig.status()["extraction"]["state"] == "finished"


@pytest.mark.parametrize(("grace", "whole"), [(60, True), (0, False)])
def test_when_the_night_ends_what_runs_has_its_grace_and_nothing_is_lost_or_charged(
    rig: Rig, corpus: Corpus, night: Night, grace: int, *, whole: bool
) -> None:
    archive = rig.serve(corpus_folder(corpus), "slow=400")
    rig.configure(NightlyOnly=True, StartHour=0, EndHour=6, PauseGrace=grace, MoveLanes=1)
    rig.ask_for(corpus.studies)
    night.set(1)
    running = rig.start()
    wait_until(lambda: rig.received() >= 3, "the first instances")
    night.set(7)
    wait_until(lambda: is_paused(rig), "the pause")
    busy = "SELECT count(*) FROM studies WHERE state IN ('moving', 'verified')"
    wait_until(lambda: rig.ledger(busy) == [(0,)], "what ran to come to its end")
    done = "SELECT count(*) FROM studies WHERE state = 'done'"
    wait_until(lambda: rig.ledger(done) == [(int(whole),)], "the end of that study alone")
    asked_by_then = asked(archive)
    roles = {process["role"] for process in rig.status()["processes"] if process["alive"]}
    assert roles == {"supervisor", "storescp"}
    night.set(2)
    ended = running.end()
    assert ended.status == 0, ended
    assert asked(archive) > asked_by_then
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert rig.ledger("SELECT count(*) FROM attempts WHERE charged AND status IS NULL") == [(0,)]


def test_a_pause_ends_in_order_on_a_signal_and_is_taken_up_again_after_a_kill(
    rig: Rig, corpus: Corpus, night: Night
) -> None:
    rig.serve(corpus_folder(corpus))
    rig.configure(NightlyOnly=True, StartHour=21, EndHour=6)
    rig.ask_for(corpus.studies)
    night.set(12)
    running = paused(rig)
    running.signal(signal.SIGTERM)
    ended = running.end(10)
    assert ended.status == 75, ended
    assert rig.status()["extraction"]["state"] == "stopped"
    running = paused(rig)
    running.kill()
    assert rig.status()["extraction"]["state"] == "crashed"
    night.set(22)
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_equal_hours_are_always(rig: Rig, corpus: Corpus, night: Night) -> None:
    rig.serve(corpus_folder(corpus))
    rig.configure(NightlyOnly=True, StartHour=3, EndHour=3)
    rig.ask_for(corpus.studies)
    night.set(12)
    assert rig.cold().status == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path) as disk:
        yield disk


def test_before_the_disk_is_full_it_pauses_and_goes_on_when_there_is_room(
    rig: Rig, corpus: Corpus, small_disk: Path
) -> None:
    archive = rig.serve(corpus_folder(corpus))
    rig.configure(StorageFolder=str(small_disk / "extraction"), MinFreeDisk="4 MB")
    rig.ask_for(corpus.studies)
    filler = fill(small_disk, leave=3_000_000)
    running = paused(rig)
    assert "MinFreeDisk" in rig.status()["extraction"]["pause_reason"]
    assert asked(archive) == 0
    filler.unlink()
    ended = running.end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_a_disk_that_runs_full_all_the_same_loses_nothing_and_calls_nothing_done(
    rig: Rig, corpus: Corpus, small_disk: Path
) -> None:
    rig.serve(corpus_folder(corpus), "slow=50")
    rig.configure(StorageFolder=str(small_disk / "extraction"), MinFreeDisk=0)
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: running.ended or rig.received() >= 3, "the first instances")
    filler = fill(small_disk, leave=0)
    ended = running.end()
    assert ended.status in {3, 73}, ended
    done = rig.ledger("SELECT study_instance_uid FROM studies WHERE state = 'done'")
    filler.unlink()
    for (uid,) in done:
        (study,) = [study for study in corpus.studies if study.study_instance_uid == uid]
        assert set(data_sets_of([study])) <= set(data_sets(rig.storage))
    assert rig.cold("--retry-failed").status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
