"""The audit trail of an extraction: who started it, what was queried, what was received (PS3.15 annex A)."""

import json
import logging
import socket
import sqlite3
from dataclasses import asdict
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.errors import NifflerError
from niffler_ops.files import write_durable
from niffler_ops.layout import Layout
from niffler_ops.ledger.audited import Position, read_audited
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.users import user_name
from niffler_ops.reporting.audit_events import Scene, messages_of
from niffler_ops.reporting.audit_message import PROGRAM
from niffler_ops.reporting.audit_sinks import FileSink, Sink, SyslogSink

FILE = "audit.log"
POSITION = "audit-position.json"
PATIENCE_SECONDS = 60.0
END_SECONDS = 3.0  # a stop has ten in all; what is left then is told by the next run
NOBODY = 2**32 - 1  # the kernel's loginuid of what no login started

log = logging.getLogger(__name__)


class AuditTrail:
    """Tells what the ledger has recorded since the last time, over restarts as well, each at least once.

    Where the sink cannot take it, it is told later: nothing is lost, and the extraction goes on.
    """

    def __init__(self, sink: Sink, scene: Scene, layout: Layout, clock: Clock) -> None:
        self._sink = sink
        self._scene = scene
        self._ledger = layout.ledger
        self._place = layout.private / POSITION
        self._clock = clock
        self._position = _position(self._place)
        self._not_before = 0.0

    def show(self, ledger: Ledger) -> None:  # noqa: ARG002 - it reads beside the writer
        """Tell the newest, a few hundred at most; called every couple of seconds."""
        self._tell()

    def close(self) -> None:
        """Tell the rest, once the run's end is recorded; within seconds."""
        self._not_before = 0.0
        until = self._clock.monotonic() + END_SECONDS
        while self._tell() and self._clock.monotonic() < until:
            pass

    def _tell(self) -> bool:
        """Whether there was anything, and it was taken."""
        if self._clock.monotonic() < self._not_before:
            return False
        try:
            audited, position = read_audited(self._ledger, self._position)
            messages = [message for one in audited for message in messages_of(one, self._scene)]
            if messages:
                self._sink.take(messages, self._clock.now())
            self._go_on_from(position)
        except (OSError, sqlite3.Error, NifflerError) as error:
            self._not_before = self._clock.monotonic() + PATIENCE_SECONDS
            cause = getattr(error, "strerror", None) or type(error).__name__
            log.warning("The audit trail is behind, and catches up later: %s", cause)
            return False
        return bool(audited)

    def _go_on_from(self, position: Position) -> None:
        if position != self._position:
            self._position = position
            write_durable(self._place, [json.dumps(asdict(position)).encode()])


def open_audit_trail(config: Config, layout: Layout, clock: Clock) -> AuditTrail | None:
    """The audit trail that the configuration wants; None where it wants none."""
    sink: Sink
    if config.audit_trail == "file":
        sink = FileSink(layout.private / FILE)
    elif config.audit_trail == "syslog":
        sink = SyslogSink(PROGRAM)
    else:
        return None
    scene = Scene(
        storage_folder=config.storage_folder,
        calling_aet=config.query_aet.aet,
        destination=config.archives[0].destination,
        receives=not config.sends_elsewhere,
        retrieves=config.listing is None,
        identifiers=config.audit_identifiers,
        login=login_user(),
        host=socket.gethostname(),
    )
    return AuditTrail(sink, scene, layout, clock)


def login_user() -> str:
    """Who logged in to start this process, as the kernel remembers through su and sudo; "" for nobody."""
    try:
        number = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""
    return "" if number == NOBODY else user_name(number)


def _position(place: Path) -> Position:
    """Where it ended last time; the beginning where nothing was told yet, so that the trail is whole."""
    try:
        content = json.loads(place.read_bytes())
        return Position(event=int(content["event"]), process=int(content["process"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Position()
