"""From a connection to an association, as requestor and as acceptor."""

import itertools
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from niffler_ops.embedded import negotiation
from niffler_ops.embedded.association import (
    ABORT,
    ABORT_BY_USER,
    CONTROL_LENGTH,
    PDU_HEAD,
    SHORT_PDU,
    AbortedError,
    Association,
    EndedError,
    LostError,
    Syntaxes,
    TimedOutError,
    describe_abort,
)
from niffler_ops.embedded.log import Log
from niffler_ops.embedded.negotiation import ASSOCIATE_AC, ASSOCIATE_RJ, ASSOCIATE_RQ, Context, Terms
from niffler_ops.embedded.uids import IMPLICIT_VR_LITTLE_ENDIAN
from niffler_ops.model import Peer

REQUEST_SECONDS = 60.0  # for a peer that connects to ask for an association

_numbers = itertools.count(1)


class RejectedError(EndedError):
    """The association was refused, by the peer or by us."""


class ConnectError(EndedError):
    """There is no connection; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Seconds, or None for no limit."""

    connect: float | None = None
    accept: float | None = None
    send: float | None = None
    release: float | None = None


def deadline(seconds: float | None) -> float | None:
    """A moment of the monotonic clock, this many seconds from now."""
    return None if seconds is None else time.monotonic() + seconds


def request(
    peer: Peer,
    local_aet: str,
    proposals: Sequence[tuple[str, tuple[str, ...]]],
    *,
    log: Log,
    window: tuple[int, int] = negotiation.SYNCHRONOUS,
    timeouts: Timeouts | None = None,
) -> Association:
    """Connect and associate; `proposals` are abstract syntaxes with their transfer syntaxes.

    Raises EndedError, with a text as the tools write it.
    """
    timeouts = timeouts or Timeouts()
    contexts = tuple(
        Context(identifier=2 * index + 1, abstract_syntax=abstract, transfer_syntaxes=transfer)
        for index, (abstract, transfer) in enumerate(proposals)
    )
    terms = Terms(called=peer.aet, calling=local_aet, contexts=contexts, window=window)
    connection = _connect(peer, timeouts.connect, log)
    label = f"{local_aet}->{peer.aet}({next(_numbers)})"
    try:
        log.note(f"{label} << A-ASSOCIATE-RQ")
        answered = _negotiate(connection, terms, timeouts.accept)
    except EndedError as error:
        log.note(f"{label}: {error}")
        connection.close()
        raise
    log.note(f"{label} >> A-ASSOCIATE-AC")
    return Association(
        connection,
        label=label,
        local_aet=local_aet,
        remote_aet=peer.aet,
        contexts=_accepted(contexts, answered.contexts),
        peer_maximum_length=answered.maximum_length,
        window=answered.window[0],
        log=log,
        send_timeout=timeouts.send,
    )


def _connect(peer: Peer, seconds: float | None, log: Log) -> socket.socket:
    log.note(f"Initiate connection from 0.0.0.0/0.0.0.0:0 to {peer.host}:{peer.port}")
    try:
        connection = socket.create_connection((peer.host, peer.port), timeout=seconds)
    except TimeoutError as error:
        raise ConnectError("Connect timed out") from error
    except socket.gaierror as error:
        raise ConnectError(f"{peer.host}: {error.strerror}") from error
    except OSError as error:
        raise ConnectError(error.strerror or str(error)) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    log.note(f"Established connection {connection.getsockname()} to {connection.getpeername()}")
    return connection


def _negotiate(connection: socket.socket, terms: Terms, seconds: float | None) -> Terms:
    try:
        connection.sendall(negotiation.encode_request(terms))
        pdu = _read_pdu(connection, seconds)
    except TimedOutError:
        _abort(connection)
        raise
    except OSError as error:
        raise LostError(error.strerror or str(error)) from error
    if pdu[0] == ASSOCIATE_RJ and len(pdu) >= SHORT_PDU:
        raise RejectedError(negotiation.describe_rejection(pdu))
    if pdu[0] == ABORT and len(pdu) >= SHORT_PDU:
        raise AbortedError(describe_abort(pdu))
    return _decoded(connection, pdu, ASSOCIATE_AC, negotiation.decode_acceptance)


