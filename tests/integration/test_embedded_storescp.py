"""The embedded storescp, as a process, with real associations from other implementations."""

import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, _config
from pynetdicom.association import Association

from niffler_ops.embedded import negotiation
from niffler_ops.embedded.association import IS_COMMAND, IS_LAST, P_DATA
from niffler_ops.embedded.command import Command, decode_command, encode_command
from niffler_ops.embedded.filepath import md5_name
from tests.support.embedded import (
    PATIENCE,
    bodies,
    body,
    corpus,
    instance,
    run,
    save,
    storescp,
    tool,
    wait_until,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
PRIVATE_CLASS = UID("1.2.826.0.1.3680043.2.1143.7.1")
PRIVATE_SYNTAX = UID("1.2.826.0.1.3680043.2.1143.7.2")
STORESCU = shutil.which("storescu")


@pytest.fixture(autouse=True)
def chunked_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom sends files as they stand."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", value=True)


@contextmanager
def association(
    port: int, contexts: Sequence[tuple[str, str]], called: str = "DEST"
) -> Iterator[Association]:
    entity = AE(ae_title="SENDER")
    for sop_class, transfer_syntax in contexts:
        entity.add_requested_context(sop_class, transfer_syntax)
    made = entity.associate("127.0.0.1", port, ae_title=called)
    try:
        yield made
    finally:
        if made.is_established:
            made.release()
            made.join(PATIENCE)


def send(
    port: int, paths: Sequence[Path], syntax: str = "1.2.840.10008.1.2.1", sop_class: str = CT
) -> list[Any]:
    """The responses to these files, sent over one association."""
    with association(port, [(sop_class, syntax)]) as made:
        assert made.is_established
        return [made.send_c_store(path) for path in paths]


def place(folder: Path, study: str, sop_instance: str) -> Path:
    return folder / md5_name(study) / f"{md5_name(sop_instance)}.dcm"


def test_an_instance_stands_at_its_md5_names_with_the_bytes_that_were_sent(tmp_path: Path) -> None:
    path = save(instance(), tmp_path / "a")
    with storescp(tmp_path / "in") as receiver:
        (response,) = send(receiver.port, [path])
        assert response.Status == 0
        assert receiver.files() == [place(receiver.folder, "1.2.3.1", "1.2.3.1.1.1")]
        assert bodies(receiver.files()) == bodies([path])
    log = receiver.log.read_text()
    assert "DEST<-SENDER(" in log
    assert ">> 1:C-STORE-RQ[pcid=1, prior=2\n  cuid=1.2.840.10008.5.1.4.1.1.2 - CT Image Storage\n" in log
    assert "<< 1:C-STORE-RSP[pcid=1, status=0H\n" in log
    assert "P1" not in log


