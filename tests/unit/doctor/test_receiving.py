"""meta.json is examined before a receiver is started: every key, folder, port, tool and store."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.deidentify import load_secret
from niffler_ops.doctor.findings import Finding, Result
from niffler_ops.doctor.receiving import examine_receiver, read_receiver
from niffler_ops.metadata import open_store
from tests.support.archives import Ports

Examine = Callable[..., dict[str, list[Finding]]]


@pytest.fixture
def port() -> Iterator[int]:
    with Ports() as ports:
        yield ports.take()


@pytest.fixture
def examine(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """What is found of a meta.json with these keys, by check."""
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "locks"))
    monkeypatch.delenv("MONGO_URI", raising=False)

    def examined(**keys: object) -> dict[str, list[Finding]]:
        file = tmp_path / "meta.json"
        given = {"QueryAet": f"NIFFLER:{port}", "StorageFolder": "received", "MinFreeDisk": 0, **keys}
        file.write_text(json.dumps(given))
        found: dict[str, list[Finding]] = {}
        for finding in examine_receiver(read_receiver(file), SystemClock()):
            found.setdefault(finding.check, []).append(finding)
        return found

    return examined


def results(found: list[Finding]) -> set[Result]:
    return {finding.result for finding in found}


def text(found: list[Finding]) -> str:
    return "\n".join(finding.text for finding in found)


def test_where_all_is_well_every_check_says_so_and_nothing_is_made(examine: Examine, tmp_path: Path) -> None:
    found = examine(PassOn=["png"])
    checks = [
        "configuration",
        "toolkit",
        "disk",
        "file system",
        "clock",
        "locks",
        "port",
        "store",
        "receiver",
    ]
    assert [name for name in found if name not in {"leftovers", "mail"}] == checks
    for name in checks:
        assert results(found[name]) == {Result.OK}, found[name]
    assert "storescp runs" in text(found["toolkit"])
    assert "OutputFolder" in text(found["disk"])
    assert "images go at 23 o'clock" in text(found["clock"])
    assert "default is empty yet" in text(found["store"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["meta.json"]


def test_every_error_is_told_and_what_does_not_depend_on_it_is_examined(examine: Examine) -> None:
    found = examine(DeleteHour=24, SetleMinutes=5)
    assert {"DeleteHour", "SetleMinutes"} <= {
        finding.text.split(": ")[1] for finding in found["configuration"] if finding.result is Result.FAILURE
    }
    assert {"clock", "locks", "leftovers"} <= found.keys()
    assert "port" not in found


def test_a_featureset_that_is_wrong_and_a_key_of_somebody_else_are_told(
    examine: Examine, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("PatientNmae\n")
    (tmp_path / "key").write_text("short")
    (tmp_path / "key").chmod(0o644)
    found = examine(Featuresets="mine.txt", PseudonymKey="key")
    told = text(found["configuration"])
    assert "PatientNmae" in told
    assert str(tmp_path / "key") in told
    assert "store" not in found


def test_a_folder_that_cannot_be_used_or_is_too_full(examine: Examine, tmp_path: Path) -> None:
    found = examine(MinFreeDisk="900000 GB")
    assert results(found["disk"]) == {Result.FAILURE}
    assert "stored images would go at any hour" in text(found["disk"])
    (tmp_path / "received").write_text("a file")
    assert "is no folder" in text(examine()["disk"])


def test_each_of_several_ports_is_looked_at(examine: Examine, port: int) -> None:
    with Ports() as ports, socket.create_server(("127.0.0.1", port)):
        other = ports.take()
        found = examine(QueryAet=[f"CT:{port}", f"MR:{other}"])
    assert [finding.result for finding in found["port"]] == [Result.FAILURE, Result.OK]
    assert f"port {port} is taken by" in text(found["port"])


def test_a_store_that_is_away_or_filled(examine: Examine, tmp_path: Path) -> None:
    found = examine(MetadataStore="mongodb://user:hunter2@127.0.0.1:1/x?serverSelectionTimeoutMS=200")
    assert results(found["store"]) == {Result.FAILURE}
    assert "hunter2" not in text(found["store"])
    url = f"sqlite:///{tmp_path}/records.sqlite"
    with closing(open_store(url)) as store:
        store.upsert("default", [{"_id": "1"}])
    assert "default holds records" in text(examine(MetadataStore=url)["store"])


def test_a_toolkit_that_is_not_there(examine: Examine, tmp_path: Path) -> None:
    assert results(examine(DCM4CHEBin=str(tmp_path / "nowhere"))["toolkit"]) == {Result.FAILURE}


def test_the_key_that_a_folder_has_is_taken(examine: Examine, tmp_path: Path) -> None:
    load_secret(tmp_path / "received" / ".niffler" / "pseudonym.key")
    assert results(examine()["configuration"]) == {Result.OK}