def _decoded(connection: socket.socket, pdu: bytes, expected: int, decode: Callable[[bytes], Terms]) -> Terms:
    problem = f"a PDU of type {pdu[0]} where one of type {expected} is due"
    if pdu[0] == expected:
        try:
            return decode(pdu)
        except ValueError as error:
            problem = str(error)
    _abort(connection)
    raise AbortedError(problem)


def _abort(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(ABORT_BY_USER)


def _read_pdu(connection: socket.socket, seconds: float | None) -> bytes:
    until = deadline(seconds)
    data, wanted = b"", PDU_HEAD
    while len(data) < wanted:
        connection.settimeout(None if until is None else max(until - time.monotonic(), 1e-6))
        try:
            piece = connection.recv(wanted - len(data))
        except TimeoutError as error:
            raise TimedOutError(describe_abort(ABORT_BY_USER)) from error
        except OSError as error:
            raise LostError(error.strerror or str(error)) from error
        if not piece:
            raise LostError("null")
        data += piece
        if len(data) == PDU_HEAD:
            wanted += struct.unpack("!L", data[2:])[0]
            if wanted > CONTROL_LENGTH:
                raise LostError("a PDU without end")
    return data


def _accepted(proposed: tuple[Context, ...], answered: tuple[Context, ...]) -> dict[int, Syntaxes]:
    abstract = {context.identifier: context.abstract_syntax for context in proposed}
    return {
        context.identifier: Syntaxes(
            abstract=abstract[context.identifier], transfer=context.transfer_syntaxes[0]
        )
        for context in answered
        if context.result == negotiation.ACCEPTANCE
        and context.identifier in abstract
        and context.transfer_syntaxes
    }


def accept(
    connection: socket.socket,
    local_aet: str,
    choose: Callable[[Context], str | None],
    *,
    log: Log,
    asynchronous: bool = False,
) -> Association:
    """Answer a peer that asks for an association; raises EndedError.

    `choose` gives the transfer syntax for a proposed context, or None to refuse it. Another called
    AE title than ours is rejected. `asynchronous` grants as many operations at once as are asked for.
    """
    pdu = _read_pdu(connection, REQUEST_SECONDS)
    requested = _decoded(connection, pdu, ASSOCIATE_RQ, negotiation.decode_request)
    label = f"{requested.called}<-{requested.calling}({next(_numbers)})"
    log.note(f"{label} >> A-ASSOCIATE-RQ")
    if requested.called != local_aet:
        _reject(connection, label, log)
    contexts = negotiation.answer(requested.contexts, choose)
    window = requested.window if asynchronous else negotiation.SYNCHRONOUS
    terms = replace(requested, contexts=contexts, maximum_length=negotiation.UNLIMITED, window=window)
    try:
        connection.sendall(negotiation.encode_acceptance(terms))
    except OSError as error:
        raise LostError(error.strerror or str(error)) from error
    log.note(f"{label} << A-ASSOCIATE-AC")
    return Association(
        connection,
        label=label,
        local_aet=requested.called,
        remote_aet=requested.calling,
        contexts=_accepted(contexts, contexts),
        peer_maximum_length=requested.maximum_length,
        window=window[0],
        log=log,
    )


def _reject(connection: socket.socket, label: str, log: Log) -> None:
    pdu = negotiation.encode_rejection(*negotiation.CALLED_AET_NOT_RECOGNIZED)
    text = negotiation.describe_rejection(pdu)
    log.note(f"{label} << {text}")
    connection.sendall(pdu)
    raise RejectedError(text)


def first_offered(context: Context) -> str | None:
    """The transfer syntax that the peer names first."""
    return context.transfer_syntaxes[0] if context.transfer_syntaxes else None


def implicit_little_endian(context: Context) -> str | None:
    """The default transfer syntax, where the peer offers it, which it must."""
    return IMPLICIT_VR_LITTLE_ENDIAN if IMPLICIT_VR_LITTLE_ENDIAN in context.transfer_syntaxes else None
