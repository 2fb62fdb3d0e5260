"""Our storescp: started once, echoed until it answers and at intervals, restarted when it ends."""

import logging
import threading
from collections import deque
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.dicomtools.failures import failure_reason
from niffler_ops.dicomtools.storescp import storescp_arguments
from niffler_ops.embedded.echo import Echo, echo
from niffler_ops.errors import ExhaustedError, StoppedError, UnavailableError
from niffler_ops.model import LocalEntity, Peer
from niffler_ops.processes.launcher import Child
from niffler_ops.processes.standing import who_has_port
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.tools import Tools

LOOPBACK = "127.0.0.1"
ECHO_SECONDS = 3.0
START_SECONDS = 30.0
WATCH_SECONDS = 15.0
NOTICED_WITHIN_SECONDS = 1.0
MOST_DELAY_SECONDS = 5.0
RESTARTS = 5
RESTART_WINDOW_MINUTES = 10
SILENCES = 3

log = logging.getLogger(__name__)


class Receiver:
    """Keeps a storescp listening at `local`, which writes into `incoming`.

    One that `gives_up` ends the run where it cannot listen or keeps ending. Another goes on, for it is a
    service; as long as it has never listened, `barred` says why, where that is more than a passing want.
    """

    def __init__(
        self,
        local: LocalEntity,
        incoming: Path,
        tools: Tools,
        clock: Clock,
        progress: Progress,
        *,
        gives_up: bool = True,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self._local = local
        self._incoming = incoming
        self._tools = tools
        self._clock = clock
        self._progress = progress
        self._gives_up = gives_up
        self._watch_seconds = watch_seconds
        self._child: Child | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._echo_at = 0.0
        self._echoing = False
        self._silences = 0
        self._answered_at = 0.0
        self._ends: deque[float] = deque(maxlen=RESTARTS)
        self._stopping = False
        self._failure: UnavailableError | StoppedError | None = None
        self.ready = False
        self.barred: UnavailableError | None = None
        self._has_listened = False
        self._reason = ""

    def advance(self) -> None:
        """Start, restart, echo.

        Of one that gives up: UnavailableError where something else is on the port, StoppedError where
        storescp keeps ending.
        """
        if self._failure is not None:
            raise self._failure
        now = self._clock.monotonic()
        if self._child is None and now >= self._start_at and not self._stopping:
            self._start_or_wait(now)
        elif self._child is not None and not self._echoing and now >= self._echo_at:
            self._begin_echo(self._child, now)

    @property
    def trouble(self) -> str:
        """What keeps it from receiving for some time now, "" where nothing does."""
        if self.ready or len(self._ends) < RESTARTS:
            return ""
        return f"storescp at {self._local} keeps ending, or cannot be started: {self._reason}."

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._local.port

    def stop(self) -> None:
        """End storescp; instances that are being received are cut off and retrieved again."""
        self._stopping = True
        if self._child is not None:
            self._child.terminate()

    def _start_or_wait(self, now: float) -> None:
        """What may pass is waited for, and said once."""
        try:
            self._start(now)
        except UnavailableError as error:
            if not isinstance(error, ExhaustedError):
                self._bar(error)
            reason = str(error).rstrip(".")
            if reason != self._reason:
                log.warning("storescp cannot be started and is tried again: %s", reason)
            self._count_end(now, reason)

    def _bar(self, error: UnavailableError) -> None:
        if self._gives_up:
            raise error
        if not self._has_listened:
            self.barred = error

    def _start(self, now: float) -> None:
        local = self._local
        other = who_has_port(local)
        if other is not None:
            raise UnavailableError(
                f"QueryAet {local}: port {local.port} is taken by {other}. End it, or choose another port"
                " (and have it changed in the archive too)."
            )
        self._started_at = now
        self._echo_at = now + 0.2
        self._silences = 0
        self._child = self._tools.run(
            "storescp",
            storescp_arguments(local=local, directory=self._incoming),
            on_line=lambda _line: None,
            on_exit=self._ended,
        )

    def _begin_echo(self, child: Child, now: float) -> None:
        echoing = threading.Thread(target=self._echo, args=(child,), name="own-echo", daemon=True)
        try:
            echoing.start()
        except RuntimeError:  # no thread is left, which tells nothing of storescp
            self._echo_at = now + 1.0
        else:
            self._echoing = True

    def _echo(self, child: Child) -> None:
        local = self._local
        result = echo(
            Peer(aet=local.aet, host=LOOPBACK, port=local.port), calling_aet=local.aet, timeout=ECHO_SECONDS
        )
        self._tools.launcher.post(lambda: self._echoed(child, result))

    def _echoed(self, child: Child, result: Echo) -> None:
        self._echoing = False
        if child is not self._child:
            return
        now = self._clock.monotonic()
        if result is Echo.ANSWERED:
            if not self.ready:
                log.info("storescp listens at %s", self._local)
                self._progress.receiver_back(now)
            self.ready = self._has_listened = True
            self.barred = None
            self._reason = ""
            self._silences = 0
            self._answered_at = now
            self._echo_at = now + self._watch_seconds
            if self._ends and now - self._ends[-1] > 60 * RESTART_WINDOW_MINUTES:
                self._ends.clear()
        elif self.ready:
            self._silences += 1
            self._echo_at = now + 1.0
            if self._silences >= SILENCES:
                log.warning("storescp does not answer C-ECHO: it is started again")
                child.kill()
        elif now - self._started_at > START_SECONDS:
            log.warning("storescp did not answer within %.0f s: it is started again", START_SECONDS)
            child.kill()
        else:
            self._echo_at = now + 0.1

    def _ended(self, child: Child, code: int) -> None:
        self._child = None
        self.ready = False
        if self._stopping:
            return
        try:
            self._tools.require_running(child, code)
        except UnavailableError as error:
            self._bar(error)
        now = self._clock.monotonic()
        self._progress.receiver_gone(self._answered_at if self._silences else now - NOTICED_WITHIN_SECONDS)
        reason = failure_reason(child.output)
        self._tools.keep_output(child)
        log.warning("storescp ended with exit status %d: %s", code, reason)
        self._count_end(now, reason)

    def _count_end(self, now: float, reason: str) -> None:
        self._reason = reason
        self._ends.append(now)
        self._start_at = now + min(retry_delay(0.2, len(self._ends)), MOST_DELAY_SECONDS)
        if (
            self._gives_up
            and len(self._ends) == RESTARTS
            and now - self._ends[0] < 60 * RESTART_WINDOW_MINUTES
        ):
            self._failure = StoppedError(
                f"storescp ended {RESTARTS} times in {RESTART_WINDOW_MINUTES} minutes: {reason}."
                " Its output is in the folder logs. Mend it, then run the same command again."
            )
