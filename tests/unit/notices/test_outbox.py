"""What fails is tried again, from files, by a thread that nobody waits for."""

import json
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.notices import outbox as outbox_module
from niffler_ops.notices.notice import Channel, DeliveryError, Notice
from niffler_ops.notices.outbox import LONGEST_PAUSE_SECONDS, Outbox, retry_seconds
from niffler_ops.notices.pending import Shelf
from tests.support.mailing import make_notice


class Post:
    """A channel that fails the first `failures` times, and may be held up."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.tries = 0
        self.taken: list[Notice] = []
        self.gate = threading.Event()
        self.gate.set()

    def deliver(self, notice: Notice) -> None:
        self.gate.wait(30)
        self.tries += 1
        if self.tries <= self.failures:
            raise DeliveryError("the server is away")
        self.taken.append(notice)

    def problem(self) -> DeliveryError | None:
        return None


class Broken(Post):
    def deliver(self, notice: Notice) -> None:
        raise RuntimeError(notice.subject)


def patient() -> float:
    return 20.0


def started(folder: Path, channels: dict[str, Channel], pause: float = 0.0) -> Outbox:
    outbox = Outbox(folder, channels, SystemClock(), pause=lambda _: pause)
    outbox.start()
    return outbox


def put(outbox: Outbox, *notices: Notice) -> None:
    for notice in notices:
        outbox.put(notice, told={"completion-0": 1.0})


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.notice"))


def test_a_notice_goes_through_every_channel_and_leaves_no_file(tmp_path: Path) -> None:
    mail, command = Post(), Post()
    outbox = started(tmp_path / "notices", {"mail": mail, "command": command})
    put(outbox, make_notice())
    outbox.close(patient)
    assert mail.taken == command.taken == [make_notice()]
    assert not kept(tmp_path / "notices")
    assert Shelf(tmp_path / "notices").told() == {"completion-0": 1.0}


def test_what_fails_is_tried_again_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    post = Post(failures=3)
    outbox = started(tmp_path, {"mail": post})
    put(outbox, make_notice())
    until(lambda: bool(post.taken))
    outbox.close(patient)
    assert post.tries == 4
    assert caplog.text.count("Notice not sent by mail (again in 0 s): the server is away") == 3


def test_a_channel_that_took_it_does_not_get_it_again(tmp_path: Path) -> None:
    mail, command = Post(failures=2), Post()
    outbox = started(tmp_path, {"mail": mail, "command": command})
    put(outbox, make_notice())
    until(lambda: bool(mail.taken))
    outbox.close(patient)
    assert len(command.taken) == 1


def test_what_is_left_is_private_and_the_next_run_sends_it(tmp_path: Path) -> None:
    folder = tmp_path / "notices"
    outbox = started(folder, {"mail": Post(failures=99)}, pause=1000.0)
    put(outbox, make_notice(1), make_notice(2))
    outbox.close(patient)
    assert len(kept(folder)) == 2
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert json.loads(kept(folder)[0].read_bytes())["attempts"] == 1
    post = Post()
    started(folder, {"mail": post}).close(patient)
    assert post.taken == [make_notice(1), make_notice(2)]
    assert not kept(folder)


def test_putting_and_closing_wait_for_nothing_that_hangs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post()
    post.gate.clear()
    outbox = started(tmp_path, {"mail": post})
    before = time.monotonic()
    put(outbox, make_notice())
    assert time.monotonic() - before < 0.2
    outbox.close(lambda: 0.3)
    assert time.monotonic() - before < 2
    assert len(kept(tmp_path)) == 1
    assert "1 notices are not sent" in caplog.text
    post.gate.set()


def test_whoever_comes_to_be_in_a_hurry_does_not_wait(tmp_path: Path) -> None:
    post = Post()
    post.gate.clear()
    outbox = started(tmp_path, {"mail": post})
    put(outbox, make_notice())
    limits = iter([20.0, 20.0])
    before = time.monotonic()
    outbox.close(lambda: next(limits, 0.0))
    assert time.monotonic() - before < 2
    post.gate.set()


def test_a_library_that_raises_something_else_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    command = Post()
    outbox = started(tmp_path, {"mail": Broken(), "command": command}, pause=1000.0)
    put(outbox, make_notice())
    until(lambda: bool(command.taken))
    outbox.close(patient)
    assert "again in 1000 s): RuntimeError" in caplog.text


def test_a_folder_that_cannot_be_written_does_not_hinder(tmp_path: Path) -> None:
    (tmp_path / "notices").write_text("in the way", encoding="utf-8")
    post = Post(failures=1)
    outbox = started(tmp_path / "notices", {"mail": post})
    put(outbox, make_notice())
    until(lambda: bool(post.taken))
    outbox.close(patient)


def test_a_full_disk_does_not_hinder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIFFLER_FAILPOINT", "rename-before:1:ENOSPC")
    post = Post()
    outbox = started(tmp_path, {"mail": post})
    put(outbox, make_notice())
    until(lambda: bool(post.taken))
    outbox.close(patient)


def test_after_a_day_it_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "GIVEN_UP_SECONDS", 0.0)
    outbox = started(tmp_path, {"mail": Post(failures=99)})
    put(outbox, make_notice())
    until(lambda: "given up after 1 attempts" in caplog.text)
    outbox.close(patient)
    assert not kept(tmp_path)


def test_files_that_hold_no_notice_or_another_are_removed(tmp_path: Path) -> None:
    outbox = started(tmp_path, {"mail": Post(failures=99)}, pause=1000.0)
    put(outbox, make_notice())
    outbox.close(patient)
    [path] = kept(tmp_path)
    path.with_name("elsewhere.notice").write_bytes(path.read_bytes())
    for number, content in enumerate((b"", b"[]", b'{"notice": {}}', b"\xff", path.read_bytes()[:-5])):
        (tmp_path / f"bad{number}.notice").write_bytes(content)
    assert len(list(Shelf(tmp_path).kept())) == 1
    assert kept(tmp_path) == [path]


def test_a_notice_for_a_way_that_is_not_configured_any_more_is_dropped(tmp_path: Path) -> None:
    outbox = started(tmp_path, {"mail": Post(failures=99)}, pause=1000.0)
    put(outbox, make_notice())
    outbox.close(patient)
    command = Post()
    started(tmp_path, {"command": command}).close(patient)
    assert not command.taken
    assert not kept(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": "x"}', b'"x"'])
def test_a_damaged_memory_of_what_was_told_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "told.json").write_bytes(content)
    assert Shelf(tmp_path).told() == {}


def test_without_channels_there_is_no_thread_and_no_file(tmp_path: Path) -> None:
    outbox = started(tmp_path / "notices", {})
    put(outbox, make_notice())
    outbox.close(patient)
    assert not list(tmp_path.iterdir())


def test_pauses_grow_to_an_hour() -> None:
    pauses = [retry_seconds(attempts) for attempts in range(1, 50)]
    assert pauses[:5] == [15, 60, 240, 960, 3600]
    assert max(pauses) == LONGEST_PAUSE_SECONDS
