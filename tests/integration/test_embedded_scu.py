"""The embedded movescu and findscu, as processes, with the traps of dcm4che's."""

import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from pydicom import dcmread

from niffler_ops.embedded.negotiation import Terms, encode_acceptance
from tests.support.embedded import (
    PATIENCE,
    Ended,
    archive,
    bodies,
    corpus,
    free_port,
    instance,
    query_file,
    run,
    save,
    started,
    storescp,
    tool,
    wait_until,
)

MOVE_CUID = "  cuid=1.2.840.10008.5.1.4.1.2.2.2 - Study Root Query/Retrieve Information Model - MOVE"
IMPLICIT = "  tsuid=1.2.840.10008.1.2 - Implicit VR Little Endian]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three studies of four instances."""
    return corpus(tmp_path / "archive")


def queries(folder: Path, *studies: int) -> list[Path]:
    return [query_file(folder / f"q{study}.dcm", StudyInstanceUID=f"1.2.3.{study}") for study in studies]


def movescu(called: str, *arguments: object) -> Ended:
    return run(*tool("movescu", "-c", called, "-b", "ME", "--dest", "DEST", *arguments))


def findscu(called: str, *arguments: object) -> Ended:
    return run(*tool("findscu", "-c", called, "-b", "ME", *arguments))


def test_a_batch_is_retrieved_in_order_and_arrives_as_it_stands(folder: Path, tmp_path: Path) -> None:
    with (
        storescp(tmp_path / "in") as receiver,
        archive(folder, {"DEST": receiver.port}, tmp_path / "archive.log") as served,
    ):
        ended = movescu(served.name, "--not-async", "--", *queries(tmp_path, 1, 2, 3))
        assert (ended.status, ended.err) == (0, "")
        assert bodies(receiver.files()) == bodies([path for path in folder.rglob("?/?") if path.is_file()])
    request, first = "<< 1:C-MOVE-RQ[pcid=1, prior=0, dest=DEST", ">> 1:C-MOVE-RSP[pcid=1, remaining=3"
    assert ended.messages[0] == request
    assert ended.messages[1] == f"{first}, completed=1, failed=0, warning=0, status=ff00H"
    assert ended.out.splitlines()[1:3] == [MOVE_CUID, IMPLICIT]
    assert [line.split(":")[0][3:] for line in ended.messages if "ff00H" not in line] == list("112233")
    assert ended.finals == [
        f">> {number}:C-MOVE-RSP[pcid=1, completed=4, failed=0, warning=0, status=0H" for number in (1, 2, 3)
    ]


def test_without_not_async_every_request_is_sent_before_the_first_answer(
    folder: Path, tmp_path: Path
) -> None:
    with (
        storescp(tmp_path / "in", "--response-delay", "30") as receiver,
        archive(folder, {"DEST": receiver.port}, tmp_path / "archive.log") as served,
    ):
        ended = movescu(served.name, "--", *queries(tmp_path, 1, 2, 3))
    requests = [line.split(":")[0] for line in ended.messages if "-RQ[" in line]
    assert [line.split(":")[0] for line in ended.messages[:3]] == requests == ["<< 1", "<< 2", "<< 3"]
    assert len(ended.finals) == 3


def test_a_refused_retrieve_ends_with_0_and_the_next_goes_on(folder: Path, tmp_path: Path) -> None:
    down = free_port()
    with archive(folder, {"DEST": down}, tmp_path / "archive.log") as served:
        refused = movescu(served.name, "--not-async", "--", *queries(tmp_path, 1, 9))
        unknown = run(*tool("movescu", "-c", served.name, "--dest", "NOSUCHAE", *queries(tmp_path, 1)))
    assert (refused.status, unknown.status) == (0, 0)
    assert refused.finals == [
        ">> 1:C-MOVE-RSP[pcid=1, status=a702H, errorComment=Connection refused",
        ">> 2:C-MOVE-RSP[pcid=1, completed=0, failed=0, warning=0, status=0H",
    ]
    assert unknown.finals == [
        ">> 1:C-MOVE-RSP[pcid=1, status=a801H, errorComment=Move Destination: NOSUCHAE unknown"
    ]


def test_a_refused_connection_ends_with_2(tmp_path: Path) -> None:
    ended = movescu(f"A@127.0.0.1:{free_port()}", *queries(tmp_path, 1))
    assert (ended.status, ended.out, ended.err.splitlines()[0]) == (2, "", "movescu: Connection refused")