@pytest.mark.dcmtk
@pytest.mark.skipif(STORESCU is None, reason="storescu is missing: apt-get install dcmtk")
def test_dcmtk_delivers_a_folder_over_several_associations(tmp_path: Path) -> None:
    source = corpus(tmp_path / "source", studies=5, instances=8)
    with storescp(tmp_path / "in") as receiver:
        command = [str(STORESCU), "-aec", "DEST", "127.0.0.1", str(receiver.port), "+sd", "+r"]
        senders = [
            subprocess.Popen([*command, str(source / f"{study}")], env=os.environ | {"TCP_NODELAY": "1"})
            for study in range(1, 6)
        ]
        assert [sender.wait(PATIENCE) for sender in senders] == [0] * 5
        sent = [path for path in source.rglob("*") if path.is_file()]
        assert bodies(receiver.files()) == bodies(sent)


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGBaseline8Bit,
        JPEGLSLossless,
        JPEG2000Lossless,
        HTJ2KLossless,
        RLELossless,
    ],
    ids=lambda syntax: syntax.name,
)
def test_every_transfer_syntax_is_stored_unchanged(tmp_path: Path, syntax: UID) -> None:
    made = instance()
    made.file_meta.TransferSyntaxUID = syntax
    if syntax.is_encapsulated:
        made.PixelData = encapsulate([b"frame" * 40])
        made["PixelData"].is_undefined_length = True
    made["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    path = save(made, tmp_path / "a")
    with storescp(tmp_path / "in") as receiver:
        (response,) = send(receiver.port, [path], syntax)
        assert response.Status == 0
        assert body(receiver.files()[0]) == body(path)
        assert receiver.files() == [place(receiver.folder, "1.2.3.1", "1.2.3.1.1.1")]


def test_a_private_sop_class_is_stored_where_unknown_ones_are_accepted(tmp_path: Path) -> None:
    path = save(instance(SOPClassUID=PRIVATE_CLASS), tmp_path / "a")
    with storescp(tmp_path / "in") as receiver:
        (response,) = send(receiver.port, [path], sop_class=PRIVATE_CLASS)
        assert response.Status == 0
        assert len(receiver.files()) == 1


def test_an_object_of_two_thousand_frames_takes_no_memory_to_speak_of(tmp_path: Path) -> None:
    frame = os.urandom(64 * 64 * 2)
    path = save(instance(NumberOfFrames=2000, Rows=64, Columns=64, PixelData=frame * 2000), tmp_path / "a")
    with storescp(tmp_path / "in") as receiver:
        send(receiver.port, [save(instance(), tmp_path / "small")])
        before = resident(receiver.process.pid)
        (response,) = send(receiver.port, [path])
        assert response.Status == 0
        assert resident(receiver.process.pid) - before < 8 * 1024
        assert body(path) in map(body, receiver.files())


def resident(pid: int) -> int:
    """The highest number of kilobytes in memory so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def test_c_echo_is_answered_and_another_ae_title_is_rejected(tmp_path: Path) -> None:
    with storescp(tmp_path / "in") as receiver:
        with association(receiver.port, [("1.2.840.10008.1.1", "1.2.840.10008.1.2")]) as made:
            assert made.send_c_echo().Status == 0
        with association(receiver.port, [("1.2.840.10008.1.1", "1.2.840.10008.1.2")], "OTHER") as made:
            assert made.is_rejected


def test_a_taken_port_ends_with_2_and_says_so(tmp_path: Path) -> None:
    with storescp(tmp_path / "in") as receiver:
        ended = run(*tool("storescp", "-b", f"DEST:{receiver.port}", "--directory", tmp_path))
    assert ended.status == 2
    assert ended.err.startswith(f"storescp: Unable to start TCPListener on null:{receiver.port}\n")
    assert "Address already in use" in ended.err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_at_once_and_leaves_the_part_file(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    path = save(instance(PixelData=bytes(8 * 1024 * 1024)), tmp_path / "a")
    with storescp(tmp_path / "in") as receiver:
        with half_sent(receiver.port, path):
            wait_until(lambda: any(f.suffix == ".part" for f in receiver.files()), "a part file")
            began = time.monotonic()
            receiver.process.send_signal(number)
            assert receiver.process.wait(PATIENCE) == status
            assert time.monotonic() - began < 0.4
        assert [file.suffix for file in receiver.files()] == [".part"]


def test_a_sender_that_dies_leaves_nothing(tmp_path: Path) -> None:
    path = save(instance(PixelData=bytes(8 * 1024 * 1024)), tmp_path / "a")
    with storescp(tmp_path / "in") as receiver:
        with half_sent(receiver.port, path):
            wait_until(receiver.files, "a part file")
        wait_until(lambda: not receiver.files(), "the part file to go")


@contextmanager
def half_sent(port: int, path: Path) -> Iterator[None]:
    """A sender that stops midway through an instance, and vanishes with the block."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        begin_store(connection, "2.25.777", "1.2.840.10008.1.2.1")
        connection.sendall(fragment(0, body(path)[: 1024 * 1024]))
        yield


def sent_whole(port: int, data: bytes, sop_instance: str, syntax: str) -> Command:
    """The response to an instance that other implementations refuse to send."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        begin_store(connection, sop_instance, syntax)
        connection.sendall(fragment(IS_LAST, data))
        return decode_command(connection.recv(65536)[12:])


def begin_store(connection: socket.socket, sop_instance: str, syntax: str) -> None:
    """Associate, and announce a CT image."""
    context = negotiation.Context(identifier=1, abstract_syntax=CT, transfer_syntaxes=(syntax,))
    terms = negotiation.Terms(called="DEST", calling="X", contexts=(context,))
    command = Command(
        field=1, sop_class=CT, message_id=1, priority=0, has_data=True, sop_instance=sop_instance
    )
    connection.sendall(negotiation.encode_request(terms))
    connection.recv(65536)
    connection.sendall(fragment(IS_COMMAND | IS_LAST, encode_command(command)))


def fragment(control: int, data: bytes) -> bytes:
    """A P-DATA PDU with one fragment of a message."""
    return struct.pack("!BxLLBB", P_DATA, len(data) + 6, len(data) + 2, 1, control) + data


def test_garbage_is_refused_with_110_and_the_association_goes_on(tmp_path: Path) -> None:
    garbage = save(instance(), tmp_path / "garbage")
    whole = save(instance(number=2), tmp_path / "whole")
    head = garbage.read_bytes()[: -len(body(garbage))]
    garbage.write_bytes(head + b"this is not a data set at all, whatever they say")
    with storescp(tmp_path / "in") as receiver:
        first, second = send(receiver.port, [garbage, whole])
        assert (first.Status, second.Status) == (0x0110, 0)
        assert [file.name for file in receiver.files()] == [f"{md5_name('1.2.3.1.1.2')}.dcm"]


def test_long_values_before_the_uids_do_not_hide_them(tmp_path: Path) -> None:
    long = "long " * 2000
    path = save(instance(AdditionalPatientHistory=long, PatientComments=long), tmp_path / "a")
    with storescp(tmp_path / "in", pattern="{0020000D,md5}/{00080018}.dcm") as receiver:
        (response,) = send(receiver.port, [path])
        assert response.Status == 0
        (file,) = receiver.files()
        assert file.relative_to(tmp_path / "in") == Path(md5_name("1.2.3.1"), "1.2.3.1.1.1.dcm")


def test_pixel_data_cut_short_is_stored_with_success(tmp_path: Path) -> None:
    path = save(instance(), tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-100])
    with storescp(tmp_path / "in") as receiver:
        (response,) = send(receiver.port, [path])
        assert response.Status == 0
        assert body(receiver.files()[0]) == body(path)


def test_without_filepath_nothing_is_parsed_and_the_name_is_the_uid(tmp_path: Path) -> None:
    path = save(instance(), tmp_path / "a")
    head = path.read_bytes()[: -len(body(path))]
    path.write_bytes(head + b"garbage!")
    with storescp(tmp_path / "in", pattern=None) as receiver:
        (response,) = send(receiver.port, [path])
        assert response.Status == 0
        assert [file.name for file in receiver.files()] == ["1.2.3.1.1.1"]


@pytest.mark.parametrize("pattern", [None, "{00100020}/{00080018}.dcm"])
def test_no_header_leads_out_of_the_folder(tmp_path: Path, pattern: str | None) -> None:
    path = save(instance(PatientID="../../evil"), tmp_path / "a")
    data = body(path).replace(b"1.2.3.1.1.1\0", b"../../evil9\0")
    inner = tmp_path / "x" / "y" / "in"
    with storescp(inner, pattern=pattern) as receiver:
        response = sent_whole(receiver.port, data, "../../evil9", "1.2.840.10008.1.2.1")
        assert response.status == 0
        (file,) = receiver.files()
        assert inner in file.resolve().parents
        assert len(file.relative_to(inner).parts) == (1 if pattern is None else 2)
        assert [found for found in tmp_path.rglob("*evil*") if inner not in found.parents] == []


def test_a_private_transfer_syntax_is_stored_unchanged(tmp_path: Path) -> None:
    data = body(save(instance(), tmp_path / "a"))
    with storescp(tmp_path / "in") as receiver:
        assert sent_whole(receiver.port, data, "1.2.3.1.1.1", PRIVATE_SYNTAX).status == 0
        assert body(receiver.files()[0]) == data


def test_an_instance_that_comes_again_replaces_the_first(tmp_path: Path) -> None:
    first = save(instance(StudyDescription="first"), tmp_path / "a")
    second = save(instance(StudyDescription="second"), tmp_path / "b")
    with storescp(tmp_path / "in") as receiver:
        send(receiver.port, [first, second])
        assert bodies(receiver.files()) == bodies([second])


def test_the_same_instance_over_many_associations_at_once_is_never_lost(tmp_path: Path) -> None:
    path = save(instance(PixelData=os.urandom(2 * 1024 * 1024)), tmp_path / "a")
    statuses: list[int] = []
    with storescp(tmp_path / "in") as receiver:
        senders = [
            Thread(target=lambda: statuses.extend(r.Status for r in send(receiver.port, [path, path])))
            for _ in range(4)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(PATIENCE)
        assert statuses == [0] * 8
        assert bodies(receiver.files()) == bodies([path])


def test_forty_associations_at_once_are_no_problem(tmp_path: Path) -> None:
    with storescp(tmp_path / "in") as receiver:
        connections = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(40)]
        try:
            (response,) = send(receiver.port, [save(instance(), tmp_path / "a")])
            assert response.Status == 0
        finally:
            for connection in connections:
                connection.close()


@pytest.mark.parametrize("arguments", [("--status", "A700H"), ("--status", "42752")])
def test_a_status_can_be_asked_for(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with storescp(tmp_path / "in", *arguments) as receiver:
        (response,) = send(receiver.port, [save(instance(), tmp_path / "a")])
        assert response.Status == 0xA700


def test_responses_can_be_delayed(tmp_path: Path) -> None:
    with storescp(tmp_path / "in", "--response-delay", "300", "--receive-delay", "200") as receiver:
        began = time.monotonic()
        send(receiver.port, [save(instance(), tmp_path / "a")])
        assert time.monotonic() - began >= 0.5


def test_a_folder_that_cannot_be_written_is_told_to_the_sender(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a plain file")
    with storescp(tmp_path / "in") as receiver:
        first, second = send(receiver.port, [save(instance(), tmp_path / "a")] * 2)
        assert (first.Status, second.Status) == (0x0110, 0x0110)
        assert first.ErrorComment == "Not a directory"


def test_a_full_disk_is_told_and_leaves_no_part_file(tmp_path: Path) -> None:
    path = save(instance(PixelData=bytes(4 * 1024 * 1024)), tmp_path / "a")
    small = save(instance(number=2), tmp_path / "b")
    with storescp(tmp_path / "in") as receiver:
        limit_file_size(receiver.process.pid, 1024 * 1024)
        first, second = send(receiver.port, [path, small])
        assert (first.Status, second.Status) == (0x0110, 0)
        assert first.ErrorComment == "File too large"
        assert bodies(receiver.files()) == bodies([small])


def limit_file_size(pid: int, size: int) -> None:
    """A file system that takes no more than this: EFBIG stands for ENOSPC, which needs a mount."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))


def test_files_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with storescp(tmp_path / "in") as receiver:
            send(receiver.port, [save(instance(), tmp_path / "a")])
            (file,) = receiver.files()
            assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    finally:
        os.umask(before)


def test_a_probe_that_says_nothing_does_no_harm(tmp_path: Path) -> None:
    with storescp(tmp_path / "in") as receiver:
        for greeting in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\1\0\xff\xff\xff\xff"):
            with socket.create_connection(("127.0.0.1", receiver.port)) as probe:
                probe.sendall(greeting)
        (response,) = send(receiver.port, [save(instance(), tmp_path / "a")])
        assert response.Status == 0


def test_an_unknown_option_ends_with_2() -> None:
    ended = run(*tool("storescp", "-b", "DEST:0", "--no-such-option"))
    assert (ended.status, ended.err) == (
        2,
        "storescp: Unrecognized option: --no-such-option\nTry `storescp --help' for more information.\n",
    )


def test_a_pattern_it_does_not_know_ends_with_2() -> None:
    ended = run(*tool("storescp", "-b", "DEST:0", "--filepath", "{now,date,yyyy}/{00080018}"))
    assert ended.status == 2
    assert "{now,date,yyyy}" in ended.err
