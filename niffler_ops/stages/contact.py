"""Whether the archive can be reached: asked by C-ECHO, in a thread so that the loop goes on."""

import logging
import threading
from collections.abc import Callable

from niffler_ops.clock import Clock
from niffler_ops.model import Peer
from niffler_ops.processes.echo import Echo, echo
from niffler_ops.processes.launcher import Launcher
from niffler_ops.stages.retry import retry_delay

ECHO_SECONDS = 5.0
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 30.0

log = logging.getLogger(__name__)


class Contact:
    """The archive's health: while it does not answer, nothing is asked of it and nothing costs an attempt."""

    def __init__(self, archive: Peer, calling_aet: str, launcher: Launcher, clock: Clock) -> None:
        self.archive = archive
        self._calling_aet = calling_aet
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

    def ask(self, then: Callable[[Echo], None]) -> None:
        """C-ECHO once; `then` gets the result on the main thread."""

        def work() -> None:
            result = echo(self.archive, calling_aet=self._calling_aet, timeout=ECHO_SECONDS)
            self._launcher.post(lambda: then(result))

        threading.Thread(target=work, name="archive-echo", daemon=True).start()

    def lost(self, why: Echo) -> None:
        """The archive does not answer: wait for it, probing with C-ECHO."""
        if self._lost_at is None:
            log.warning("The archive %s: waiting until it answers again", why)
            self._lost_at = self._clock.monotonic()
            self._probes = 0
            self._schedule()

    def advance(self) -> None:
        """Probe when it is time."""
        if self._lost_at is not None and not self._probing and self._clock.monotonic() >= self._probe_at:
            self._probing = True
            self.ask(self._probed)

    def _probed(self, result: Echo) -> None:
        self._probing = False
        if result is Echo.ANSWERED and self._lost_at is not None:
            log.info("The archive answers again after %.0f s", self._clock.monotonic() - self._lost_at)
            self._lost_at = None
        else:
            self._schedule()

    def _schedule(self) -> None:
        self._probes += 1
        delay = min(retry_delay(FIRST_PROBE_SECONDS, self._probes), LONGEST_PROBE_SECONDS)
        self._probe_at = self._clock.monotonic() + delay
