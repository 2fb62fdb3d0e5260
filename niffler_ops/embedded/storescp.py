"""storescp: receive instances and write them as they came."""

import contextlib
import signal
import socket
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from niffler_ops.embedded import handshake, options, scu, signals
from niffler_ops.embedded.association import Association, EndedError, Message, Sink
from niffler_ops.embedded.command import Command, Field
from niffler_ops.embedded.filepath import PatternError, parse_pattern
from niffler_ops.embedded.listener import Listener
from niffler_ops.embedded.log import Log
from niffler_ops.embedded.negotiation import Context
from niffler_ops.embedded.options import Arguments, Option, OptionError, Takes
from niffler_ops.embedded.receiving import Folder, Incoming, StoreError
from niffler_ops.embedded.uids import VERIFICATION, uid_name

TOOL = "storescp"
SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
UNRECOGNIZED_OPERATION = 0x0211
ANY = "0.0.0.0"  # noqa: S104 - the archive connects from another machine

OPTIONS = (
    Option(name="b", help="AET:PORT or AET@HOST:PORT to listen on"),
    Option(name="directory", help="folder for the instances, by default the current one"),
    Option(name="filepath", help="their names, of {ggggeeee} and {ggggeeee,md5}"),
    Option(name="accept-unknown", takes=Takes.NOTHING, help="accept SOP classes that are not standard"),
    Option(name="ignore", takes=Takes.NOTHING, help="receive and forget"),
    *options.named(
        {
            "status": "status of every response, decimal, or hexadecimal with a final H",
            "response-delay": "milliseconds before each response",
            "receive-delay": "milliseconds before each data set is read",
            "accept-timeout": "accepted and of no effect",
            "send-timeout": "accepted and of no effect",
            "release-timeout": "accepted and of no effect",
            "idle-timeout": "accepted and of no effect",
        }
    ),
    Option(name="not-async", takes=Takes.NOTHING, help="accepted and of no effect"),
    Option(name="verbose", takes=Takes.NOTHING, help="log associations and files too"),
    Option(name="debug", takes=Takes.NOTHING, help="log the contents of messages too"),
    Option(name="help", takes=Takes.NOTHING, help="print this and end"),
)


class Nowhere:
    """A sink for what nobody needs: it is forgotten as it comes, however long it is."""

    def write(self, data: memoryview, /) -> None:
        """One more piece."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """What every association of this process is served with; `folder` None forgets instances."""

    aet: str
    folder: Folder | None
    accept_unknown: bool
    status: int
    response_delay: float
    receive_delay: float
    log: Log

    def serve(self, connection: socket.socket) -> None:
        """Receive over one connection until it ends."""
        try:
            association = handshake.accept(connection, self.aet, self.choose, log=self.log)
            while True:
                self.receive(association)
        except EndedError as error:
            self.log.note(f"{self.aet}: {error}")
        except OSError as error:
            self.log.note(f"{self.aet}: i/o exception: {error.strerror}")
        finally:
            connection.close()

    def choose(self, context: Context) -> str | None:
        """The transfer syntax for a proposed context: the first, for storage and C-ECHO."""
        syntax = context.abstract_syntax
        if self.accept_unknown or syntax == VERIFICATION or uid_name(syntax).endswith("Storage"):
            return handshake.first_offered(context)
        return None

    def receive(self, association: Association) -> None:
        """One message, and the response to it; raises EndedError."""
        pending: list[Incoming] = []

        def sink_for(context: int, command: Command) -> Sink:
            if command.field != Field.C_STORE_RQ or self.folder is None:
                return Nowhere()
            if self.receive_delay:  # even no time is slept for 60 microseconds
                time.sleep(self.receive_delay)
            transfer_syntax = association.contexts[context].transfer
            incoming = Incoming(
                self.folder,
                command.sop_class or "",
                command.sop_instance or "",
                transfer_syntax,
                association.remote_aet,
            )
            self.log.note(f"{association.label}: M-WRITE {incoming.part}")
            pending.append(incoming)
            return incoming

        try:
            message = association.receive(sink_for)
        except BaseException:
            for incoming in pending:
                incoming.discard()
                self.log.note(f"{association.label}: M-DELETE {incoming.part}")
            raise
        self.respond(association, message)

    def respond(self, association: Association, message: Message) -> None:
        """Store what came, and answer."""
        command = message.command
        if command.is_response or command.field == Field.C_CANCEL_RQ:
            return
        status, comment = SUCCESS, None
        if command.field == Field.C_STORE_RQ:
            status, comment = self.store(association, message)
            if self.response_delay:
                time.sleep(self.response_delay)
        elif command.field != Field.C_ECHO_RQ:
            status, comment = UNRECOGNIZED_OPERATION, "neither C-STORE nor C-ECHO"
        association.send(
            message.context,
            Command(
                field=command.field | 0x8000,
                sop_class=command.sop_class,
                responding_to=command.message_id,
                status=status,
                error_comment=comment,
                sop_instance=command.sop_instance,
            ),
        )

    def store(self, association: Association, message: Message) -> tuple[int, str | None]:
        """Give the received file its name; the status and the comment of the response."""
        incoming = message.sink
        if not isinstance(incoming, Incoming):
            return self.status, None
        try:
            path = incoming.store()
        except StoreError as error:
            self.log.note(f"{association.label}: M-DELETE {incoming.part}")
            self.log.caution(f"{association.label}: an instance cannot be stored: {error}")
            return PROCESSING_FAILURE, str(error)
        self.log.note(f"{association.label}: M-RENAME {incoming.part} to {path}")
        return self.status, None


def prepare(arguments: Arguments) -> tuple[Listener, Receiver]:
    """The bound port and the receiver that the options ask for; raises OptionError and OSError."""
    if not arguments.has("b"):
        raise OptionError("Missing required option: b")
    try:
        pattern = parse_pattern(arguments.text("filepath")) if arguments.has("filepath") else ()
    except PatternError as error:
        raise OptionError(str(error)) from error
    here = options.local(arguments, "")
    folder = Folder(path=Path(arguments.text("directory", ".")), pattern=pattern)
    receiver = Receiver(
        aet=here.aet,
        folder=None if arguments.has("ignore") else folder,
        accept_unknown=arguments.has("accept-unknown"),
        status=arguments.number("status"),
        response_delay=arguments.number("response-delay") / 1000,
        receive_delay=arguments.number("receive-delay") / 1000,
        log=scu.log_of(arguments),
    )
    return _listen(here.host, here.port), receiver


def _listen(host: str, port: int) -> Listener:
    try:
        return Listener(host or ANY, port)
    except OSError as error:
        sys.stderr.write(
            f"{TOOL}: Unable to start TCPListener on {host or 'null'}:{port}\nCaused by: {error.strerror}\n"
        )
        raise SystemExit(2) from error


def main(argv: list[str] | None = None) -> int:
    """Run until a signal ends the process."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(TOOL, encoding="ascii")  # all that a defunct process is known by
    signals.exit_at_once()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        arguments = options.parse(OPTIONS, sys.argv[1:] if argv is None else argv)
        if arguments.has("help"):
            print(options.usage(TOOL, "[OPTION…]", OPTIONS))
            return 0
        listener, receiver = prepare(arguments)
    except OptionError as error:
        options.fail(TOOL, error, sys.stderr.write)
    receiver.log.note(f"Start TCP Listener on {listener.socket.getsockname()}")
    import_module("pydicom")  # for the names of SOP classes, which the first association would wait for
    listener.serve(receiver.serve)
    return 0
