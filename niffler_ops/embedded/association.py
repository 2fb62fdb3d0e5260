"""One association over a blocking socket: messages in and out, data sets as the bytes they are.

pynetdicom's own association is not used: it polls, joins every data set in memory, allows one
operation at a time, and decides by itself which response follows. Here the caller decides, data sets
are streamed, and the toolkit is three to four times as fast.
"""

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Protocol

from niffler_ops.embedded.command import Command, decode_command, describe, dump, encode_command, name
from niffler_ops.embedded.inbox import Inbox
from niffler_ops.embedded.log import Level, Log

P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 4, 5, 6, 7
IS_COMMAND, IS_LAST = 1, 2
PDU_HEAD = 6  # type, reserved byte, length
PDV_HEAD = 6  # length, context, control; the length counts the latter two
PDV_COUNTED = 2
HEADS = PDU_HEAD + PDV_HEAD
CONTROL_LENGTH = 1024 * 1024  # of PDUs other than P-DATA, and of command sets: far above any honest one
IDENTIFIER_LENGTH = 64 * 1024 * 1024
CHUNK = 256 * 1024
GATHERED = 4096  # bytes that may wait before a PDU, to go out with it: a command set, as a rule
SMALLEST_PDU = 1024  # whoever claims to receive less is not believed
MILLION = 1_000_000
SHORT_PDU = 10  # of a release, abort or rejection, with its head
ABORT_BY_USER = bytes((ABORT, 0, 0, 0, 0, 4, 0, 0, 0, 0))
_RELEASE_RQ = bytes((RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0))
_RELEASE_RP = bytes((RELEASE_RP, 0, 0, 0, 0, 4, 0, 0, 0, 0))


class EndedError(Exception):
    """The association is over; the text is what dcm4che's tools write on stderr."""


class ReleasedError(EndedError):
    """The peer released it in order."""


class AbortedError(EndedError):
    """The peer aborted it."""


class LostError(EndedError):
    """The connection was lost."""


class TimedOutError(EndedError):
    """The deadline passed; the association is still open and wants an abort."""


class Sink(Protocol):
    """Takes a data set as it comes."""

    def write(self, data: memoryview, /) -> object:
        """One more piece, valid only during the call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Syntaxes:
    """What an accepted presentation context stands for."""

    abstract: str
    transfer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A command set and the sink that took its data set, where it had one."""

    context: int
    command: Command
    sink: Sink | None = None

    @property
    def data(self) -> bytes:
        """The data set, of a message received into memory."""
        return self.sink.getvalue() if isinstance(self.sink, BytesIO) else b""


class Identifier(BytesIO):
    """A sink in memory for data sets that are small by nature."""

    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        """Raises ValueError beyond what any identifier needs."""
        if self.tell() + len(data) > IDENTIFIER_LENGTH:
            raise ValueError("an identifier without end")
        return super().write(data)


SinkFactory = Callable[[int, Command], Sink]


def in_memory(_context: int, _command: Command) -> Sink:
    """The sink of identifiers."""
    return Identifier()


