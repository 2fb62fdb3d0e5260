"""A small archive: a folder of DICOM files, served by C-ECHO, C-FIND and C-MOVE.

Its index is a hidden file in the folder itself, so that the next start reads only what has changed;
where the folder cannot be written, a temporary one is used.
"""

import os
import shutil
import socket
import sqlite3
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path

from niffler_ops.embedded import answering, dataset, handshake, index
from niffler_ops.embedded.answering import Query, RefusedError
from niffler_ops.embedded.association import Association, EndedError, Message
from niffler_ops.embedded.command import Command, Field
from niffler_ops.embedded.index import Index, Instance, Totals
from niffler_ops.embedded.listener import Listener
from niffler_ops.embedded.log import Log
from niffler_ops.embedded.negotiation import Context
from niffler_ops.embedded.retrieving import Progress, Retrieve, failed_list
from niffler_ops.embedded.sending import Originator
from niffler_ops.embedded.uids import (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from niffler_ops.errors import MissingInputError, UnavailableError
from niffler_ops.model import Peer

PATIENT_ROOT = frozenset({PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE})
SERVED = PATIENT_ROOT | {VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_MOVE}
SUCCESS, PENDING, CANCELLED = 0x0000, 0xFF00, 0xFE00
MOVE_DESTINATION_UNKNOWN = 0xA801
CANNOT_UNDERSTAND = 0xC000
UNRECOGNIZED_OPERATION = 0x0211


class Archive:
    """The archive; a test that wants it to misbehave overrides `find`, `select` or `retrieve`."""

    def __init__(self, folder: Path, here: Peer, destinations: Mapping[str, Peer]) -> None:
        """Index the folder and bind the port; raises MissingInputError and UnavailableError."""
        if not folder.is_dir():
            raise MissingInputError(f"{folder}: no such folder; name the folder of DICOM files to serve")
        self.folder = folder.resolve()
        self.here = here
        self.destinations = destinations
        self.listener = _listen(here)
        self.temporary: Path | None = None
        self.index_file = self._indexed()

    def totals(self) -> Totals:
        """What is served."""
        with closing(self.reader()) as reader:
            return reader.totals()

    def reader(self) -> Index:
        """A reader of the index for this thread."""
        return Index(self.index_file, self.folder)

    def serve(self) -> None:
        """Serve for ever, each association in a thread of its own."""
        self.listener.serve(self.session)

    def close(self) -> None:
        """Close the port, and remove a temporary index."""
        self.listener.socket.close()
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def session(self, connection: socket.socket) -> None:
        """Serve one connection until it ends."""
        try:
            association = handshake.accept(
                connection, self.here.aet, choose, log=Log.silent(), asynchronous=True
            )
            with closing(self.reader()) as reader:
                Session(self, association, reader).run()
        except (EndedError, OSError):
            pass  # whoever has gone needs no answer
        finally:
            connection.close()

    def find(self, session: "Session", query: Query) -> Iterator[dict[int, bytes]]:
        """The answers to a C-FIND; raises RefusedError."""
        answering.require_levels_above(query)
        for instance in answering.entities(session.index, query):
            yield answering.answer(session.index, query, instance, self.here.aet)

    def select(self, session: "Session", query: Query) -> list[Instance]:
        """The instances that a C-MOVE asks for; raises RefusedError."""
        answering.require_unique_keys(query)
        return answering.instances(session.index, query)

    def retrieve(self, session: "Session", message: Message, query: Query) -> Retrieve:
        """The retrieve that a C-MOVE asks for, not yet begun; raises RefusedError."""
        title = message.command.destination or ""
        destination = self.destinations.get(title)
        if destination is None:
            raise RefusedError(MOVE_DESTINATION_UNKNOWN, f"Move Destination: {title} unknown")
        return Retrieve(
            destination=destination,
            local_aet=self.here.aet,
            originator=Originator(aet=session.association.remote_aet, message_id=message.command.number),
            instances=self.select(session, query),
            respond=lambda status, progress: session.report(message, status, progress),
            is_cancelled=lambda: session.is_cancelled(message),
        )

    def _indexed(self) -> Path:
        file = self.folder / index.FILE_NAME
        if os.access(self.folder, os.W_OK):
            try:
                self._update(file)
            except sqlite3.Error:
                pass  # another archive holds it for long, or the file system cannot keep it
            else:
                return file
        self.temporary = Path(tempfile.mkdtemp(prefix="niffler-archive-"))
        file = self.temporary / index.FILE_NAME
        index.update(file, self.folder)
        return file

    def _update(self, file: Path) -> None:
        try:
            index.update(file, self.folder)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            file.unlink()  # damaged, or of a later version: it can be made anew
            index.update(file, self.folder)


class Session:
    """One association: its requests in order, and the cancels that come between."""

    def __init__(self, archive: Archive, association: Association, reader: Index) -> None:
        self.archive = archive
        self.association = association
        self.index = reader
        self.waiting: deque[Message] = deque()
        self.cancelled: set[int | None] = set()  # requests by message ID

    def run(self) -> None:
        """Answer requests until the association ends; raises EndedError."""
        while True:
            while not self.waiting:
                self._take()
            message = self.waiting.popleft()
            try:
                self._serve(message)
            except RefusedError as error:
                self.respond(message, error.status, comment=str(error))

    def respond(
        self, message: Message, status: int, *, data: bytes = b"", comment: str | None = None
    ) -> None:
        """Send a response without counters."""
        self._send(message, Command(field=0, status=status, error_comment=comment), data)

    def report(self, message: Message, status: int, progress: Progress) -> None:
        """Send a response with the counters of a retrieve."""
        pending = status == PENDING
        command = Command(
            field=0,
            status=status,
            remaining=progress.remaining if pending or status == CANCELLED else None,
            completed=progress.completed,
            failed=progress.failed,
            warning=progress.warning,
        )
        self._send(message, command, b"" if pending else failed_list(progress))

    def is_cancelled(self, message: Message) -> bool:
        """Whether a C-CANCEL for this request has come; other messages wait for their turn."""
        while self.association.readable():
            self._take()
        return message.command.message_id in self.cancelled

    def _take(self) -> None:
        """One more message; a cancel is of a request before it, and the same ID later is of another one."""
        message = self.association.receive()
        if message.command.field == Field.C_CANCEL_RQ:
            self.cancelled.add(message.command.responding_to)
        else:
            self.cancelled.discard(message.command.message_id)
            self.waiting.append(message)

    def _serve(self, message: Message) -> None:
        field = message.command.field
        if field == Field.C_ECHO_RQ:
            self.respond(message, SUCCESS)
        elif field == Field.C_FIND_RQ:
            self._find(message)
        elif field == Field.C_MOVE_RQ:
            self._move(message)
        elif not message.command.is_response:
            self.respond(message, UNRECOGNIZED_OPERATION)

    def _find(self, message: Message) -> None:
        for answer in self.archive.find(self, self._query(message)):
            if self.is_cancelled(message):
                self.respond(message, CANCELLED)
                return
            self.respond(message, PENDING, data=answering.identifier(answer))
        self.respond(message, SUCCESS)

    def _move(self, message: Message) -> None:
        retrieve = self.archive.retrieve(self, message, self._query(message))
        try:
            retrieve.run()
        except RefusedError as error:
            self._refuse_retrieve(message, error, retrieve.progress)

    def _refuse_retrieve(self, message: Message, error: RefusedError, progress: Progress) -> None:
        command = Command(
            field=0, status=error.status, error_comment=str(error), failed=progress.failed or None
        )
        self._send(message, command, failed_list(progress))

    def _query(self, message: Message) -> Query:
        syntaxes = self.association.contexts[message.context]
        try:
            keys = dataset.keys(dataset.Reader(BytesIO(message.data), syntaxes.transfer))
        except dataset.DataSetError as error:
            raise RefusedError(CANNOT_UNDERSTAND, "the identifier is no data set") from error
        return answering.read_query(keys, patient_root=syntaxes.abstract in PATIENT_ROOT)

    def _send(self, message: Message, command: Command, data: bytes) -> None:
        request = message.command
        response = Command(
            field=request.field | 0x8000,
            sop_class=request.sop_class,
            responding_to=request.message_id,
            has_data=bool(data),
            status=command.status,
            error_comment=command.error_comment,
            remaining=command.remaining,
            completed=command.completed,
            failed=command.failed,
            warning=command.warning,
        )
        self.association.send(message.context, response, BytesIO(data) if data else None)


def choose(context: Context) -> str | None:
    """Implicit VR little endian for what is served."""
    return handshake.implicit_little_endian(context) if context.abstract_syntax in SERVED else None


def _listen(here: Peer) -> Listener:
    try:
        return Listener(here.host, here.port)
    except OSError as error:
        raise UnavailableError(
            f"cannot listen on {here.host}:{here.port}: {error.strerror}; "
            "end what listens there, or choose another port with --bind"
        ) from error
