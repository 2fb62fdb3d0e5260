"""What a receiver is made of, put together from its configuration."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta

from niffler_ops.clock import Clock
from niffler_ops.config.postprocessing import DEFAULT_OPTIONS
from niffler_ops.config.receiver import MetaConfig
from niffler_ops.database import intact
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.metadata import Featureset, Journal, store_url
from niffler_ops.postprocess.claim import claimed
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.crew import Crew
from niffler_ops.postprocess.job import Settings
from niffler_ops.processes.launcher import Launcher
from niffler_ops.processes.workers import Workers
from niffler_ops.realtime.deletion import Deletion
from niffler_ops.realtime.intake import Intake
from niffler_ops.realtime.passing import Passing
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.pressure import Pressure
from niffler_ops.realtime.record import Record
from niffler_ops.realtime.storing import Storing
from niffler_ops.realtime.timetable import Timetable
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.receiver import Receiver
from niffler_ops.stages.tools import Tools

OPTIONS = ("RetainFullDates", "RetainDeviceIdentity", "RetainPatientCharacteristics", "CleanDescriptors")
WATCH_SECONDS = 5.0  # between a C-ECHO and the next: nobody asks again for what is sent meanwhile
BEGIN_ANEW = (
    "Move it and the .sqlite files beside it away, with their -wal, and start again. Images that are left in"
    " StorageFolder are read once more where you move them into .niffler/incoming/again/. What the file knows"
    " of pseudonyms may be saved: sqlite3 receiver.sqlite .recover | sqlite3 recovered.sqlite"
)
READERS, READERS_NICENESS = 2, 5  # what they read is on the disk; what storescp does not take is not


@dataclass(frozen=True, kw_only=True, slots=True)
class Machinery:
    """The parts, as the loop and those that look at all of them need them."""

    place: Place
    clock: Clock
    settings: Settings
    featuresets: Sequence[Featureset]
    launcher: Launcher
    record: Record
    journal: Journal
    workers: Workers
    receivers: Sequence[Receiver]
    intake: Intake
    storing: Storing
    passing: Passing
    deletion: Deletion
    timetable: Timetable
    pressure: Pressure


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


def put_together(
    config: MetaConfig, toolkit: Toolkit, place: Place, clock: Clock, stack: ExitStack
) -> Machinery:
    """`stack` closes what is opened here.

    Raises ConfigurationError where the settings are wrong, CannotWriteError where a database is damaged.
    """
    launcher = Launcher()
    with intact(place.record, BEGIN_ANEW):
        record = stack.enter_context(closing(Record(place.record, clock)))
    with intact(place.journal, BEGIN_ANEW):
        journal = stack.enter_context(closing(Journal(place.journal, clock)))
    settings = replace(settings_of(config, place), fingerprint=record.fingerprint())
    context = Context(settings)  # raises for wrong settings, and makes the secret
    settings = replace(settings, fingerprint=context.fingerprint)
    tools = Tools(launcher, toolkit, record, place.logs)
    passing = _passing(config, place, record, tools, clock, stack)
    workers = Workers(READERS, launcher.post, niceness=READERS_NICENESS, pixels=True)
    intake = Intake(place, record, journal, workers, clock, settings=settings, pattern=str(config.file_path))
    deletion = Deletion(
        place,
        record,
        journal,
        clock,
        settle=timedelta(minutes=config.settle_minutes),
        keep=timedelta(hours=config.keep_images_hours),
        is_passed_on=passing.is_passed_on,
        again=intake.again,
        unread_since=intake.unread_since,
    )
    return Machinery(
        place=place,
        clock=clock,
        settings=settings,
        featuresets=context.featuresets,
        launcher=launcher,
        record=record,
        journal=journal,
        workers=workers,
        receivers=_receivers(config, place, tools, clock),
        intake=intake,
        storing=Storing(place.journal, settings.store, context.featuresets, clock),
        passing=passing,
        deletion=deletion,
        timetable=Timetable(config.delete_hour, clock, record.nightly_at()),
        pressure=Pressure(place, config.min_free_disk, deletion, clock),
    )


def _receivers(config: MetaConfig, place: Place, tools: Tools, clock: Clock) -> Sequence[Receiver]:
    progress = Progress(clock.monotonic())
    return [
        Receiver(local, place.incoming, tools, clock, progress, gives_up=False, watch_seconds=WATCH_SECONDS)
        for local in config.local_entities
    ]


def _passing(
    config: MetaConfig, place: Place, record: Record, tools: Tools, clock: Clock, stack: ExitStack
) -> Passing:
    settings = settings_of(config, place, DEFAULT_OPTIONS)
    if config.pass_on:
        settings = stack.enter_context(claimed(settings))
    crew = Crew(
        tools.run_worker, clock, place.requests, workers=1, timeout=float("inf"), died=tools.keep_output
    )
    return Passing(
        place,
        record,
        crew,
        clock,
        processors=config.pass_on,
        settings=settings,
        settle=timedelta(minutes=config.settle_minutes),
    )
