"""Whose a storage receiver is: a table, and the order in which it is looked up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from niffler_ops.model import LocalEntity
from niffler_ops.processes import standing
from niffler_ops.processes.holders import Holder
from niffler_ops.processes.identity import Identity
from niffler_ops.processes.inspection import StoreScp
from niffler_ops.processes.ports import Listener
from niffler_ops.processes.standing import (
    Leftover,
    Standing,
    find_leftovers,
    listening,
    standing_of,
    told_of,
    who_has_port,
)
from tests.support.archives import Ports
from tests.support.lookalikes import java_storescp, orphan, pretending

OURS = LocalEntity(aet="QB", port=4243)
US, ROOT, OTHER_USER = 2_000_000_000, 0, 65534  # of the first nobody knows a name
OWNER = Holder(entity="A:1", pid=4711, user="alice", folder="/data/one", since="noon")
RECEIVER = StoreScp(
    identity=Identity(pid=2**22 + 1, start_ticks=1, boot_id="a"),
    name="java",
    uid=US,
    parent=1,
    started=datetime(2024, 3, 1, 2, 11, tzinfo=UTC),
    entity=OURS,
)


@pytest.mark.parametrize(
    ("change", "owner", "our_uid", "expected"),
    [
        ({}, None, US, Standing.ORPHAN),
        ({"directory": Path("/anywhere")}, None, US, Standing.ORPHAN),
        ({}, OWNER, US, Standing.LIVE),
        ({"uid": OTHER_USER}, OWNER, US, Standing.LIVE),
        ({"uid": OTHER_USER}, None, US, Standing.FOREIGN),
        ({"uid": OTHER_USER}, None, ROOT, Standing.FOREIGN),
        ({"uid": ROOT}, None, US, Standing.FOREIGN),
        ({"uid": ROOT}, None, ROOT, Standing.ORPHAN),
        ({"entity": LocalEntity(aet="QB", port=4244)}, None, US, Standing.OTHER),
        ({"entity": LocalEntity(aet="qb", port=4243)}, None, US, Standing.OTHER),
        ({"entity": LocalEntity(aet="", port=4243)}, None, US, Standing.OTHER),
        ({"entity": None}, None, US, Standing.OTHER),
        ({"contained": True}, None, US, Standing.OTHER),
        ({"defunct": True, "entity": None}, None, US, Standing.DEFUNCT),
        ({"defunct": True, "uid": OTHER_USER}, OWNER, US, Standing.DEFUNCT),
    ],
)
def test_only_what_is_safely_ours_may_be_ended(
    change: dict[str, object], owner: Holder | None, our_uid: int, expected: Standing
) -> None:
    receiver = replace(RECEIVER, **change)  # type: ignore[arg-type]
    assert standing_of(receiver, owner=owner, local=OURS, our_uid=our_uid) is expected


def test_where_our_title_is_not_known_nothing_is_ours() -> None:
    assert standing_of(RECEIVER, owner=None, local=None, our_uid=US) is Standing.OTHER


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (Standing.ORPHAN, ["QB:4243, since 2024-03-01 02:11", "niffler-doctor --clean"]),
        (Standing.LIVE, ["process 4711 of alice, since noon, in /data/one"]),
        (
            Standing.FOREIGN,
            [f"another user's. If it is not needed, have user {US}", f"`sudo kill {2**22 + 1}`"],
        ),
        (Standing.OTHER, ["left alone", f"kill {2**22 + 1}`"]),
        (Standing.DEFUNCT, ["neither port nor memory", "parent, pid 1 ("]),
    ],
)
def test_each_is_named_with_what_can_be_done(kind: Standing, parts: list[str]) -> None:
    advice = Leftover(receiver=RECEIVER, standing=kind, owner=OWNER).advice
    assert advice.startswith(f"pid {2**22 + 1} (java) of user {US} with QB:4243")
    for part in parts:
        assert part in advice


def test_the_locks_are_looked_up_after_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a storescp that was started in between would be taken for an orphan."""
    order: list[str] = []

    def looks(what: str) -> Callable[..., list[object]]:
        def look(*_arguments: object) -> list[object]:
            order.append(what)
            return []

        return look

    monkeypatch.setattr(standing, "storescps", looks("processes"))
    monkeypatch.setattr(standing, "running", looks("locks"))
    assert find_leftovers(OURS) == []
    assert order == ["processes", "locks"]


def test_whoever_listens_is_found_among_them_also_where_its_pid_is_hidden() -> None:
    leftover = Leftover(receiver=RECEIVER, standing=Standing.FOREIGN)
    pid = RECEIVER.identity.pid
    assert listening(Listener(port=4243, pid=pid, uid=US), [leftover]) is leftover
    assert listening(Listener(port=4243, pid=None, uid=US), [leftover]) is leftover
    assert listening(Listener(port=4243, pid=None, uid=US + 1), [leftover]) is None
    assert listening(Listener(port=4243, pid=pid + 1, uid=US), [leftover]) is None
    assert told_of(Listener(port=4243, pid=None, uid=US), [leftover]) == leftover.advice


def test_a_stranger_on_the_port_is_told_from_an_orphan(tmp_path: Path) -> None:
    with Ports() as ports:
        local = LocalEntity(aet="QB", port=ports.take())
        assert who_has_port(local) is None
        with orphan(pretending("webserver"), tmp_path, LISTENS=local.port) as stranger:
            told = who_has_port(local)
            assert told is not None
            assert told.startswith(f"pid {stranger.pid} (")
            assert "no storescp of ours" in told
        with orphan(java_storescp(str(local)), tmp_path, LISTENS=local.port) as left_over:
            told = who_has_port(local)
            assert told is not None
            assert told.startswith(f"pid {left_over.pid} (")
            assert "left over" in told
