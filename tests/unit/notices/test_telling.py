"""From a ledger to what people read: the right words, no identifiers, and once an hour."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from niffler_ops.config.notices import NoticeKeys
from niffler_ops.errors import CannotWriteError, StoppedError, UnavailableError
from niffler_ops.layout import Layout
from niffler_ops.notices import Notices, channels_of
from niffler_ops.notices.command import NotifyCommand
from niffler_ops.notices.mail import SmtpServer, SystemClient
from niffler_ops.notices.message import _problems, compose
from niffler_ops.notices.notice import Cause, Notice, Occasion
from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.narration import short_name
from niffler_ops.stages.gate import Pause
from tests.support.clock import FakeClock
from tests.support.extractions import asked, end_run, make_ledger, match, refused, retrieve, start_run
from tests.support.posting import Post
from tests.unit.reporting.test_status_text import BASE, problem

UID = "1.2.840.99999.1.2.3"
DISK = Pause(reason="less than 1.0 GB (MinFreeDisk) are free in /data", until=None, at_once=True)


class Scene:
    """An extraction, its notices, and what was told so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.post = Post()
        self.pause: Pause | None = None
        self.troubles: list[str] = []
        self.ledger = make_ledger(folder, [asked(2), asked(3), refused(4, "a wildcard")])
        self.token = start_run(self.ledger)
        self.notices = self.make()

    def make(self) -> Notices:
        return Notices(
            NoticeKeys(StallMinutes=10),
            Layout(self.folder),
            self.clock,
            pause=lambda: self.pause,
            troubles=lambda: self.troubles,
            channels={"post": self.post},
        )

    def look(self, minutes: int = 0) -> None:
        self.clock.pass_time(minutes * 60)
        self.notices.show(self.ledger)

    def told(self) -> list[Notice]:
        self.notices.close()
        self.notices = self.make()
        return self.post.taken


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "new-study")
    yield scene
    scene.notices.close()
    scene.ledger.close()


def test_a_completion_with_problems_tells_numbers_reasons_and_the_next_step(scene: Scene) -> None:
    match(scene.ledger, {2: [UID]})
    retrieve(scene.ledger, UID, missing=1)
    end_run(scene.ledger, "finished", scene.token)
    scene.notices.completed(3, moved=True)
    [notice] = scene.told()
    assert notice.subject == "Niffler: new-study: complete, 3 of 3 rows are not done"
    assert f"Extraction into {scene.folder}\n" in notice.body
    assert "Rows        0 of 3 done, 0 to do\n" in notice.body
    assert "1 partial, 1 not found, 1 rejected" in notice.body
    assert f"line 2: partial: 1 instances missing: {short_name(UID + '.1.9')}" in notice.body
    assert "line 4: rejected: a wildcard" in notice.body
    assert "--retry-failed" in notice.body
    assert max(len(line) for line in notice.body.splitlines() if str(scene.folder) not in line) <= 78


def test_of_many_problems_the_newest_are_told_in_order_of_lines() -> None:
    newest = tuple(map(problem, range(91, 101)))
    status = replace(
        BASE, rows=Counts(failed=100), problems=tuple(map(problem, range(1, 101))), newest_problems=newest
    )
    heading, *lines = _problems(status)
    assert heading == "Rows with problems (the newest 10 of 100)"
    assert [line.split(":")[0] for line in lines] == [f"  line {line}" for line in range(91, 101)]


def test_neither_mail_nor_details_hold_an_identifier(scene: Scene) -> None:
    match(scene.ledger, {2: [UID], 3: [UID]})
    retrieve(scene.ledger, UID, missing=1)
    end_run(scene.ledger, "finished", scene.token)
    scene.notices.completed(3, moved=True)
    scene.notices.failed(UnavailableError(f"nothing came of {UID}"), asked_to_stop=False)
    text = json.dumps([(notice.subject, notice.body, notice.details) for notice in scene.told()])
    assert "line 2" in text
    assert not any(identifier in text for identifier in (UID, "P2", "P3", "A2", "A3"))


def test_a_completion_without_problems_is_short(scene: Scene) -> None:
    scene.notices.completed(0, moved=True)
    [notice] = scene.told()
    assert notice.subject == "Niffler: new-study: complete"
    assert notice.body.endswith("\n\nNothing is left to do.\n")


def test_a_failure_tells_exit_status_and_reason(scene: Scene) -> None:
    scene.notices.failed(CannotWriteError("Writing failed: No space left on device."), asked_to_stop=False)
    [notice] = scene.told()
    assert notice.subject == "Niffler: new-study: ended early with exit status 73"
    assert "\n\nWriting failed: No space left on device.\n\n" in notice.body
    assert notice.details["exit_status"] == 73
    assert notice.details["rows"]["total"] == 3
    json.dumps(notice.details)


