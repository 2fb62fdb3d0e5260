"""C-ECHO tells an archive that answers from one that does not, whatever it does instead."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from niffler_ops.embedded.echo import Echo, echo
from niffler_ops.model import Peer
from tests.support.peers import absent, answering

ABORT = struct.pack(">BBI4B", 7, 0, 4, 0, 0, 0, 0)


def accept(request: bytes, result: int = 0) -> bytes:
    """An A-ASSOCIATE-AC for a request with one presentation context (PS3.8 9.3.3)."""
    context = struct.pack(">BBHBBBB", 0x21, 0, 25, 1, 0, result, 0) + struct.pack(">BBH", 0x40, 0, 17)
    user = struct.pack(">BBH", 0x50, 0, 8) + struct.pack(">BBHI", 0x51, 0, 4, 16384)
    application = struct.pack(">BBH", 0x10, 0, 21) + b"1.2.840.10008.3.1.1.1"
    items = request[6:74] + application + context + b"1.2.840.10008.1.2" + user
    return struct.pack(">BBI", 2, 0, len(items)) + items


@contextmanager
def serving(behave: Callable[[socket.socket], None]) -> Iterator[Peer]:
    """A peer that treats one connection as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Peer(aet="PACS", host="127.0.0.1", port=server.getsockname()[1])
        finally:
            thread.join()


def ask(peer: Peer, timeout: float = 0.3) -> Echo:
    return echo(peer, calling_aet="QBNIFFLER", timeout=timeout)


def wait_for_the_end(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_an_archive_that_answers() -> None:
    with answering() as peer:
        assert ask(peer, 5) is Echo.ANSWERED


def test_an_archive_that_does_not_know_us() -> None:
    with answering(known="SOMEBODY") as peer:
        assert ask(peer, 5) is Echo.REJECTED


def test_a_port_where_nobody_listens() -> None:
    assert ask(absent()) is Echo.UNREACHABLE


def test_a_host_name_that_does_not_exist() -> None:
    assert ask(Peer(aet="PACS", host="no-such-host.invalid", port=104)) is Echo.UNREACHABLE


def silent(connection: socket.socket) -> None:
    wait_for_the_end(connection)


def accepts_and_is_silent(connection: socket.socket) -> None:
    connection.sendall(accept(connection.recv(65536)))
    wait_for_the_end(connection)


def accepts_and_aborts(connection: socket.socket) -> None:
    connection.sendall(accept(connection.recv(65536)) + ABORT)
    wait_for_the_end(connection)


def accepts_and_leaves(connection: socket.socket) -> None:
    connection.sendall(accept(connection.recv(65536)))


def refuses_verification(connection: socket.socket) -> None:
    connection.sendall(accept(connection.recv(65536), result=3))  # abstract syntax not supported
    wait_for_the_end(connection)


def babbles(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (silent, Echo.UNREACHABLE),
        (refuses_verification, Echo.UNREACHABLE),
        (babbles, Echo.UNREACHABLE),
        (accepts_and_is_silent, Echo.SILENT),
        (accepts_and_aborts, Echo.SILENT),
        (accepts_and_leaves, Echo.SILENT),
    ],
)
def test_a_peer_that_behaves_badly_is_no_answer_and_no_error(
    behave: Callable[[socket.socket], None], expected: Echo
) -> None:
    with serving(behave) as peer:
        assert ask(peer) is expected
