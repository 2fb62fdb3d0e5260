"""Locks: one for an AE title and port, a limit for the machine, one for a folder."""

import fcntl
import os
import pwd
import re
import stat
import threading
from pathlib import Path

import pytest

from niffler_ops.errors import CannotWriteError, StoppedError
from niffler_ops.model import LocalEntity
from niffler_ops.processes import locks
from niffler_ops.processes.holders import running
from niffler_ops.processes.locks import Lock, acquire, acquire_folder, runtime_folder, this_process

ENTITY = LocalEntity(aet="QBNIFFLER", port=4243)
SINCE = "2024-03-01T12:00:00.000+00:00"


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runtime"
    monkeypatch.setenv("NIFFLER_RUNTIME", str(folder))
    return folder


def take(entity: LocalEntity = ENTITY, *, limit: int = 1, folder: str = "/data/one") -> Lock:
    return acquire(entity, storage_folder=Path(folder), since=SINCE, limit=limit, how_far=rows_of)


def rows_of(folder: Path) -> str:
    return "3 of 7 rows done" if folder == Path("/data/one") else ""


def test_a_lock_says_who_holds_it(runtime: Path) -> None:
    lock = take()
    (holder,) = running(runtime)
    assert (holder.entity, holder.pid, holder.folder, holder.since) == (
        "QBNIFFLER:4243",
        os.getpid(),
        "/data/one",
        SINCE,
    )
    lock.release()
    assert running(runtime) == []


def test_a_second_start_is_told_who_is_first(runtime: Path) -> None:
    lock = take()
    (holder,) = running(runtime)
    with pytest.raises(StoppedError) as raised:
        take(limit=9, folder="/data/two")
    text = str(raised.value)
    assert text.startswith("Previous extraction still running")
    named = f"process {os.getpid()} of {holder.user}, since {SINCE}, in /data/one, 3 of 7 rows done"
    for word in (named, "it holds QBNIFFLER:4243", "`niffler-status /data/one --stop`"):
        assert word in text
    lock.release()
    take(folder="/data/two").release()


def test_the_same_title_on_another_port_is_another_lock_within_the_limit() -> None:
    first = take(limit=2)
    second = take(LocalEntity(aet="QBNIFFLER", port=4244), limit=2, folder="/data/two")
    with pytest.raises(StoppedError, match="MaxNifflerProcesses is 2") as raised:
        take(LocalEntity(aet="OTHER", port=1), limit=2)
    for named in (
        "in /data/one, 3 of 7 rows done;",
        "in /data/two (MaxNiff",
        "stop one in order (`niffler-status FOLDER --stop`)",
    ):
        assert named in str(raised.value)
    first.release()
    take(LocalEntity(aet="OTHER", port=1), limit=2).release()
    second.release()


@pytest.mark.parametrize(
    ("one", "other"), [("A/B", "A_B"), ("A B", "A%20B"), ("../x", "x"), ("a", "A"), ("A-1", "A")]
)
def test_titles_of_any_characters_have_locks_of_their_own(runtime: Path, one: str, other: str) -> None:
    held = [take(LocalEntity(aet=title, port=1), limit=2) for title in (one, other)]
    assert len(running(runtime)) == 2
    assert {path.parent for path in runtime.rglob("*.lock")} == {runtime}
    for lock in held:
        lock.release()


def test_a_lock_can_be_taken_while_others_look_who_holds_what(runtime: Path) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            running(runtime)

    take().release()
    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(300):
            take().release()
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_a_lock_whose_holder_says_nothing_is_held_all_the_same(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOOKS", 3)
    lock = take()
    for path in runtime.glob("extraction-*"):
        path.write_bytes(b"")
    with pytest.raises(StoppedError, match="still running"):
        take(limit=9)
    lock.release()


def test_a_lock_file_of_a_crashed_start_hinders_nobody(runtime: Path) -> None:
    take().release()
    for path in runtime.glob("extraction-*"):
        path.write_bytes(b"{not json")
    take().release()


def test_lock_files_are_open_to_every_user_and_hold_no_more_than_who_runs_what(runtime: Path) -> None:
    take().release()
    assert {stat.S_IMODE(path.stat().st_mode) for path in runtime.iterdir()} == {0o666}


def test_a_lock_is_never_written_through_a_link(runtime: Path, tmp_path: Path) -> None:
    runtime.mkdir()
    (tmp_path / "victim").write_text("precious")
    (runtime / "extraction-QBNIFFLER-4243.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(CannotWriteError, match="NIFFLER_RUNTIME"):
        take()
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_folder_for_locks_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "file" / "locks"))
    with pytest.raises(CannotWriteError, match="NIFFLER_RUNTIME"):
        runtime_folder()


def test_a_storage_folder_has_one_extraction_whatever_its_title(tmp_path: Path) -> None:
    private = tmp_path / "storage" / ".niffler"
    private.mkdir(parents=True)
    lock = acquire_folder(private)
    with pytest.raises(StoppedError, match=r"still running: .* \(it works in .*storage"):
        acquire_folder(private)
    lock.release()
    acquire_folder(private).release()


def test_whoever_has_a_storage_folder_is_named_whatever_its_title(tmp_path: Path) -> None:
    holder = this_process(ENTITY, storage_folder=Path("/data/one"), since=SINCE)
    lock = acquire_folder(tmp_path, holder=holder)
    with pytest.raises(StoppedError) as raised:
        acquire_folder(tmp_path, how_far=rows_of)
    assert f"process {os.getpid()} of {holder.user}, since {SINCE}, in /data/one, 3 of 7" in str(raised.value)
    lock.release()


def test_the_user_in_a_lock_is_the_one_by_uid_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    holder = this_process(ENTITY, storage_folder=Path("/data/one"), since=SINCE)
    assert holder.user == pwd.getpwuid(os.getuid()).pw_name


def test_the_lock_of_a_storage_folder_is_as_private_as_the_folder(tmp_path: Path) -> None:
    acquire_folder(tmp_path).release()
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.lock")] == [0o600]


@pytest.mark.parametrize("name", ["start.lock", "extraction-QBNIFFLER-4243.lock"])
def test_a_pipe_in_the_place_of_a_lock_is_named(runtime: Path, name: str) -> None:
    runtime.mkdir()
    os.mkfifo(runtime / name)
    with pytest.raises(CannotWriteError, match=rf"{re.escape(name)}: .*it is no file"):
        take()


def test_a_start_does_not_wait_without_end_for_whoever_holds_its_turn(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "START_SECONDS", 0.1)
    runtime.mkdir()
    with (runtime / "start.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoppedError, match=r"start\.lock: somebody holds"):
            take()
    take().release()