def test_a_rejected_association_ends_with_2_and_its_reason(folder: Path, tmp_path: Path) -> None:
    with archive(folder, {"DEST": 1}, tmp_path / "archive.log") as served:
        ended = movescu(f"OTHER@127.0.0.1:{served.port}", *queries(tmp_path, 1))
    assert ended.status == 2
    assert ended.err.splitlines()[0] == (
        "movescu: A-ASSOCIATE-RJ[result: 1 - rejected-permanent, source: 1 - service-user, "
        "reason: 7 - called-AE-title-not-recognized]"
    )


def test_a_missing_file_ends_with_2_after_those_before_it(folder: Path, tmp_path: Path) -> None:
    (first,) = queries(tmp_path, 1)
    with (
        storescp(tmp_path / "in") as receiver,
        archive(folder, {"DEST": receiver.port}, tmp_path / "archive.log") as served,
    ):
        ended = movescu(served.name, "--not-async", "--", first, "gone.dcm", first)
    assert ended.status == 2
    assert ended.err == "movescu: gone.dcm (No such file or directory)\n"
    assert len(ended.finals) == 1
    assert ended.messages[-1].startswith(">> 1:C-MOVE-RSP")


@contextmanager
def misbehaving(folder: Path, tmp_path: Path, *faults: str) -> Iterator[str]:
    with (
        storescp(tmp_path / "in") as receiver,
        archive(folder, {"DEST": receiver.port}, tmp_path / "archive.log", *faults) as served,
    ):
        yield served.name


def test_a_retrieve_that_hangs_ends_with_2_and_logs_a_request_never_sent(
    folder: Path, tmp_path: Path
) -> None:
    with misbehaving(folder, tmp_path, "hang-middle=2", f"log={tmp_path / 'requests'}") as name:
        ended = movescu(
            name, "--not-async", "--verbose", "--retrieve-timeout", "500", "--", *queries(tmp_path, 1, 2, 3)
        )
    assert ended.status == 2
    assert ended.err == "movescu: A-ABORT[source: 0 - service-user, reason: 0]\n"
    assert "1:DIMSE-RSP timeout expired" in ended.out
    assert ended.finals == []
    assert ended.messages[-1].startswith("<< 2:C-MOVE-RQ")
    assert (tmp_path / "requests").read_text().count('"event": "move"') == 1


def test_a_retrieve_that_hangs_with_nothing_left_to_send_tells_the_state(
    folder: Path, tmp_path: Path
) -> None:
    with misbehaving(folder, tmp_path, "hang-first") as name:
        ended = movescu(name, "--not-async", "--retrieve-timeout", "300", *queries(tmp_path, 1))
    assert (ended.status, ended.err) == (
        2,
        "movescu: Sta13 - Awaiting Transport Connection Close Indication\n",
    )


def test_one_time_out_ends_all_requests_that_were_sent_at_once(folder: Path, tmp_path: Path) -> None:
    with misbehaving(folder, tmp_path, "slow=150") as name:
        patient = movescu(name, "--not-async", "--retrieve-timeout", "500", "--", *queries(tmp_path, 1, 2, 3))
        hasty = movescu(name, "--retrieve-timeout", "500", "--", *queries(tmp_path, 1, 2, 3))
    assert (patient.status, len(patient.finals)) == (0, 3)
    assert hasty.status == 2
    assert len(hasty.finals) < 3


def test_the_total_time_out_is_not_renewed_by_pending_responses(folder: Path, tmp_path: Path) -> None:
    with misbehaving(folder, tmp_path, "slow=200") as name:
        renewed = movescu(name, "--not-async", "--retrieve-timeout", "600", *queries(tmp_path, 1))
        total = movescu(name, "--not-async", "--retrieve-timeout-total", "600", *queries(tmp_path, 1))
    assert (renewed.status, total.status) == (0, 2)


def test_an_abort_midway_leaves_the_final_responses_that_came(folder: Path, tmp_path: Path) -> None:
    with misbehaving(folder, tmp_path, "abort-middle=2", "slow=0") as name:
        ended = movescu(name, "--not-async", "--", *queries(tmp_path, 1, 2))
    assert ended.status == 2
    assert ended.err == "movescu: A-ABORT[source: 0 - service-user, reason: 0]\n"
    assert ended.messages[-1].startswith("<< 2:C-MOVE-RQ")


