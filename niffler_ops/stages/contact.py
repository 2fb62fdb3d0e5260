"""Whether the archive can be reached: asked by C-ECHO, in a thread so that the loop goes on."""

import logging
import threading
from collections.abc import Callable

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.embedded.echo import Echo, echo
from niffler_ops.errors import ExhaustedError
from niffler_ops.model import Archive
from niffler_ops.processes.launcher import Launcher
from niffler_ops.stages.load import Load
from niffler_ops.stages.retry import retry_delay

DESTINATION_UNKNOWN = 0xA801  # the status of a C-MOVE, PS3.4 C.4.2.1.5
ECHO_SECONDS = 5.0
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 30.0

log = logging.getLogger(__name__)


class Contact:
    """An archive's health: while it does not answer, nothing is asked of it and nothing costs an attempt.

    `name` is AET@HOST:PORT, `queue` what the ledger calls its rows ("": the first of SrcAet).
    """

    def __init__(
        self, archive: Archive, launcher: Launcher, clock: Clock, *, first: bool, load: Load
    ) -> None:
        self.archive = archive
        self.name = str(archive.peer)
        self.queue = "" if first else self.name
        self.answered = False  # at least once in this run
        self.load = load
        self.misconfigured = ""  # why it cannot send to us, until an administrator mends it
        self.refusing = ""  # what its refusals say, while it refuses one retrieve after another
        self._launcher = launcher
        self._clock = clock
        self._lost_at: float | None = None
        self._probe_at = 0.0
        self._probes = 0
        self._probing = False

    @property
    def usable(self) -> bool:
        """Whether the archive may be asked now."""
        return self._lost_at is None

    @property
    def trouble(self) -> str:
        """What its administrator has to see to; "" where nothing is known."""
        return self.misconfigured or self.refusing

    @property
    def lost_for(self) -> float:
        """Seconds since it was found not to answer; 0 while it answers."""
        return 0.0 if self._lost_at is None else self._clock.monotonic() - self._lost_at

    def ask(self, then: Callable[[Echo], None]) -> None:
        """C-ECHO once; `then` gets the result on the main thread."""

        def work() -> None:
            result = echo(self.archive.peer, calling_aet=self.archive.calling_aet, timeout=ECHO_SECONDS)
            self._launcher.post(lambda: self._asked(result, then))

        try:
            threading.Thread(target=work, name="archive-echo", daemon=True).start()
        except RuntimeError:
            raise ExhaustedError(f"{self.name}: cannot be asked (no thread is left for it)") from None

    def _asked(self, result: Echo, then: Callable[[Echo], None]) -> None:
        self.answered = self.answered or result is Echo.ANSWERED
        then(result)

    def lost(self, why: Echo) -> None:
        """The archive does not answer: wait for it, probing with C-ECHO."""
        if self._lost_at is None:
            log.warning("The archive %s %s: waiting until it answers again", self.name, why)
            self._lost_at = self._clock.monotonic()
            self._probes = 0
            self._schedule()

    def does_not_know_us(self, config: Config) -> None:
        """Nothing can come from it until its administrator has mended that."""
        aet = self.archive.destination
        whose = "its" if config.sends_elsewhere else "this machine's"
        port = "" if config.sends_elsewhere else f" and port {config.query_aet.port}"
        self.misconfigured = (
            f"SrcAet {self.name}: the archive does not know {aet} as a move destination (status a801)."
            f" Ask its administrator to add AE title {aet} with {whose} address{port}, then run the same"
            " command again."
        )
        log.error("%s", self.misconfigured)

    def advance(self) -> None:
        """Probe when it is time."""
        if self._lost_at is not None and not self._probing and self._clock.monotonic() >= self._probe_at:
            self._probing = True
            self.ask(self._probed)

    def _probed(self, result: Echo) -> None:
        self._probing = False
        if result is Echo.ANSWERED and self._lost_at is not None:
            log.info("The archive %s answers again after %.0f s", self.name, self.lost_for)
            self._lost_at = None
        else:
            self._schedule()

    def _schedule(self) -> None:
        self._probes += 1
        delay = min(retry_delay(FIRST_PROBE_SECONDS, self._probes), LONGEST_PROBE_SECONDS)
        self._probe_at = self._clock.monotonic() + delay
