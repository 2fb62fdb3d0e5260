"""Who else may write in a folder: told by owner, mode and the members of its group."""

import grp
import os
import pwd
from pathlib import Path

import pytest

from niffler_ops.processes.users import who_else_writes


@pytest.mark.parametrize(
    ("mode", "others"),
    [(0o700, ""), (0o755, ""), (0o777, "everybody"), (0o1777, "everybody"), (0o702, "everybody")],
)
def test_the_mode_says_whether_everybody_may(tmp_path: Path, mode: int, others: str) -> None:
    tmp_path.chmod(mode)
    assert who_else_writes(tmp_path) == others


def test_a_group_of_ones_own_is_nobody_else_and_another_is_named_with_its_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o770)
    me = pwd.getpwuid(os.geteuid())
    own = grp.struct_group(("mine", "x", 4711, []))
    monkeypatch.setattr(grp, "getgrgid", lambda _number: own)
    monkeypatch.setattr(pwd, "getpwall", lambda: [me])
    assert who_else_writes(tmp_path) == ""
    shared = grp.struct_group(("research", "x", 4711, [me.pw_name, "eva", "adam"]))
    monkeypatch.setattr(grp, "getgrgid", lambda _number: shared)
    assert who_else_writes(tmp_path) == "its group (adam, eva)"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give a folder away")
def test_the_folder_of_another_user_is_theirs(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, -1)
    assert who_else_writes(tmp_path) == "its owner nobody"


def test_the_mode_of_a_link_is_that_of_the_folder_it_leads_to(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    assert who_else_writes(link) == ""
    folder.chmod(0o777)
    assert who_else_writes(link) == "everybody"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give a link away")
def test_whoever_has_a_link_may_turn_it_elsewhere(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    os.chown(link, pwd.getpwnam("nobody").pw_uid, -1, follow_symlinks=False)
    assert who_else_writes(link) == "its owner nobody"