@contextmanager
def closing_peer(answer: bytes = b"") -> Iterator[int]:
    """A port that takes one connection, says this, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(PATIENCE)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "movescu: null"),
        (b"\7\0\0\0\0\4\0\0\2\1", "movescu: A-ABORT[source: 2 - service-provider, reason: 1]"),
        (b"\2\0\0\0\0\2\0\1", "movescu: an A-ASSOCIATE PDU that is too short"),
        (
            encode_acceptance(Terms(called="A", calling="MOVESCU", contexts=())),
            "movescu: A does not support 1.2.840.10008.5.1.4.1.2.2.2",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n", "movescu: a PDU without end"),
    ],
)
def test_a_peer_that_is_no_archive_ends_with_2(tmp_path: Path, answer: bytes, message: str) -> None:
    with closing_peer(answer) as port:
        ended = movescu(f"A@127.0.0.1:{port}", *queries(tmp_path, 1))
    assert ended.status == 2
    assert ended.err.startswith(message)
    assert "Traceback" not in ended.err


def test_a_peer_that_never_answers_ends_at_the_accept_time_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"A@127.0.0.1:{server.getsockname()[1]}"
        ended = movescu(name, "--accept-timeout", "300", *queries(tmp_path, 1))
    assert (ended.status, ended.err) == (2, "movescu: A-ABORT[source: 0 - service-user, reason: 0]\n")


@pytest.mark.parametrize("name", ["movescu", "findscu"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_waiting_tool_at_once(
    tmp_path: Path, name: str, number: signal.Signals, status: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        called = f"A@127.0.0.1:{server.getsockname()[1]}"
        command = tool(name, "-c", called, "-m", "PatientID=1", "--verbose")
        command += ["--dest", "D"] if name == "movescu" else []
        with started(command, tmp_path / "log") as process:
            wait_until(lambda: b"A-ASSOCIATE-RQ" in (tmp_path / "log").read_bytes(), "the request")
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(PATIENCE) == status
            assert time.monotonic() - began < 0.4


def test_matches_are_numbered_over_the_whole_process(folder: Path, tmp_path: Path) -> None:
    files = [
        query_file(tmp_path / name, StudyDate=date)
        for name, date in (("a", "20200102-"), ("b", "20210101"), ("c", "20200101"))
    ]
    with archive(folder, {"DEST": 1}, tmp_path / "archive.log") as served:
        ended = findscu(
            served.name,
            "--not-async",
            "--out-dir",
            tmp_path / "deep" / "out",
            "--out-file",
            "000'.dcm'",
            "-r",
            "StudyInstanceUID",
            "-r",
            "NumberOfStudyRelatedInstances",
            "--",
            *files,
        )
    assert (ended.status, ended.err) == (0, "")
    results = sorted((tmp_path / "deep" / "out").iterdir())
    assert [path.name for path in results] == ["001.dcm", "002.dcm", "003.dcm"]
    answers = [dcmread(path, force=True) for path in results]
    assert [answer.StudyInstanceUID for answer in answers] == ["1.2.3.2", "1.2.3.3", "1.2.3.1"]
    assert [answer.NumberOfStudyRelatedInstances for answer in answers] == [4, 4, 4]
    pending = [line for line in ended.messages if "status=ff00H" in line]
    assert [line[3] for line in pending] == ["1", "1", "3"]
    assert [line[3] for line in ended.finals] == ["1", "2", "3"]


def test_results_are_plain_data_sets_with_the_bytes_that_came(tmp_path: Path) -> None:
    name = "Müller^Jörg"
    save(instance(SpecificCharacterSet="ISO_IR 100", PatientName=name), tmp_path / "folder" / "a")
    with archive(tmp_path / "folder", {"DEST": 1}, tmp_path / "archive.log") as served:
        findscu(served.name, "--out-dir", tmp_path / "out", "-r", "PatientName")
    data = (tmp_path / "out" / "001.dcm").read_bytes()
    assert data.startswith(b"\x08\0\5\0\x0a\0\0\0ISO_IR 100")
    assert name.encode("latin-1") in data


def test_all_matches_may_go_into_one_file(folder: Path, tmp_path: Path) -> None:
    with archive(folder, {"DEST": 1}, tmp_path / "archive.log") as served:
        findscu(served.name, "--out-dir", tmp_path / "out", "--out-cat", "-r", "StudyInstanceUID")
    (path,) = (tmp_path / "out").iterdir()
    assert (path.name, path.read_bytes().count(b"1.2.3.")) == ("001.dcm", 3)


def test_a_result_that_cannot_be_written_is_told_and_ends_with_0(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "002.dcm").mkdir(parents=True)
    with archive(folder, {"DEST": 1}, tmp_path / "archive.log") as served:
        ended = findscu(served.name, "--out-dir", tmp_path / "out", "-r", "StudyInstanceUID")
    assert ended.status == 0
    assert "002.dcm (Is a directory)" in ended.err
    assert sum("status=ff00H" in line for line in ended.messages) == 3
    assert [path.name for path in sorted((tmp_path / "out").iterdir()) if path.is_file()] == [
        "001.dcm",
        "003.dcm",
    ]


def test_a_refused_query_ends_with_0(folder: Path, tmp_path: Path) -> None:
    with misbehaving(folder, tmp_path, "find-status=a700") as name:
        ended = findscu(name, "-r", "StudyInstanceUID")
    assert ended.status == 0
    assert ended.finals == [">> 1:C-FIND-RSP[pcid=1, status=a700H, errorComment=refused on purpose"]


def test_the_response_time_out_ends_a_silence_before_the_first_answer(folder: Path, tmp_path: Path) -> None:
    files = [query_file(tmp_path / name, StudyInstanceUID="") for name in "ab"]
    with misbehaving(folder, tmp_path, "find-hang") as name:
        ended = findscu(name, "--not-async", "--response-timeout", "300", "--", *files)
    assert (ended.status, ended.err) == (2, "findscu: A-ABORT[source: 0 - service-user, reason: 0]\n")
    assert ended.messages[-1].startswith("<< 2:C-FIND-RQ")


def test_the_response_time_out_does_not_end_a_silence_after_the_first_answer(
    folder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with misbehaving(folder, tmp_path, "find-hang=2") as name:
        command = tool(
            "findscu", "-c", name, "--response-timeout", "200", "--idle-timeout", "200", "-r", "StudyDate"
        )
        with started(command, log) as process:
            wait_until(lambda: log.read_text().count("status=ff00H") == 2, "two answers")
            time.sleep(0.8)  # nothing can be waited for: that nothing happens is what is tested
            assert process.poll() is None


def test_an_abort_after_some_answers_leaves_their_files(folder: Path, tmp_path: Path) -> None:
    with misbehaving(folder, tmp_path, "find-abort=2") as name:
        ended = findscu(name, "--out-dir", tmp_path / "out", "-r", "StudyInstanceUID")
    assert (ended.status, ended.err) == (2, "findscu: Sta1 - Idle\n")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_identifiers_are_in_the_log_only_where_contents_are_asked_for(folder: Path, tmp_path: Path) -> None:
    file = query_file(tmp_path / "q", PatientID="P1", StudyInstanceUID="1.2.3.1" + ".7" * 27)
    with archive(folder, {"DEST": 1}, tmp_path / "archive.log") as served:
        quiet = findscu(served.name, "--verbose", "--", file)
        loud = findscu(served.name, "--debug", "--", file)
    assert "P1" not in quiet.out
    assert "(0010,0020) LO [P1] PatientID" in loud.out
    assert max(map(len, (line for line in loud.out.splitlines() if line.startswith("(")))) == 78


def test_help_is_printed() -> None:
    ended = run(*tool("findscu", "--help"))
    assert ended.status == 0
    assert "--out-file" in ended.out


@pytest.mark.dcmtk
@pytest.mark.skipif(shutil.which("dcmqrscp") is None, reason="dcmqrscp is missing: apt-get install dcmtk")
def test_dcmtks_archive_answers_and_sends(folder: Path, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "db").mkdir()
    with storescp(tmp_path / "in") as receiver:
        configuration = tmp_path / "dcmqrscp.cfg"
        configuration.write_text(
            f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\ndest = (DEST, 127.0.0.1, {receiver.port})\nHostTable END\n"
            f"VendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\nQR {tmp_path / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
        )
        with started([str(shutil.which("dcmqrscp")), "-c", str(configuration)], tmp_path / "qr.log"):
            files = [str(path) for path in folder.rglob("?/?") if path.is_file()]
            store = ["storescu", "-aec", "QR", "127.0.0.1", str(port), *files]
            wait_until(lambda: run(*store).status == 0, "dcmqrscp")
            found = findscu(
                f"QR@127.0.0.1:{port}", "--not-async", "--out-dir", tmp_path / "out", "-r", "StudyInstanceUID"
            )
            moved = movescu(f"QR@127.0.0.1:{port}", "--not-async", "--", *queries(tmp_path, 1, 2, 3))
        assert (found.status, len(list((tmp_path / "out").iterdir()))) == (0, 3)
        assert [line.rsplit(", ", 1)[1] for line in moved.finals] == ["status=0H"] * 3
        assert len(receiver.files()) == 12
