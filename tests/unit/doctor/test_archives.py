"""What an archive answers to a retrieve of nothing, judged by its status; the C-ECHO itself by real peers."""

from pathlib import Path

import pytest

from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.doctor.archives import check_archives, check_destination
from niffler_ops.doctor.findings import Result
from niffler_ops.model import Archive, Peer
from tests.support.clock import FakeClock
from tests.support.peers import absent, answering
from tests.unit.doctor.conftest import Configure

PACS = Archive(peer=Peer(aet="PACS", host="127.0.0.1", port=104), calling_aet="QB", destination="DEST")


def movescu(folder: Path, body: str) -> Toolkit:
    """A movescu that writes its arguments down, and does as it is told."""
    script = folder / "movescu"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/arguments\n{body}\n')
    script.chmod(0o755)
    return Toolkit(commands={"movescu": (str(script),)}, environments={"movescu": {}}, kind="dcm4che")


def answering_with(folder: Path, status: str) -> Toolkit:
    line = f"12:00:00,000 INFO  - PACS->QB(1) >> 1:C-MOVE-RSP[pcid=1, status={status}H, errorComment=null"
    return movescu(folder, f"echo '{line}'")


@pytest.mark.parametrize(
    ("status", "result", "told"),
    [
        ("0", Result.OK, "seems to know DEST"),
        ("a801", Result.FAILURE, "does not know DEST as a move destination"),
        ("a900", Result.OK, "seems to know DEST"),
        ("a702", Result.OK, "seems to know DEST"),
        ("c000", Result.WARNING, "niffler-cold --first 1"),
        ("c123", Result.WARNING, "niffler-cold --first 1"),
    ],
)
def test_only_a801_tells_that_we_are_not_known_and_cxxx_tells_nothing(
    tmp_path: Path, status: str, result: Result, told: str
) -> None:
    finding = check_destination(PACS, answering_with(tmp_path, status), port="with port 4243")
    assert (finding.check, finding.result) == ("move destination", result)
    assert told in finding.text


def test_the_administrator_is_told_what_to_add(tmp_path: Path) -> None:
    finding = check_destination(PACS, answering_with(tmp_path, "a801"), port="with port 4243")
    assert "AE title DEST with port 4243" in finding.text


def test_no_answer_tells_nothing(tmp_path: Path) -> None:
    finding = check_destination(PACS, movescu(tmp_path, "echo Connection refused; exit 2"), port="")
    assert finding.result is Result.WARNING
    assert "connection refused" in finding.text


def test_each_asks_for_another_study_that_cannot_exist_and_removes_the_query(tmp_path: Path) -> None:
    toolkit = movescu(tmp_path, f'cp "$(tail -n 1 {tmp_path}/arguments)" {tmp_path}/query.$$')
    for _ in range(2):
        check_destination(PACS, toolkit, port="")
    queries = {path.read_bytes() for path in tmp_path.glob("query.*")}
    assert len(queries) == 2
    assert all(b"2.25." in query for query in queries)
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert {"--dest", "DEST", "-L", "STUDY"} < set(arguments)
    assert not Path(arguments[-1]).exists()


def test_an_archive_that_does_not_answer_is_a_failure_with_what_to_look_at(configure: Configure) -> None:
    (finding,) = check_archives(configure(SrcAet=str(absent())), FakeClock(), tools_work=True)
    assert (finding.check, finding.result) == ("archive", Result.FAILURE)
    assert "firewall" in finding.text


def test_each_archive_is_called_by_the_title_it_knows(configure: Configure) -> None:
    with answering(known="KNOWN") as peer:
        known = {"Archive": str(peer), "CallingAet": "KNOWN"}
        (finding,) = check_archives(configure(SrcAet=[known]), FakeClock(), tools_work=False)
        assert finding.result is Result.OK
        (finding,) = check_archives(configure(SrcAet=str(peer)), FakeClock(), tools_work=False)
        assert finding.result is Result.FAILURE
        assert "--form" in finding.text


def test_outside_the_hours_that_are_allowed_no_retrieve_is_tried(configure: Configure) -> None:
    clock = FakeClock()
    hour = clock.now().astimezone().hour
    hours = {"StartHour": (hour + 1) % 24, "EndHour": (hour + 2) % 24}
    with answering(known="KNOWN") as peer:
        known = {"Archive": str(peer), "CallingAet": "KNOWN"}
        config = configure(SrcAet=[known], NightlyOnly=True, **hours)
        _, finding = check_archives(config, clock, tools_work=True)
    assert (finding.check, finding.result) == ("move destination", Result.WARNING)
    assert "NightlyOnly" in finding.text
