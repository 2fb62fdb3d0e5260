"""Renames, durable writes and failpoints: nothing is overwritten, and SIGKILL finds all or nothing."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops import files
from tests.support.processes import KILLED, run_python

WRITE_DURABLE = """
    import sys
    from pathlib import Path
    from niffler_ops.files import write_durable
    for _ in range(2):
        write_durable(Path(sys.argv[1]), [b"new ", b"content"])
"""
RENAME_NEW = """
    import sys
    from pathlib import Path
    from niffler_ops.files import rename_new
    print(rename_new(Path(sys.argv[1]), Path(sys.argv[2])))
"""
MOVE = """
    import sys
    from pathlib import Path
    from niffler_ops.files import move
    move(Path(sys.argv[1]), Path(sys.argv[2]))
"""
FAILPOINTS = """
    from niffler_ops.files import failpoint
    for point in ("first", "second", "first", "second", "first"):
        print(point, flush=True)
        failpoint(point)
"""


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("failpoint", "printed"),
    [
        ("first", ["first"]),
        ("first:1", ["first"]),
        ("second", ["first", "second"]),
        ("first:2", ["first", "second", "first"]),
        ("first:3", ["first", "second", "first", "second", "first"]),
    ],
)
def test_a_failpoint_kills_exactly_at_its_pass(failpoint: str, printed: list[str]) -> None:
    done = run_python(FAILPOINTS, NIFFLER_FAILPOINT=failpoint)
    assert (done.returncode, done.stdout.split()) == (KILLED, printed)


@pytest.mark.parametrize("failpoint", ["first:4", "third", "firs", ""])
def test_a_failpoint_that_is_never_passed_kills_nobody(failpoint: str) -> None:
    done = run_python(FAILPOINTS, NIFFLER_FAILPOINT=failpoint)
    assert (done.returncode, len(done.stdout.split())) == (0, 5)


def test_rename_replaces_a_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.write_text("old")
    files.rename(source, target)
    assert (source.exists(), target.read_text()) == (False, "new")


def test_moving_over_file_systems_copies_privately_and_replaces(tmp_path: Path, another_disk: Path) -> None:
    source, target = another_disk / "source", tmp_path / "target"
    source.write_bytes(b"new" * 1_000_000)
    target.write_text("old")
    files.move(source, target)
    assert target.read_bytes() == b"new" * 1_000_000
    assert mode(target) == 0o600
    assert [list(another_disk.iterdir()), list(tmp_path.iterdir())] == [[], [target]]


def test_moving_within_a_file_system_is_a_rename(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    inode = source.stat().st_ino
    files.move(source, target)
    assert (source.exists(), target.stat().st_ino) == (False, inode)


@pytest.mark.parametrize("failpoint", ["rename-before:2", "rename-after"])
def test_a_killed_move_over_file_systems_loses_nothing(
    tmp_path: Path, another_disk: Path, failpoint: str
) -> None:
    source, target = another_disk / "source", tmp_path / "target"
    source.write_text("new")
    done = run_python(MOVE, source, target, NIFFLER_FAILPOINT=failpoint)
    assert (done.returncode, source.read_text()) == (KILLED, "new")
    files.move(source, target)
    assert (source.exists(), target.read_text()) == (False, "new")
    assert list(tmp_path.iterdir()) == [target]


def test_rename_new_moves_a_file_to_a_free_name(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    assert files.rename_new(source, target)
    assert (source.exists(), target.read_text(), target.stat().st_nlink) == (False, "new", 1)


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
@pytest.mark.parametrize("links", [True, False])
def test_rename_new_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, *, links: bool
) -> None:
    if not links:
        _forbid_links(monkeypatch)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    match kind:
        case "file":
            target.write_text("old")
        case "folder":
            target.mkdir()
        case _:
            target.symlink_to(tmp_path / "nowhere")
    before = target.lstat()
    assert not files.rename_new(source, target)
    assert source.read_text() == "new"
    assert target.lstat() == before


def test_rename_new_works_on_a_file_system_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forbid_links(monkeypatch)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    assert files.rename_new(source, target)
    assert (source.exists(), target.read_text()) == (False, "new")


def test_rename_new_tells_what_prevents_it(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new")
    with pytest.raises(FileNotFoundError):
        files.rename_new(tmp_path / "source", tmp_path / "no folder" / "target")
    assert (tmp_path / "source").read_text() == "new"


@pytest.mark.parametrize(
    ("failpoint", "names"),
    [
        ("rename-before", {"source"}),
        ("rename-between", {"source", "target"}),
        ("rename-after", {"target"}),
    ],
)
def test_a_killed_rename_new_leaves_the_file_under_at_least_one_name(
    tmp_path: Path, failpoint: str, names: set[str]
) -> None:
    (tmp_path / "source").write_text("new")
    done = run_python(RENAME_NEW, tmp_path / "source", tmp_path / "target", NIFFLER_FAILPOINT=failpoint)
    assert done.returncode == KILLED
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(names, "new")


@pytest.mark.parametrize(
    ("failpoint", "content"),
    [("rename-before:1", "old"), ("rename-after:1", "new content"), ("rename-before:2", "new content")],
)
def test_a_killed_durable_write_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, failpoint: str, content: str
) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")
    assert run_python(WRITE_DURABLE, path, NIFFLER_FAILPOINT=failpoint).returncode == KILLED
    assert path.read_text() == content


def test_a_durable_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "status.json"
    path.write_text("old")
    with pytest.raises(OSError, match="space"):
        files.write_durable(path, chunks())
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("status.json", "old")]


@pytest.mark.parametrize("write", ["durable", "private"])
def test_what_is_written_only_its_owner_may_read(tmp_path: Path, write: str) -> None:
    new, replaced = tmp_path / "new", tmp_path / "replaced"
    replaced.touch(mode=0o644)
    for path in (new, replaced):
        if write == "durable":
            files.write_durable(path, [b"content"])
        else:
            files.write_private(path, b"content")
    assert [mode(new), mode(replaced)] == [0o600, 0o600]
    assert [new.read_bytes(), replaced.read_bytes()] == [b"content", b"content"]


def test_a_private_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        files.write_private(tmp_path / "link", b"new")
    assert (tmp_path / "victim").read_text() == "old"


def test_private_folders_are_private_on_every_level(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir(mode=0o755)
    files.make_private_folder(tmp_path / "given" / "one" / "two")
    files.make_private_folder(tmp_path / "given" / "one" / "two")
    folders = (tmp_path / "given", tmp_path / "given" / "one", tmp_path / "given" / "one" / "two")
    assert [mode(folder) for folder in folders] == [0o755, 0o700, 0o700]


def test_a_folder_cannot_be_made_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(FileExistsError):
        files.make_private_folder(tmp_path / "taken")
    with pytest.raises(NotADirectoryError):
        files.make_private_folder(tmp_path / "taken" / "below")


def test_a_folder_in_which_nobody_can_make_one_is_an_error_like_others() -> None:
    with pytest.raises(FileNotFoundError):
        files.make_private_folder(Path("/proc/no such folder"))


def test_a_file_system_is_synced_by_any_of_its_folders(tmp_path: Path) -> None:
    files.sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.sync_file_system(tmp_path / "absent")


def test_removing_a_folder_never_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "others")
    (tmp_path / "ours" / "sub").mkdir(parents=True)
    (tmp_path / "ours" / "link").symlink_to(tmp_path / "others")
    for name in ("ours", "link", "absent"):
        files.remove_folder(tmp_path / name)
    assert not (tmp_path / "ours").exists()
    assert (tmp_path / "others" / "file").exists()


def test_only_an_empty_folder_is_removed_as_empty(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "empty").mkdir()
    removed = [files.remove_empty_folder(tmp_path / name) for name in ("full", "empty", "absent")]
    assert removed == [False, True, False]
    assert (tmp_path / "full" / "file").exists()


def _forbid_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
