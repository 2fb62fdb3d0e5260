"""Who holds a lock, and which processes are theirs: by descent from the one that holds it."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import (
    NAMELESS,
    Holder,
    holder_of,
    lock_folder,
    owner_of,
    read_holder,
    running,
)
from niffler_ops.processes.inspection import StoreScp, storescps
from niffler_ops.processes.locks import acquire_folder
from tests.support.lookalikes import PARENT, Started, child, java_storescp, orphan

HOLDER = Holder(entity="QB:4243", pid=os.getpid(), user="alice", folder="/data/one", since="noon")


def receiver(started: Started) -> StoreScp:
    return next(one for one in storescps() if one.identity == started.identity)


def says(path: Path, text: str) -> Holder:
    path.write_text(text)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_holder(descriptor)
    finally:
        os.close(descriptor)


def test_a_lock_says_who_holds_it_and_one_that_nobody_holds_says_nothing(tmp_path: Path) -> None:
    lock = acquire_folder(tmp_path, holder=HOLDER)
    assert holder_of(tmp_path / "supervisor.lock") == HOLDER
    lock.release()
    assert holder_of(tmp_path / "supervisor.lock") is None
    assert holder_of(tmp_path / "missing.lock") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 60_000,
        "{}",
        json.dumps(asdict(HOLDER) | {"pid": "1"}),
        json.dumps(asdict(HOLDER) | {"more": 1}),
    ],
)
def test_a_lock_that_says_nothing_of_use_is_held_by_nobody_known(tmp_path: Path, text: str) -> None:
    assert says(tmp_path / "lock", text) == NAMELESS


def test_a_lock_says_what_was_written(tmp_path: Path) -> None:
    assert says(tmp_path / "lock", json.dumps(asdict(HOLDER))) == HOLDER
    assert str(HOLDER) == f"process {os.getpid()} of alice, since noon, in /data/one"


def test_a_lock_folder_that_is_missing_has_no_holders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "nowhere"))
    assert lock_folder() == tmp_path / "nowhere"
    assert running(lock_folder()) == []
    monkeypatch.delenv("NIFFLER_RUNTIME")
    assert lock_folder() == Path("/run/lock/niffler")


@contextmanager
def ours(folder: Path, *arguments: object) -> Iterator[StoreScp]:
    """A storescp that descends from this process, over one in between."""
    with child(java_storescp("QB:4243", *arguments), folder) as started:
        yield receiver(started)


def test_a_child_of_a_live_supervisor_is_its(tmp_path: Path) -> None:
    other = replace(HOLDER, pid=2**22 + 1)
    with ours(tmp_path) as one:
        assert owner_of(one, [other, HOLDER]) == HOLDER
        assert owner_of(one, [other]) is None


def test_one_whose_supervisor_is_gone_is_nobodys(tmp_path: Path) -> None:
    with orphan(java_storescp("QB:4243"), tmp_path) as started:
        assert owner_of(receiver(started), [HOLDER, NAMELESS]) is None


def test_the_lock_of_its_folder_tells_too_whatever_lock_folder_it_was_started_with(tmp_path: Path) -> None:
    with ours(tmp_path, "--directory", tmp_path / "incoming") as one:
        assert owner_of(one, []) is None
        lock = acquire_folder(tmp_path, holder=HOLDER)
        assert owner_of(one, []) == HOLDER
        lock.release()
        assert owner_of(one, []) is None


def test_an_orphan_is_nobodys_though_its_folder_is_in_use_again(tmp_path: Path) -> None:
    command = java_storescp("QB:4243", "--directory", tmp_path / "incoming")
    with orphan(command, tmp_path) as started:
        lock = acquire_folder(tmp_path, holder=HOLDER)
        assert owner_of(receiver(started), []) is None
        lock.release()


def test_a_niffler_of_old_holds_no_lock_and_is_known_by_its_script(tmp_path: Path) -> None:
    script = tmp_path / "ColdDataRetriever.py"
    script.write_text(PARENT)
    with child(java_storescp("QB:4243"), tmp_path, parent=[sys.executable, str(script)]) as started:
        owner = owner_of(receiver(started), [])
        assert owner is not None
        assert (owner.pid, owner.folder) == (started.parent, str(tmp_path))


def test_the_entity_of_a_lock_is_text() -> None:
    assert str(LocalEntity(aet="QB", port=4243)) == HOLDER.entity


def test_a_pipe_in_the_place_of_a_lock_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "extraction-QB-104.lock")
    assert running(tmp_path) == []


def test_what_a_lock_says_does_not_command_a_terminal() -> None:
    told = str(replace(HOLDER, user="\x1b[31mroot", folder="/a\x9b2J\nniffler-cold: all is well"))
    assert told.isprintable()