class Association:
    """An established association, used by one thread.

    `label` is its name in the log; `peer_maximum_length` the length of PDUs the peer can receive, 0
    for any; `window` how many requests may be under way, 0 for any.
    """

    def __init__(
        self,
        connection: socket.socket,
        *,
        label: str,
        local_aet: str,
        remote_aet: str,
        contexts: dict[int, Syntaxes],
        peer_maximum_length: int,
        window: int,
        log: Log,
        send_timeout: float | None = None,
    ) -> None:
        self.label = label
        self.local_aet = local_aet
        self.remote_aet = remote_aet
        self.contexts = contexts
        self.window = window
        self.log = log
        self.connection = connection
        self._fragment = max(min(peer_maximum_length or CHUNK, CHUNK), SMALLEST_PDU) - PDV_HEAD
        self._inbox = Inbox(connection)
        self._outgoing = memoryview(bytearray(GATHERED + HEADS + self._fragment))
        self._gathered = 0  # bytes of it that wait to be sent
        self._unread = 0  # of the P-DATA PDU that is being read
        connection.settimeout(None)
        if send_timeout is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(send_timeout))

    def send(
        self, context: int, command: Command, data: BinaryIO | None = None, *, announce: bool = True
    ) -> None:
        """Log and send a message; the data set is what `data` gives from its position to its end."""
        if announce:
            self.announce("<<", context, command)
        self._gather(context, IS_COMMAND, BytesIO(encode_command(command)))
        if data is not None:
            try:
                self._gather(context, 0, data)
            except OSError as error:  # half a message cannot be taken back
                self.abort()
                raise LostError(f"the data set cannot be read: {error.strerror}") from error
        self._flush()

    def announce(self, direction: str, context: int, command: Command) -> None:
        """Write a message to the log."""
        if self.log.level < Level.QUIET:
            return
        transfer_syntax = self.contexts[context].transfer
        self.log.dimse(f"{self.label} {direction} {describe(command, context, transfer_syntax)}")
        if self.log.level == Level.DEBUG:
            self.log.detail(
                f"{self.label} {direction} {command.number}:{name(command)} Command:", *dump(command)
            )

    def receive(self, sink_for: SinkFactory = in_memory, deadline: float | None = None) -> Message:
        """The next message; raises EndedError. `deadline` is of the monotonic clock."""
        try:
            return self._message(sink_for, deadline)
        except TimeoutError as error:
            raise TimedOutError(describe_abort(ABORT_BY_USER)) from error
        except EOFError as error:
            raise self._lost("null") from error
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error

    def _message(self, sink_for: SinkFactory, deadline: float | None) -> Message:
        command_set, command, sink = BytesIO(), None, None
        while True:
            context, control, length = self._next_fragment(deadline)
            if control & IS_COMMAND:
                self._bounded(command_set.tell() + length)
                self._stream(length, command_set, deadline)
                if control & IS_LAST:
                    command = self._decoded(context, command_set.getvalue())
                    if not command.has_data:
                        return Message(context=context, command=command)
                    sink = sink_for(context, command)
            elif sink is None or command is None:
                raise self._violation("a data set without command set")
            else:
                self._stream(length, sink, deadline)
                if control & IS_LAST:
                    return Message(context=context, command=command, sink=sink)

    def readable(self, seconds: float = 0) -> bool:
        """Whether something has come, or comes within this time."""
        return bool(self._unread) or self._inbox.readable(seconds)

    def release(self, seconds: float | None = None) -> None:
        """Release in order, as the side that asked for the association."""
        self.log.note(f"{self.label} << A-RELEASE-RQ")
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            self._send(_RELEASE_RQ)
            while True:
                self.receive(deadline=deadline)
        except ReleasedError:
            self.log.note(f"{self.label} >> A-RELEASE-RP")
        except EndedError as error:
            self.log.note(f"{self.label}: {error}")
        finally:
            self.close()

    def abort(self) -> None:
        """End the association at once."""
        self.log.note(f"{self.label} << {describe_abort(ABORT_BY_USER)}")
        try:
            self._send(ABORT_BY_USER)
        except EndedError:
            pass  # it is gone already
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self.log.note(f"{self.label}: close the connection")
        self.connection.close()

    def _next_fragment(self, deadline: float | None) -> tuple[int, int, int]:
        while not self._unread:
            kind, length = struct.unpack("!BxL", self._inbox.exactly(PDU_HEAD, deadline))
            if kind == P_DATA:
                self._unread = length
            else:
                self._end(kind, self._inbox.exactly(self._bounded(length), deadline))
        if self._unread < PDV_HEAD:
            raise self._violation("a P-DATA PDU that is too short")
        length, context, control = struct.unpack("!LBB", self._inbox.exactly(PDV_HEAD, deadline))
        self._unread -= length + 4
        if length < PDV_COUNTED or self._unread < 0 or context not in self.contexts:
            raise self._violation("a P-DATA PDU that contradicts itself")
        return context, control, length - PDV_COUNTED

    def _end(self, kind: int, body: bytes) -> None:
        if kind == ABORT and len(body) >= SHORT_PDU - PDU_HEAD:
            text = describe_abort(bytes(PDU_HEAD) + body)
            self.log.note(f"{self.label} >> {text}")
            raise AbortedError(text)
        if kind == RELEASE_RQ:
            self.log.note(f"{self.label} >> A-RELEASE-RQ")
            self._send(_RELEASE_RP)
            self.log.note(f"{self.label} << A-RELEASE-RP")
        if kind in (RELEASE_RQ, RELEASE_RP):
            raise ReleasedError("Sta1 - Idle")
        raise self._violation(f"a PDU of type {kind}")

    def _decoded(self, context: int, data: bytes) -> Command:
        try:
            command = decode_command(data)
        except ValueError as error:
            raise self._violation(str(error)) from error
        self.announce(">>", context, command)
        return command

    def _bounded(self, length: int) -> int:
        if length > CONTROL_LENGTH:
            raise self._violation("a PDU without end")
        return length

    def _violation(self, what: str) -> AbortedError:
        self.log.caution(f"{self.label}: {what}")
        self.abort()
        return AbortedError(describe_abort(ABORT_BY_USER))

    def _stream(self, length: int, sink: Sink | BytesIO, deadline: float | None) -> None:
        for piece in self._inbox.pieces(length, deadline):
            try:
                sink.write(piece)
            except ValueError as error:
                raise self._violation(str(error)) from error

    def _lost(self, text: str) -> LostError:
        self.log.note(f"{self.label}: i/o exception: {text}")
        return LostError(text)

    def _gather(self, context: int, control: int, data: BinaryIO) -> None:
        """Lay down one part of a message to be sent, and send what it leaves no room for."""
        following = b""
        while True:
            if self._gathered > GATHERED:
                self._flush()
            pdu = self._outgoing[self._gathered :][: HEADS + self._fragment]
            pdu[HEADS : HEADS + len(following)] = following
            count = len(following) + data.readinto(pdu[HEADS + len(following) :])  # type: ignore[attr-defined]
            following = data.read(1)
            last = 0 if following else IS_LAST
            struct.pack_into(
                "!BxLLBB", pdu, 0, P_DATA, count + PDV_HEAD, count + PDV_COUNTED, context, control | last
            )
            self._gathered += HEADS + count
            if last:
                return

    def _flush(self) -> None:
        waiting, self._gathered = self._outgoing[: self._gathered], 0
        self._send(waiting)

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self.connection.sendall(data)
        except BlockingIOError as error:
            raise self._lost("timed out") from error
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error


def _timeval(seconds: float) -> bytes:
    """As the kernel takes it; of nothing it would make no limit at all."""
    microseconds = max(round(seconds * MILLION), 1)
    return struct.pack("@ll", microseconds // MILLION, microseconds % MILLION)


def describe_abort(pdu: bytes) -> str:
    """An A-ABORT PDU in dcm4che's words."""
    source, reason = pdu[8], pdu[9]
    named = {0: "service-user", 2: "service-provider"}.get(source, "?")
    return f"A-ABORT[source: {source} - {named}, reason: {reason}]"
