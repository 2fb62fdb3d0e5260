"""What movescu and findscu share: options, one association, and many requests over it."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO

from niffler_ops.embedded import dataset, negotiation, options, query
from niffler_ops.embedded.association import Association, EndedError, Message, TimedOutError
from niffler_ops.embedded.command import Command, Field, name
from niffler_ops.embedded.handshake import RejectedError, Timeouts, request
from niffler_ops.embedded.log import Level, Log
from niffler_ops.embedded.options import Arguments, Option, OptionError, Takes
from niffler_ops.embedded.query import LEVELS, QueryError
from niffler_ops.embedded.uids import IMPLICIT_VR_LITTLE_ENDIAN
from niffler_ops.model import Peer

CONTEXT = 1
LOG_VARIABLE = "NIFFLER_EMBEDDED_LOG"
ENDED_BY_PEER = "Sta1 - Idle"
ENDED_BY_US = "Sta13 - Awaiting Transport Connection Close Indication"

COMMON_OPTIONS = (
    Option(name="c", help="AET@HOST:PORT of the archive"),
    Option(name="b", help="AET of this side, with or without :PORT"),
    Option(name="L", help=f"query retrieve level: {', '.join(LEVELS)}"),
    Option(name="M", help="information model: PatientRoot or StudyRoot"),
    Option(name="m", takes=Takes.PAIRS, help="match keys"),
    Option(name="not-async", takes=Takes.NOTHING, help="wait for each answer before the next request"),
    *options.named(
        {
            "connect-timeout": "milliseconds for the connection",
            "accept-timeout": "milliseconds for the answer to A-ASSOCIATE-RQ",
            "send-timeout": "milliseconds for sending",
            "release-timeout": "milliseconds for the answer to A-RELEASE-RQ",
            "idle-timeout": "accepted and of no effect",
        }
    ),
    Option(name="verbose", takes=Takes.NOTHING, help="log associations too"),
    Option(name="debug", takes=Takes.NOTHING, help="log the contents of messages, which identify patients"),
    Option(name="help", takes=Takes.NOTHING, help="print this and end"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a command line asks for: whom, how, and which queries (read when their turn comes)."""

    peer: Peer
    local_aet: str
    model: str
    template: Command
    queries: Iterable[dict[int, bytes]]
    timeouts: Timeouts
    window: tuple[int, int]
    log: Log
    answer_seconds: float | None = None
    renew_on_pending: bool = False
    until_first_answer: bool = False
    on_pending: Callable[[bytes], None] = lambda _data: None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A command: its name, options, and how arguments become a job."""

    name: str
    options: tuple[Option, ...]
    prepare: Callable[[Arguments], Job]


def main(tool: Tool, argv: list[str]) -> int:
    """Run a tool; gives its exit status."""
    try:
        arguments = options.parse(tool.options, argv)
        if arguments.has("help"):
            print(options.usage(tool.name, "[OPTION…] [--] [QUERY-FILE…]", tool.options))
            return 0
        converse(tool.prepare(arguments))
    except OptionError as error:
        options.fail(tool.name, error, sys.stderr.write)
    except (EndedError, QueryError) as error:
        sys.stderr.write(f"{tool.name}: {error}\n")
        return 2
    return 0


def converse(job: Job) -> None:
    """Ask every query over one association; raises EndedError or QueryError."""
    association = request(
        job.peer,
        job.local_aet,
        [(job.model, (IMPLICIT_VR_LITTLE_ENDIAN,))],
        log=job.log,
        window=job.window,
        timeouts=job.timeouts,
    )
    if CONTEXT not in association.contexts:
        association.release(job.timeouts.release)
        raise RejectedError(f"{job.peer.aet} does not support {job.model}")
    conversation = Conversation(association, job)
    try:
        for keys in job.queries:
            conversation.ask(keys)
    finally:
        conversation.finish()
    conversation.check()


class Conversation:
    """Requests that are under way on an association, each with its deadline."""

    def __init__(self, association: Association, job: Job) -> None:
        self.association = association
        self.job = job
        self.number = 0
        self.deadlines: dict[int, float | None] = {}
        self.ended: EndedError | None = None
        self.end_state = ENDED_BY_PEER

    def ask(self, keys: Mapping[int, bytes]) -> None:
        """Send one request as soon as the window has room.

        A request whose turn comes after the end of the association is logged all the same, as
        dcm4che does, but not sent.
        """
        while self.ended is None and (self._is_full() or self.association.readable()):
            self._take()
        self.number += 1
        command = replace(self.job.template, message_id=self.number)
        self.association.announce("<<", CONTEXT, command)
        if self.job.log.level == Level.DEBUG:
            subject = f"{self.association.label} << {self.number}:{name(command)} Dataset:"
            self.job.log.detail(subject, *query.describe(keys.items()))
        if self.ended is not None:
            raise self.ended
        self._send(command, dataset.encode(keys.items()))

    def finish(self) -> None:
        """Wait for the answers that are still due, then release."""
        while self.ended is None and self.deadlines:
            self._take()
        if self.ended is None:
            self.association.release(self.job.timeouts.release)

    def check(self) -> None:
        """Raise EndedError where the association ended with the last requests under way."""
        if self.ended is not None:
            raise EndedError(self.end_state)

    def _is_full(self) -> bool:
        return bool(self.association.window) and len(self.deadlines) >= self.association.window

    def _send(self, command: Command, data: bytes) -> None:
        seconds = self.job.answer_seconds
        self.deadlines[self.number] = None if seconds is None else time.monotonic() + seconds
        try:
            self.association.send(CONTEXT, command, BytesIO(data), announce=False)
        except EndedError as error:
            self._end(error)

    def _take(self) -> None:
        """Take one message, or the end of the association."""
        due = [deadline for deadline in self.deadlines.values() if deadline is not None]
        try:
            message = self.association.receive(deadline=min(due, default=None))
        except TimedOutError as error:
            expired = min(self.deadlines, key=lambda key: self.deadlines[key] or float("inf"))
            self.job.log.note(f"{self.association.label}: {expired}:DIMSE-RSP timeout expired")
            self.association.abort()
            self.end_state = ENDED_BY_US
            self._end(error)
        except EndedError as error:
            self._end(error)
        else:
            self._answered(message)

    def _answered(self, message: Message) -> None:
        number = message.command.number
        if number not in self.deadlines:
            return
        if not message.command.is_pending:
            del self.deadlines[number]
            return
        seconds = self.job.answer_seconds
        if self.job.until_first_answer:
            self.deadlines[number] = None
        elif self.job.renew_on_pending and seconds is not None:
            self.deadlines[number] = time.monotonic() + seconds
        self.job.on_pending(message.data)

    def _end(self, error: EndedError) -> None:
        self.ended = error
        self.deadlines.clear()
        self.association.connection.close()


def common(arguments: Arguments, tool: str, models: Mapping[str, str], field: Field) -> Job:
    """The job as far as both tools read it in the same way; without queries. Raises OptionError."""
    level = arguments.text("L", "STUDY")
    if level not in LEVELS:
        raise OptionError(f"unsupported Query/Retrieve Level: {level}")
    model = arguments.text("M", "StudyRoot")
    if model not in models:
        raise OptionError(f"unsupported Query/Retrieve Information Model: {model}")
    return Job(
        peer=options.remote(arguments),
        local_aet=options.local(arguments, tool.upper()).aet,
        model=models[model],
        template=Command(field=field, sop_class=models[model], priority=0, has_data=True),
        queries=(),
        timeouts=Timeouts(
            connect=arguments.seconds("connect-timeout"),
            accept=arguments.seconds("accept-timeout"),
            send=arguments.seconds("send-timeout"),
            release=arguments.seconds("release-timeout"),
        ),
        window=negotiation.SYNCHRONOUS if arguments.has("not-async") else negotiation.ASYNCHRONOUS,
        log=log_of(arguments),
    )


def log_of(arguments: Arguments) -> Log:
    """The log at the level that was asked for: of more by an option, of warnings only by environment."""
    if arguments.has("debug"):
        return Log(level=Level.DEBUG)
    if arguments.has("verbose"):
        return Log(level=Level.INFO)
    return Log(level=Level.RECEIVING if os.environ.get(LOG_VARIABLE) == "receiving" else Level.QUIET)


def queries(
    files: list[str], overrides: dict[int, bytes], choose: Callable[[dict[int, bytes]], dict[int, bytes]]
) -> Iterator[dict[int, bytes]]:
    """The keys of each file, read when its turn comes, under those of the options.

    Without files, one query of the options' keys. Raises QueryError.
    """
    if not files:
        yield overrides
    for path in files:
        yield choose(query.read(path)) | overrides
