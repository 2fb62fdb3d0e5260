"""What runs, judged for an extraction that is to be started."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from niffler_ops.config import Config
from niffler_ops.doctor.findings import Finding, Result
from niffler_ops.doctor.running import check_leftovers, check_locks, check_port
from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import Holder
from niffler_ops.processes.identity import Identity
from niffler_ops.processes.inspection import StoreScp
from niffler_ops.processes.locks import acquire
from niffler_ops.processes.standing import Leftover, Standing
from tests.support.archives import Ports
from tests.unit.doctor.conftest import Configure

OWNER = Holder(entity="QB:4243", pid=4711, user="alice", folder="/data/one", since="noon")
RECEIVER = StoreScp(
    identity=Identity(pid=os.getpid(), start_ticks=1, boot_id="a"),
    name="java",
    uid=os.getuid(),
    parent=1,
    started=datetime(2024, 3, 1, tzinfo=UTC),
    entity=LocalEntity(aet="QB", port=4243),
)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "locks"))
    return tmp_path / "locks"


def leftover(standing: Standing, *, owner: Holder | None = None, entity: str = "QB:4243") -> Leftover:
    aet, _, port = entity.rpartition(":")
    receiver = replace(RECEIVER, entity=LocalEntity(aet=aet, port=int(port)))
    return Leftover(receiver=receiver, standing=standing, owner=owner)


# Locks


def test_nobody_runs_and_looking_makes_no_folder(configure: Configure, runtime: Path) -> None:
    (finding,) = check_locks(configure())
    assert finding.result is Result.OK
    assert not runtime.exists()


def test_whoever_runs_with_our_title_is_in_the_way(configure: Configure) -> None:
    lock = acquire(LocalEntity(aet="QB", port=4243), storage_folder=Path("/data/one"), since="noon", limit=9)
    found = list(check_locks(configure(MaxNifflerProcesses=2)))
    lock.release()
    assert [finding.result for finding in found] == [Result.WARNING]
    assert f"QB:4243: process {os.getpid()} of " in found[0].text
    assert "exit status 75" in found[0].text


@pytest.mark.parametrize(("limit", "results"), [(1, [Result.OK, Result.WARNING]), (2, [Result.OK])])
def test_others_are_in_the_way_where_no_more_may_run(
    configure: Configure, limit: int, results: list[Result]
) -> None:
    lock = acquire(LocalEntity(aet="A", port=1), storage_folder=Path("/data/one"), since="noon", limit=9)
    found = list(check_locks(configure(MaxNifflerProcesses=limit)))
    lock.release()
    assert [finding.result for finding in found] == results


# The port


@pytest.fixture
def entity() -> Iterator[str]:
    """Our AE title, and a port that is free."""
    with Ports() as ports:
        yield f"QB:{ports.take()}"


@pytest.fixture
def listened(configure: Configure, entity: str) -> Config:
    """A configuration whose port `on_port` listens on."""
    return configure(QueryAet=entity)


def on_port(config: Config, *leftovers: Leftover) -> Finding:
    with socket.create_server(("127.0.0.1", config.query_aet.port)):
        (finding,) = check_port(config, leftovers)
    return finding


def test_a_free_port(listened: Config) -> None:
    (finding,) = check_port(listened, [])
    assert finding.result is Result.OK
    assert finding.text.endswith(" is free")


def test_a_port_that_is_not_needed(configure: Configure, entity: str) -> None:
    assert on_port(configure(QueryAet=entity, DestAet="OTHER")).result is Result.OK


def test_a_strangers_is_a_failure(listened: Config) -> None:
    finding = on_port(listened)
    assert finding.result is Result.FAILURE
    assert f"is taken by pid {os.getpid()} (" in finding.text


def test_an_orphans_is_a_warning_for_the_next_start_ends_it(listened: Config) -> None:
    assert on_port(listened, leftover(Standing.ORPHAN)).result is Result.WARNING


def test_that_of_an_extraction_with_our_title_is_in_use(listened: Config) -> None:
    ours = replace(OWNER, entity=str(listened.query_aet))
    finding = on_port(listened, leftover(Standing.LIVE, owner=ours))
    assert finding.result is Result.OK
    assert "/data/one" in finding.text


@pytest.mark.parametrize("kind", [Standing.LIVE, Standing.FOREIGN, Standing.OTHER])
def test_anybody_elses_storescp_is_a_failure(listened: Config, kind: Standing) -> None:
    finding = on_port(listened, leftover(kind, owner=OWNER if kind is Standing.LIVE else None))
    assert finding.result is Result.FAILURE


# Leftovers


@pytest.mark.parametrize(
    ("kind", "entity", "result"),
    [
        (Standing.ORPHAN, "QB:4243", Result.WARNING),
        (Standing.LIVE, "QB:4243", Result.OK),
        (Standing.FOREIGN, "QB:4243", Result.WARNING),
        (Standing.FOREIGN, "ANY:4243", Result.WARNING),
        (Standing.FOREIGN, "QB:4244", Result.OK),
        (Standing.OTHER, "QB:4244", Result.WARNING),
        (Standing.DEFUNCT, "QB:4243", Result.WARNING),
    ],
)
def test_what_may_be_in_the_way_is_a_warning(
    configure: Configure, kind: Standing, entity: str, result: Result
) -> None:
    ports = [configure().query_aet.port]
    (finding,) = check_leftovers([leftover(kind, owner=OWNER, entity=entity)], ports)
    assert finding.result is result


def test_a_machine_without_any() -> None:
    (finding,) = check_leftovers([], [4243])
    assert finding.result is Result.OK