def test_a_stop_that_was_asked_for_is_not_told(scene: Scene) -> None:
    scene.notices.failed(StoppedError("Stopped."), asked_to_stop=True)
    assert not scene.told()


def test_a_failure_whose_ledger_is_gone_is_told_without_numbers(scene: Scene) -> None:
    scene.ledger.close()
    for path in scene.folder.glob(".niffler/ledger*"):
        path.unlink()
    scene.notices.failed(CannotWriteError("Writing failed."), asked_to_stop=False)
    [notice] = scene.told()
    assert "Rows" not in notice.body


def test_a_stall_is_told_after_its_minutes(scene: Scene) -> None:
    scene.look()
    scene.look(minutes=9)
    scene.look(minutes=2)
    scene.look(minutes=120)
    [notice] = scene.told()
    assert notice.subject == "Niffler: new-study: nothing moves"
    assert "for 11 minutes" in notice.body


def test_a_full_disk_is_told_once_for_each_pause_and_once_an_hour(scene: Scene) -> None:
    for _ in range(3):
        scene.pause = DISK
        scene.look()
        scene.look(minutes=1)
        scene.pause = None
        scene.look(minutes=1)
    assert [notice.subject for notice in scene.told()] == [
        "Niffler: new-study: paused until somebody makes room"
    ]
    scene.clock.pass_time(3600)
    scene.pause = DISK
    scene.look()
    assert len(scene.told()) == 2


def test_a_run_that_fails_again_and_again_is_told_once_an_hour(scene: Scene) -> None:
    for _ in range(9):
        scene.notices.failed(UnavailableError("no answer"), asked_to_stop=False)
        scene.told()  # and the program is started anew
        scene.clock.pass_time(15 * 60)
    assert len(scene.told()) == 3


def test_another_exit_status_is_another_cause(scene: Scene) -> None:
    scene.notices.failed(UnavailableError("no answer"), asked_to_stop=False)
    scene.notices.failed(CannotWriteError("disk full"), asked_to_stop=False)
    assert len(scene.told()) == 2


def test_a_folder_name_commands_no_header_and_no_terminal() -> None:
    folder = Path("/data/a\nBcc: x@example.org\x1b[2J\udc80")
    now = FakeClock().now()
    notice = compose(Occasion(cause=Cause.STALL), storage_folder=folder, status=None, now=now)
    assert notice.subject == "Niffler: a Bcc: x@example.org [2J : nothing moves"
    assert "\nBcc" not in notice.body
    (notice.subject + notice.body + json.dumps(notice.details)).encode()


def test_a_completion_is_told_again_only_where_something_has_moved(scene: Scene) -> None:
    scene.notices.completed(0, moved=False)
    assert len(scene.told()) == 1
    scene.clock.pass_time(5000)
    scene.notices.completed(0, moved=False)
    assert len(scene.told()) == 1
    scene.notices.completed(0, moved=True)
    assert len(scene.told()) == 2


def test_an_archive_that_refuses_everything_is_told(scene: Scene) -> None:
    scene.troubles = [f"PACS refused 10 retrieves (no such study {UID})"]
    scene.look()
    scene.look(minutes=1)
    [notice] = scene.told()
    assert notice.subject == "Niffler: new-study: an archive sends nothing"
    assert "PACS refused 10 retrieves" in notice.body
    assert UID not in notice.body
    assert "niffler-doctor --form" in notice.body


def test_without_mail_and_command_nothing_happens(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    notices = Notices(NoticeKeys(), Layout(tmp_path), FakeClock(), pause=lambda: DISK)
    notices.show(ledger)
    notices.completed(0, moved=True)
    notices.close()
    ledger.close()
    assert not (tmp_path / ".niffler" / "notices").exists()


def test_the_keys_choose_the_channels(tmp_path: Path) -> None:
    address = {"SendEmail": True, "YourEmail": "ada@example.org"}
    assert channels_of(NoticeKeys(YourEmail="ada@example.org")) == {}
    assert isinstance(channels_of(NoticeKeys(**address))["mail"], SystemClient)
    server = NoticeKeys(**address, MailServer="smtp.example.org", MailLogin=str(tmp_path / "login"))
    assert isinstance(channels_of(server)["mail"], SmtpServer)
    assert isinstance(channels_of(NoticeKeys(NotifyCommand=["/bin/true"]))["command"], NotifyCommand)
