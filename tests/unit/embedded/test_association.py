"""Messages over a pair of sockets: what is sent in pieces, what breaks midway, what is cancelled."""

import io
import os
import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any, cast

import pytest

from niffler_ops.embedded import dataset
from niffler_ops.embedded.answering import Query
from niffler_ops.embedded.archive import Session
from niffler_ops.embedded.association import AbortedError, Association, LostError, Syntaxes
from niffler_ops.embedded.command import Command, Field
from niffler_ops.embedded.log import Log
from niffler_ops.embedded.uids import IMPLICIT_VR_LITTLE_ENDIAN, STUDY_ROOT_FIND

CONTEXT = 1
STORE = Command(field=Field.C_STORE_RQ, sop_class="1.2.840", message_id=1, has_data=True)
SMALLEST = 1024


def associations(peer_maximum_length: int = 0) -> tuple[Association, Association]:
    """Both ends of one association."""
    here, there = (
        Association(
            connection,
            label=label,
            local_aet="HERE",
            remote_aet="THERE",
            contexts={CONTEXT: Syntaxes(abstract=STUDY_ROOT_FIND, transfer=IMPLICIT_VR_LITTLE_ENDIAN)},
            peer_maximum_length=peer_maximum_length,
            window=1,
            log=Log.silent(),
        )
        for connection, label in zip(socket.socketpair(), ("here", "there"), strict=True)
    )
    return here, there


class Breaking(io.BytesIO):
    """A data set whose file fails after some bytes."""

    def __init__(self, whole: int) -> None:
        super().__init__(bytes(whole))

    def readinto(self, buffer: Any, /) -> int:
        """As a disk that fails."""
        if self.tell() == len(self.getvalue()):
            raise OSError(5, os.strerror(5))
        return super().readinto(buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        """Never its end."""
        return super().read(size) or b"\0"


@pytest.mark.parametrize("length", [0, 1, 1000, 1011, 1012, 1013, 5000, 20_000])
@pytest.mark.parametrize("maximum", [SMALLEST, 16_384, 0])
def test_a_data_set_arrives_whatever_the_length_of_the_pdus(length: int, maximum: int) -> None:
    here, there = associations(maximum)
    data = os.urandom(length)
    for number in (1, 2):  # the second is not mixed with what was left of the first
        here.send(CONTEXT, STORE, io.BytesIO(data))
        message = there.receive()
        assert (message.command, message.data) == (STORE, data), number
    here.close()
    there.close()


def test_a_data_set_that_cannot_be_read_to_its_end_aborts_the_association() -> None:
    here, there = associations(SMALLEST)
    with pytest.raises(LostError, match="Input/output error"):
        here.send(CONTEXT, STORE, Breaking(10_000))
    with pytest.raises(AbortedError):
        there.receive()
    there.close()


class Plenty:
    """As many matches as are asked for by InstanceNumber."""

    def find(self, _session: Session, query: Query) -> Iterator[dict[int, bytes]]:
        """All alike."""
        for _ in range(int(query.keys[0x00200013])):
            yield {dataset.PATIENT_ID: b"P1"}


def request(number: int, matches: int) -> tuple[Command, io.BytesIO]:
    """A C-FIND-RQ with this message ID."""
    keys = {dataset.QUERY_RETRIEVE_LEVEL: b"STUDY ", 0x00200013: dataset.padded(str(matches))}
    command = Command(field=Field.C_FIND_RQ, sop_class=STUDY_ROOT_FIND, message_id=number, has_data=True)
    return command, io.BytesIO(dataset.encode(keys.items()))


def _until_closed(session: Session) -> None:
    with pytest.raises(LostError):
        session.run()


def test_a_cancel_is_of_the_request_before_it_and_of_no_later_one() -> None:
    here, there = associations()
    for command, data in (
        request(1, 3),
        request(2, 3),
        (Command(field=Field.C_CANCEL_RQ, responding_to=2), None),
        (Command(field=Field.C_CANCEL_RQ, responding_to=7), None),
        request(3, 2),
        request(7, 1),
    ):
        here.send(CONTEXT, command, data)
    session = Session(cast("Any", Plenty()), there, cast("Any", None))
    serving = Thread(target=_until_closed, args=(session,))
    serving.start()
    responses = [here.receive().command for _ in range(10)]
    here.close()
    serving.join()
    there.close()
    pending, success, cancelled = 0xFF00, 0, 0xFE00
    assert [(response.responding_to, response.status) for response in responses] == [
        *((1, pending), (1, pending), (1, pending), (1, success)),
        (2, cancelled),
        *((3, pending), (3, pending), (3, success)),
        *((7, pending), (7, success)),
    ]
