"""Delays, progress, and the archive's health."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.embedded.echo import Echo
from niffler_ops.model import Archive, Peer
from niffler_ops.processes.launcher import Launcher
from niffler_ops.stages.contact import LONGEST_PROBE_SECONDS, Contact
from niffler_ops.stages.load import Load, load_of, most_lanes
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.retry import LONGEST_SECONDS, retry_delay
from niffler_ops.stages.tuning import FIRST_LANES
from tests.support.clock import FakeClock
from tests.support.peers import answering
from tests.support.processes import wait_until
from tests.support.stages import configuration

LOAD = Load("PACS@archive:104", lanes=1, most_lanes=1, batch=1, limit=None, clock=FakeClock())


@given(first=st.floats(0, 1000), failures=st.integers(0, 2000))
def test_delays_double_up_to_five_minutes_and_vary_by_a_quarter(first: float, failures: int) -> None:
    delay = retry_delay(first, failures)
    plain = min(first * 2.0 ** min(max(failures - 1, 0), 60), LONGEST_SECONDS)
    assert plain <= delay <= plain * 1.25 + 1e-9


def test_what_failed_together_is_not_tried_together() -> None:
    assert len({retry_delay(10, 1) for _ in range(100)}) > 90


def test_progress_knows_what_is_unread_and_when_it_came() -> None:

    progress = Progress(1.0)
    folder = staging_name("1.1")
    assert progress.all_read()
    assert progress.last_arrival("1.1") is None
    progress.arrived(folder, 2, 5.0)
    progress.arrived(folder, 1, 7.0)
    assert progress.unread("1.1")
    assert not progress.unread("1.2")
    progress.read(folder, 2)
    assert progress.unread("1.1")
    progress.read(folder)
    assert progress.all_read()
    assert progress.last_arrival("1.1") == 7.0
    progress.forget("1.1")
    progress.forget("1.1")
    assert progress.last_arrival("1.1") is None


def test_what_arrives_counts_for_the_archive_that_was_asked_last_until_the_study_ends() -> None:
    progress = Progress(1.0)
    progress.expect("1.1", "A")
    progress.arrived(staging_name("1.1"), 2, 5.0)
    progress.expect("1.1", "B")
    progress.arrived(staging_name("1.1"), 3, 6.0)
    progress.forget("1.1")
    progress.arrived(staging_name("1.1"), 4, 7.0)
    assert progress.received == {"A": 2, "B": 3, "": 4}


def test_what_arrives_while_an_archive_is_asked_without_uids_counts_for_it() -> None:
    progress = Progress(1.0)
    progress.expect("1.1", "A")
    progress.sender_of_others = "B"
    progress.arrived(staging_name("1.1"), 1, 5.0)
    progress.arrived(staging_name("1.2"), 2, 5.0)
    assert progress.received == {"A": 1, "B": 2}


class Answering(Contact):
    """A contact whose C-ECHO comes out as the test says."""

    def __init__(self, clock: FakeClock) -> None:
        peer = Peer(aet="PACS", host="archive", port=104)
        archive = Archive(peer=peer, calling_aet="QBNIFFLER")
        super().__init__(archive, Launcher(), clock, first=True, load=LOAD)
        self.asked = 0

    def ask(self, then: object) -> None:
        assert callable(then)
        self.asked += 1
        self.conclude = then


def test_a_lost_archive_is_probed_ever_more_slowly_until_it_answers() -> None:
    clock = FakeClock()
    contact = Answering(clock)
    contact.lost(Echo.UNREACHABLE)
    contact.lost(Echo.SILENT)
    usable, pauses = [contact.usable], []
    for _ in range(12):
        begun, asked = clock.monotonic(), contact.asked
        while contact.asked == asked:
            clock.pass_time(0.25)
            contact.advance()
        contact.advance()
        assert contact.asked == asked + 1  # one at a time
        pauses.append(clock.monotonic() - begun)
        contact.conclude(Echo.UNREACHABLE)
    assert 1 <= pauses[0] <= 1.5
    assert pauses[-1] == pytest.approx(LONGEST_PROBE_SECONDS, abs=0.25)
    clock.pass_time(60)
    contact.advance()
    contact.conclude(Echo.ANSWERED)
    usable.append(contact.usable)
    assert usable == [False, True]
    clock.pass_time(1000)
    contact.advance()
    assert contact.asked == 13


def test_a_real_archive_is_asked_beside_the_loop() -> None:
    launcher, results = Launcher(), list[Echo]()
    with answering() as peer:
        archive = Archive(peer=peer, calling_aet="QBNIFFLER")
        Contact(archive, launcher, FakeClock(), first=True, load=LOAD).ask(results.append)
        assert results == []

        def answered() -> bool:
            launcher.dispatch(0.01)
            return bool(results)

        wait_until(answered, "the answer")
    assert results == [Echo.ANSWERED]


def test_an_archive_may_have_its_lanes_found_where_the_others_have_a_number(tmp_path: Path) -> None:
    own = {"Archive": "B@b:2", "MoveLanes": "auto"}
    config = configuration(tmp_path, SrcAet=["A@a:1", own], MoveLanes=4, MaxLanes=6)
    loads = [load_of(config, archive, FakeClock()) for archive in config.archives]
    assert [load.lanes for load in loads] == [4, FIRST_LANES]
    assert [most_lanes(config, archive) for archive in config.archives] == [4, 6]
    assert str(config.archives[1]).endswith("MoveLanes=auto")


def test_one_lane_is_told_as_one(caplog: pytest.LogCaptureFixture) -> None:
    load = Load("PACS@archive:104", lanes=None, most_lanes=4, batch=1, limit=None, clock=FakeClock())
    caplog.set_level("INFO")
    while load.lanes > 1:
        load.trouble()
    assert "PACS@archive:104: 1 lane instead of 2: " in caplog.text
