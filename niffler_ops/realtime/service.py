"""The receiver's loop, readable as a table of contents."""

import logging
import os
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta

from niffler_ops.clock import Clock
from niffler_ops.config.postprocessing import DEFAULT_OPTIONS
from niffler_ops.config.receiver import MetaConfig
from niffler_ops.database import writing
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.errors import StoppedError
from niffler_ops.files import remove_folder
from niffler_ops.metadata import Journal, StoreUnavailableError, shown, store_url
from niffler_ops.postprocess.claim import claimed
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.crew import Crew
from niffler_ops.postprocess.job import Settings
from niffler_ops.processes.identity import identify
from niffler_ops.processes.launcher import Launcher
from niffler_ops.processes.workers import Workers
from niffler_ops.realtime import parts
from niffler_ops.realtime.control import clear
from niffler_ops.realtime.deletion import Deletion
from niffler_ops.realtime.intake import Intake
from niffler_ops.realtime.notify import Notify
from niffler_ops.realtime.passing import Passing
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.pressure import Pressure
from niffler_ops.realtime.pulse import Pulse
from niffler_ops.realtime.record import Record
from niffler_ops.realtime.showing.worries import Worry
from niffler_ops.realtime.silence import Silence
from niffler_ops.realtime.storing import Storing
from niffler_ops.realtime.sweeping import STORE_AWAY, Sweeping
from niffler_ops.realtime.telling import Telling
from niffler_ops.realtime.timetable import Timetable
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.receiver import Receiver
from niffler_ops.stages.tools import Tools

OPTIONS = ("RetainFullDates", "RetainDeviceIdentity", "RetainPatientCharacteristics", "CleanDescriptors")
READERS, READERS_NICENESS = 2, 5  # what they read is on the disk; what storescp does not take is not
TURN_SECONDS = 0.05
PULSE_SECONDS = 2.0
DISK_SECONDS = 5.0
CONTROL_SECONDS = 1.0
RARELY_SECONDS = 60.0
END_SECONDS = 3.0

log = logging.getLogger(__name__)


def settings_of(config: MetaConfig, place: Place, options: tuple[str, ...] = OPTIONS) -> Settings:
    """What readers and post-processors are told; the receiver's own records have true dates."""
    default = f"sqlite:///{place.private / 'metadata.sqlite'}"
    return Settings(
        root=str(place.storage_folder),
        output=str(config.output_folder),
        private=str(place.private),
        secret=str(config.pseudonym_key or place.private / "pseudonym.key"),
        options=options,
        store=store_url(config.metadata_store or "") or default,
        featuresets=tuple(map(str, config.featuresets)),
    )


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
        self._config = config
        self._clock = clock
        self._place = place
        self._launcher = Launcher()
        self._record = stack.enter_context(closing(Record(place.record, clock)))
        self._journal = stack.enter_context(closing(Journal(place.journal, clock)))
        settings = replace(settings_of(config, place), fingerprint=self._record.fingerprint())
        context = Context(settings)  # raises for wrong settings, and makes the secret
        self._settings = replace(settings, fingerprint=context.fingerprint)
        passed_on = settings_of(config, place, DEFAULT_OPTIONS)
        if config.pass_on:
            passed_on = stack.enter_context(claimed(passed_on))
        settle = timedelta(minutes=config.settle_minutes)
        self._workers = Workers(READERS, self._launcher.post, niceness=READERS_NICENESS)
        self._intake = Intake(
            place,
            self._record,
            self._journal,
            self._workers,
            clock,
            settings=self._settings,
            pattern=str(config.file_path),
        )
        tools = Tools(self._launcher, toolkit, self._record, place.logs)
        progress = Progress(clock.monotonic())
        self._receivers = [
            Receiver(local, place.incoming, tools, clock, progress, gives_up=False)
            for local in config.local_entities
        ]
        crew = Crew(
            tools.run_worker, clock, place.requests, workers=1, timeout=float("inf"), died=tools.keep_output
        )
        self._passing = Passing(
            place,
            self._record,
            crew,
            clock,
            processors=config.pass_on,
            settings=passed_on,
            settle=settle,
        )
        self._deletion = Deletion(
            place,
            self._record,
            self._journal,
            clock,
            settle=settle,
            keep=timedelta(hours=config.keep_images_hours),
            is_passed_on=self._passing.is_passed_on,
            again=self._intake.again,
        )
        self._featuresets = context.featuresets
        self._storing = Storing(place.journal, self._settings.store, context.featuresets, clock)
        self._timetable = Timetable(config.delete_hour, clock, self._record.nightly_at())
        self._by_night = False
        self._pressure = Pressure(place, config.min_free_disk, self._deletion, clock)
        self._notify = Notify(clock)
        self._silence = Silence()
        self._telling = telling
        self._sweeping = Sweeping(
            place.control,
            self._record,
            self._journal,
            intake=self._intake,
            storing=self._storing,
            passing=self._passing,
            deletion=self._deletion,
        )
        self._pulse = Pulse(
            self._record,
            self._journal,
            clock,
            intake=self._intake,
            storing=self._storing,
            timetable=self._timetable,
            pressure=self._pressure,
        )
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
                for _ in self._sweeping.here(self._settings.store, self._featuresets):
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

    @property
    def _entities(self) -> str:
        return ", ".join(map(str, self._config.local_entities))

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
        for receiver in self._receivers:
            receiver.advance()
        self._intake.advance()
        self._passing.advance()
        self._delete()
        self._look_around()
        self._sweeping.advance()
        if all(receiver.ready for receiver in self._receivers):
            self._notify.ready()
        self._notify.alive()
        self._listen()

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
        self._silence.look(self._record.sources(), self._clock.now())
        self._intake.forget_taken_away()
        parts.remove_left(self._place.incoming)
        if self._telling is not None:
            self._telling.look(
                Worry(receiver.trouble, "listening", str(receiver.port))
                for receiver in self._receivers
                if receiver.trouble
            )

    def _end(self) -> None:
        """Receive nothing more, take in what has been read, and let go of the store."""
        for receiver in self._receivers:
            receiver.stop()
        self._passing.stop()
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline and (self._launcher.children or self._intake.unread):
            self._intake.advance()
            self._launcher.dispatch(TURN_SECONDS)
        for child in list(self._launcher.children):
            child.kill()
        self._storing.stop(END_SECONDS)
        self._workers.stop(patience=1.0)
        self._intake.close()
