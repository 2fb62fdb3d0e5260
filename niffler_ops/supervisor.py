"""The loop of an extraction, readable as a table of contents."""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.config.network import MOST_LANES
from niffler_ops.database import writing
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.embedded.echo import Echo
from niffler_ops.errors import StoppedError, UnavailableError
from niffler_ops.files import make_empty
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.postprocess.crew import Hire, here
from niffler_ops.processes.identity import identify
from niffler_ops.processes.launcher import Launcher
from niffler_ops.requests import LANES, PAUSE, STOP, take
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.gate import Gate
from niffler_ops.stages.load import load_of
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import LONGEST_WAIT_SECONDS
from niffler_ops.stages.tools import Tools
from niffler_ops.work import Work

TURN_SECONDS = 0.05
SHORTEST_TURN_SECONDS = 0.02
TOUCH_SECONDS = 2.0
FIRST_CONTACT_TRIES = 3
FIRST_CONTACT_PAUSE_SECONDS = 1.5
GRACE_SECONDS = 3.0  # for the studies that are being retrieved when a stop is asked for
END_SECONDS = 2.0
CLOCK_STEP_SECONDS = 1.0

log = logging.getLogger(__name__)


class Display(Protocol):
    """Shows progress to whoever watches the command."""

    def show(self, ledger: Ledger) -> None:
        """Bring the display up to date; called every couple of seconds."""
        ...


def make_place(
    config: Config,
    toolkit: Toolkit,
    layout: Layout,
    ledger: Ledger,
    clock: Clock,
    *,
    hire: Hire | None = None,
    launcher: Launcher | None = None,
) -> Place:
    """What the stages of one extraction work with; without `hire`, workers of this machine post-process."""
    launcher = launcher or Launcher()
    return Place(
        config=config,
        layout=layout,
        ledger=ledger,
        clock=clock,
        tools=Tools(launcher, toolkit, ledger, layout.logs),
        contacts=tuple(
            Contact(
                archive,
                launcher,
                clock,
                first=number == 0,
                load=load_of(config, archive, clock),
            )
            for number, archive in enumerate(config.archives)
        ),
        gate=Gate(config, layout, clock),
        hire=hire or here(config.post_workers),
    )


