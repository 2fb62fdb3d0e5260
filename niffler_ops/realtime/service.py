"""The receiver's loop, readable as a table of contents."""

import logging
import os
import sys
import time
from contextlib import ExitStack

from niffler_ops.clock import Clock
from niffler_ops.config.receiver import MetaConfig
from niffler_ops.database import writing
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.errors import StoppedError
from niffler_ops.files import remove_folder
from niffler_ops.metadata import StoreUnavailableError, shown
from niffler_ops.processes.identity import identify
from niffler_ops.realtime import parts
from niffler_ops.realtime.control import clear
from niffler_ops.realtime.machinery import put_together
from niffler_ops.realtime.notify import Notify
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.pulse import Pulse
from niffler_ops.realtime.showing.worries import Worry
from niffler_ops.realtime.silence import Silence
from niffler_ops.realtime.sweeping import STORE_AWAY, Sweeping
from niffler_ops.realtime.telling import Telling

TURN_SECONDS = 0.05
PULSE_SECONDS = 2.0
DISK_SECONDS = 5.0
CONTROL_SECONDS = 1.0
RARELY_SECONDS = 60.0
END_SECONDS = 3.0

log = logging.getLogger(__name__)


class Service:
    """Receives, reads, stores, passes on and deletes, until it is asked to stop."""

    def __init__(
        self,
        config: MetaConfig,
        toolkit: Toolkit,
        place: Place,
        clock: Clock,
        stack: ExitStack,
        *,
        telling: Telling | None = None,
    ) -> None:
        """`stack` closes what is opened here; `telling` has people told."""
        made = put_together(config, toolkit, place, clock, stack)
        self._place = place
        self._clock = clock
        self._entities = ", ".join(map(str, config.local_entities))
        self._settings = made.settings
        self._launcher = made.launcher
        self._record = made.record
        self._workers = made.workers
        self._receivers = made.receivers
        self._intake = made.intake
        self._storing = made.storing
        self._passing = made.passing
        self._deletion = made.deletion
        self._timetable = made.timetable
        self._pressure = made.pressure
        self._sweeping = Sweeping(made)
        self._pulse = Pulse(made)
        self._notify = Notify(clock)
        self._silence = Silence()
        self._telling = telling
        self._by_night = False
        self._looked_at = dict.fromkeys(("pulse", "disk", "rarely", "control"), 0.0)
        self._stop_asked = False

    def ask_to_stop(self) -> None:
        """End soon and in order. May be called by a signal handler."""
        self._stop_asked = True

    def run(self) -> None:
        """Serve until asked to stop.

        Raises UnavailableError where a port is taken or the toolkit cannot run, and CannotWriteError.
        """
        with writing():
            token = self._begin()
            try:
                while not self._stop_asked:
                    self._turn()
            finally:
                self._notify.stopping()
                self._end()
                with self._record.transaction():
                    self._record.launches.ended(token, 0)
                    self._record.stopped()

    def sweep_once(self) -> int:
        """Without receiving: store what has arrived and delete what may go; gives the exit status."""
        with writing():
            self._take_up()
            try:
                for _ in self._sweeping.here():
                    if self._stop_asked:
                        raise StoppedError("Stopped. Run the same command again to continue.")
                    self._launcher.dispatch(TURN_SECONDS)
            except StoreUnavailableError as error:
                log.warning("%s", error)
                return STORE_AWAY
            finally:
                self._passing.stop()
                self._workers.stop(patience=END_SECONDS)
                self._intake.close()
            return self._sweeping.left()

    def _take_up(self) -> None:
        """What an earlier run left: a full disk, requests, what its storescp was writing or it deleting."""
        self._pressure.relieve()
        with self._record.transaction():
            self._record.make(self._place.storage_folder, self._entities)
            self._record.keep_fingerprint(self._settings.fingerprint)
        clear(self._place.control)
        for request in self._place.requests.iterdir():
            remove_folder(request)
        parts.remove_all(self._place.incoming)
        for aside in self._place.leaving.iterdir():
            self._intake.again(aside)

    def _begin(self) -> str:
        self._take_up()
        identity = identify(os.getpid())
        assert identity is not None  # noqa: S101 - this process exists
        with self._record.transaction():
            self._record.started(local_entities=self._entities, store=shown(self._settings.store))
            token = self._record.launches.intend("supervisor", sys.argv[:1])
            self._record.launches.launched(
                token, pid=identity.pid, start_ticks=identity.start_ticks, boot_id=identity.boot_id
            )
        self._storing.start()
        return token

    def _turn(self) -> None:
        self._receive()
        self._intake.advance()
        self._passing.advance()
        self._delete()
        self._look_around()
        self._sweeping.advance()
        if all(receiver.ready or receiver.barred for receiver in self._receivers):
            self._notify.ready()
        self._notify.alive()
        self._listen()

    def _receive(self) -> None:
        """One port that is barred is waited for while others receive; where all are, nothing can be done."""
        for receiver in self._receivers:
            receiver.advance()
        barred = [receiver.barred for receiver in self._receivers if receiver.barred]
        if len(barred) == len(self._receivers):
            raise barred[0]

    def _listen(self) -> None:
        """Handle what is reported for the time of a turn: a storescp says much, and a turn has its price."""
        until = self._clock.monotonic() + TURN_SECONDS
        while (left := until - self._clock.monotonic()) > 0:
            self._launcher.dispatch(left)

    def _delete(self) -> None:
        if self._timetable.is_due():
            self._by_night = True
            self._deletion.begin("Nightly deletion")
        self._deletion.advance()
        if self._by_night and not self._deletion.deleting:
            self._by_night = False
            with self._record.transaction():
                self._record.nightly_done()

    def _look_around(self) -> None:
        now = self._clock.monotonic()
        for name, seconds, look in (
            ("pulse", PULSE_SECONDS, self._pulse.beat),
            ("disk", DISK_SECONDS, lambda: self._pressure.look(self._storing.state.series)),
            ("rarely", RARELY_SECONDS, self._look_rarely),
            ("control", CONTROL_SECONDS, self._sweeping.look),
        ):
            if now - self._looked_at[name] >= seconds:
                self._looked_at[name] = now
                look()

    def _look_rarely(self) -> None:
        self._silence.look(self._record.sources(), self._record.habits(), self._clock.now())
        self._intake.forget_taken_away()
        parts.remove_left(self._place.incoming)
        if self._telling is not None:
            self._telling.look(
                Worry(receiver.trouble, "listening", str(receiver.port))
                for receiver in self._receivers
                if receiver.trouble
            )

    def _end(self) -> None:
        """Receive nothing more, take in what has been read, write the tables, and let go of the store."""
        for receiver in self._receivers:
            receiver.stop()
        self._passing.end()
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline and (self._launcher.children or self._intake.unread):
            self._intake.advance()
            self._launcher.dispatch(TURN_SECONDS)
        for child in list(self._launcher.children):
            child.kill()
        self._storing.stop(END_SECONDS)
        self._workers.stop(patience=1.0)
        self._intake.close()
