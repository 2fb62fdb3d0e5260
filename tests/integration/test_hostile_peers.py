"""Peers that speak no DICOM, or speak it wrongly: it is refused, and others are served all the same."""

import random
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from niffler_ops.embedded import negotiation
from niffler_ops.embedded.association import IS_COMMAND, IS_LAST, P_DATA
from niffler_ops.embedded.command import Command, encode_command
from niffler_ops.embedded.echo import Echo, echo
from niffler_ops.model import Peer
from tests.support.embedded import Receiver, storescp, wait_until

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
SEED = 20261127
ANSWER_SECONDS = 0.3  # a peer that is answered nothing goes on
MOST_MEMORY = 40e6  # bytes more than at the start
PLAIN, FORGED = b"CALLING", b"X\n12:00"  # of the same length


def request(calling: str = "X", contexts: int = 1) -> bytes:
    """An A-ASSOCIATE-RQ that is in order."""
    proposed = tuple(
        negotiation.Context(identifier=2 * number + 1, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT,))
        for number in range(contexts)
    )
    return negotiation.encode_request(negotiation.Terms(called="DEST", calling=calling, contexts=proposed))


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack("!BxL", kind, len(body) if length is None else length) + body


def fragment(control: int, data: bytes, *, length: int | None = None, context: int = 1) -> bytes:
    counted = len(data) + 2 if length is None else length
    return pdu(P_DATA, struct.pack("!LBB", counted, context, control) + data)


def store(sop_instance: str) -> bytes:
    """The command set of a C-STORE-RQ."""
    return encode_command(
        Command(field=1, sop_class=CT, message_id=1, priority=0, has_data=True, sop_instance=sop_instance)
    )


def without_association() -> Iterator[bytes]:
    """What may come instead of a request for an association."""
    chance = random.Random(SEED)
    yield b""
    yield b"GET / HTTP/1.1\r\nHost: archive\r\n\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500)
    yield from (pdu(kind, b"\0" * 4) for kind in (0, 2, 3, 4, 5, 6, 7, 8, 255))
    yield from (pdu(1, b"", length) for length in (0, 1, 67, 2**31, 2**32 - 1))
    yield from (chance.randbytes(chance.randrange(1, 400)) for _ in range(30))
    whole = request()
    yield from (whole[: chance.randrange(len(whole))] for _ in range(20))
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(6, len(damaged))] = chance.randrange(256)
        yield bytes(damaged)


def within_association() -> Iterator[bytes]:
    """What may come where a message is due."""
    chance = random.Random(SEED)
    last = IS_COMMAND | IS_LAST
    yield pdu(P_DATA, b"")
    yield pdu(P_DATA, b"\0\0")
    yield from (fragment(last, b"abcd", length=length) for length in (0, 1, 7, 2**31, 2**32 - 1))
    yield fragment(last, store("1.2.3"), context=99)
    yield fragment(IS_LAST, b"a data set that nobody has announced")
    yield fragment(last, b"\xff" * 64)
    yield fragment(last, struct.pack("<HHL", 0, 0x0100, 2**32 - 1))
    yield fragment(IS_COMMAND, b"\0" * 2**20) * 4
    yield from (pdu(kind, b"\0" * 4) for kind in (0, 1, 2, 3, 8, 255))
    for uid in ("../../../../tmp/evil", "/etc/passwd", "a\nb", "\x1b[2J", "1" * 5000, ""):
        yield fragment(last, store(uid)) + fragment(IS_LAST, b"\x08\x00\x16\x00UI\xff\xff" + b"1" * 40)
    for _ in range(60):
        yield fragment(last, store("1.2.3")) + fragment(IS_LAST, chance.randbytes(chance.randrange(1, 600)))


PEERS: Mapping[str, Iterator[bytes]] = {
    "no association": without_association(),
    "an association": (request() + said for said in within_association()),
    "many contexts": iter([request(contexts=128), request(contexts=128)[:-40]]),
    "a forged line": iter([request(calling=PLAIN.decode()).replace(PLAIN, FORGED)]),
}


FIND_RQ = encode_command(Command(field=0x0020, sop_class=CT, message_id=1, priority=0, has_data=True))


def say(port: int, data: bytes) -> None:
    """Send it, and hear what comes until the other side closes, or has nothing to say."""
    with socket.create_connection(("127.0.0.1", port)) as connection, suppress(OSError):
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with storescp(tmp_path / "in") as made:
        yield made


@pytest.mark.parametrize("peer", PEERS)
def test_whatever_a_peer_sends_others_are_served(receiver: Receiver, peer: str) -> None:
    process = psutil.Process(receiver.process.pid)
    ours = Peer(aet="DEST", host="127.0.0.1", port=receiver.port)
    say(receiver.port, request())
    memory, files = process.memory_info().rss, process.num_fds()
    for number, data in enumerate(PEERS[peer]):
        say(receiver.port, data)
        if number % 20 == 0:
            assert echo(ours, calling_aet="OTHER", timeout=5) is Echo.ANSWERED, data
    assert echo(ours, calling_aet="OTHER", timeout=5) is Echo.ANSWERED
    assert process.memory_info().rss - memory < MOST_MEMORY
    wait_until(lambda: process.num_fds() < files + 20, "connections are closed")
    log = receiver.log.read_text()
    assert "Traceback" not in log
    assert not [line for line in log.splitlines() if line.startswith("12:00")]
    outside = [file for file in receiver.files() if receiver.folder not in file.resolve().parents]
    assert not outside
    assert {file.name for file in receiver.folder.parent.iterdir()} <= {"in", "in.log"}


def test_data_sets_of_what_is_no_storage_are_not_kept(receiver: Receiver) -> None:
    """Each of many associations may send one that has no end."""
    process = psutil.Process(receiver.process.pid)
    say(receiver.port, request())
    memory = process.memory_info().rss
    piece = fragment(0, bytes(2**20))
    with ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", receiver.port)))
            connection.sendall(request() + fragment(IS_COMMAND | IS_LAST, FIND_RQ))
            for _ in range(30):
                connection.sendall(piece)
        ours = Peer(aet="DEST", host="127.0.0.1", port=receiver.port)
        assert echo(ours, calling_aet="OTHER", timeout=5) is Echo.ANSWERED
        assert process.memory_info().rss - memory < MOST_MEMORY