class Supervisor:
    """Keeps one extraction's work going to its end, or until it is asked to stop."""

    def __init__(self, place: Place, work: Work, *displays: Display) -> None:
        self._ledger = place.ledger
        self._clock = place.clock
        self._launcher = place.tools.launcher
        self._contacts = place.contacts
        self._gate = place.gate
        self._control = place.layout.control
        self._requests = place.layout.requests
        self._work = work
        self._displays = displays
        self._stop_asked = self._hurry = False
        self._touched_at = 0.0
        self._clocks_apart = self._wall_beyond_monotonic()

    def ask_to_stop(self) -> None:
        """Stop in order at the next turn, asked again at once; callable from a signal handler."""
        self._hurry = self._stop_asked
        self._stop_asked = True

    @property
    def asked_to_stop(self) -> bool:
        """Whether a signal or niffler-status has asked for it."""
        return self._stop_asked

    def run(self) -> None:
        """Work until nothing is left to do.

        Raises StoppedError when asked to stop, UnavailableError where the archive does not answer at
        the start or our port is taken, ConfigurationError where the archive does not know us, and
        CannotWriteError where files cannot be written. All that was reached is in the ledger.
        """
        with writing():
            take(self._control)  # what an earlier run was asked
            token = self._register()
            try:
                self._work_on()
            finally:
                try:
                    self._wind_up()
                finally:
                    for child in self._launcher.children:
                        child.kill()
                    with suppress(OSError):  # of a child that is just ending; the next run removes them
                        make_empty(self._requests)
                with self._ledger.transaction():
                    self._ledger.launches.ended(token, 0)

    def _work_on(self) -> None:
        if self._work.is_open():
            self._work.begin()
            if self._work.asks():
                self._first_contact()
        while self._work.is_open():
            if self._stop_asked:
                raise StoppedError("Stopped. Run the same command again to continue.")
            self._turn()

    def _turn(self) -> None:
        if self._gate.advance():
            self._record_pause()
        for contact in self._contacts:
            contact.advance()
        self._work.advance()
        self._touch()
        self._launcher.dispatch(TURN_SECONDS, gather=SHORTEST_TURN_SECONDS)

    def _record_pause(self) -> None:
        pause = self._gate.pause
        with self._ledger.transaction():
            if pause is None:
                self._ledger.go_on()
            else:
                self._ledger.pause(pause.reason, until=pause.until)

    def _register(self) -> str:
        identity = identify(os.getpid())
        assert identity is not None  # noqa: S101 - this process exists
        with self._ledger.transaction():
            token = self._ledger.launches.intend("supervisor", sys.argv[:1])
            self._ledger.launches.launched(
                token, pid=identity.pid, start_ticks=identity.start_ticks, boot_id=identity.boot_id
            )
            self._ledger.run_started()
        return token

    def _first_contact(self) -> None:
        """An archive must answer at the start; one that goes away later is waited for.

        Of several one is enough: the others are asked for what those give who answer.
        """
        results: dict[str, Echo] = {}
        for number in range(FIRST_CONTACT_TRIES):
            if number:
                self._dispatch_until(lambda: self._stop_asked, seconds=FIRST_CONTACT_PAUSE_SECONDS)
            self._echo_silent(results)
            if self._stop_asked or all(contact.answered for contact in self._contacts):
                return
        silent = [contact for contact in self._contacts if not contact.answered]
        if len(silent) < len(self._contacts):
            for contact in silent:
                contact.lost(results[contact.name])
            return
        raise UnavailableError(
            "\n".join(f"SrcAet {contact.name}: the archive {results[contact.name]}." for contact in silent)
            + " Check host, port and AE titles, and that the archive is up; then run the same command again."
        )

    def _echo_silent(self, results: dict[str, Echo]) -> None:
        """Ask those that have not answered so far, at once."""
        silent = [contact for contact in self._contacts if not contact.answered]
        for contact in silent:
            results.pop(contact.name, None)
            contact.ask(partial(results.__setitem__, contact.name))
        self._dispatch_until(
            lambda: self._stop_asked or all(contact.name in results for contact in silent), seconds=30.0
        )
        for contact in silent:
            results.setdefault(contact.name, Echo.UNREACHABLE)

    def _dispatch_until(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        while not condition() and not self._hurry and self._clock.monotonic() < deadline:
            self._launcher.dispatch(TURN_SECONDS)
        return condition()

    def _touch(self) -> None:
        now = self._clock.monotonic()
        if now - self._touched_at >= TOUCH_SECONDS:
            self._touched_at = now
            self._obey()
            set_back = self._set_back()
            with self._ledger.transaction():
                self._ledger.touch()
                if set_back:
                    self._ledger.shorten_waits(LONGEST_WAIT_SECONDS)
            for display in self._displays:
                display.show(self._ledger)

    def _set_back(self) -> bool:
        """Whether the wall clock, by which the ledger says when something is due, was set back."""
        before, self._clocks_apart = self._clocks_apart, self._wall_beyond_monotonic()
        return self._clocks_apart < before - CLOCK_STEP_SECONDS

    def _wall_beyond_monotonic(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _obey(self) -> None:
        """Do what niffler-status has been told to ask for."""
        for request in take(self._control):
            log.info("Asked by niffler-status to %s", request.words)
            with self._ledger.transaction():
                self._ledger.asked(f"niffler-status asked to {request.words}")
            if request.name == STOP:
                self._stop_asked = True
            elif request.name == LANES:
                for contact in self._contacts:
                    contact.load.set_lanes(min(request.number, MOST_LANES) or None)
            else:
                self._gate.ask_to_pause(pause=request.name == PAUSE)

    def _wind_up(self) -> None:
        """End every child, movescu before storescp, and what is being filed; within seconds."""
        self._work.wind_down()
        for child in list(self._launcher.children):
            if child.name == "findscu":
                child.terminate()
        self._dispatch_until(lambda: self._work.settle() and not self._work.is_writing, seconds=GRACE_SECONDS)
        self._work.stop()
        self._dispatch_until(
            lambda: not self._work.is_writing and all(c.name == "storescp" for c in self._launcher.children),
            seconds=END_SECONDS,
        )
        self._work.close()
        if not self._dispatch_until(lambda: not self._launcher.children, seconds=END_SECONDS):
            for child in list(self._launcher.children):
                child.kill()
            self._dispatch_until(lambda: not self._launcher.children, seconds=1.0)
