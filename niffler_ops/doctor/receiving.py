"""The checks of a receiver: meta.json as niffler-meta would read it, and what that needs."""

from collections.abc import Container, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.config.receiver import MetaConfig, load_meta
from niffler_ops.doctor.examination import Check, carried_out
from niffler_ops.doctor.findings import Finding, Result, failure, ok, warning
from niffler_ops.doctor.machine import (
    CLOCK,
    DISK,
    FILE_SYSTEM,
    check_clock,
    check_folder,
    check_locks_disk,
)
from niffler_ops.doctor.notices import CHECK as NOTICES
from niffler_ops.doctor.notices import check_channels
from niffler_ops.doctor.running import (
    LEFTOVERS,
    LOCKS,
    PORT,
    check_holders,
    check_leftovers,
    port_of,
)
from niffler_ops.doctor.settings import CHECK as CONFIGURATION
from niffler_ops.doctor.tools import TOOLKIT, check_tools
from niffler_ops.embedded.echo import Echo, echo
from niffler_ops.errors import ConfigurationError, MissingInputError
from niffler_ops.filesystems import is_network, kind_of
from niffler_ops.metadata import StoreUnavailableError, open_store, shown
from niffler_ops.model import LocalEntity, Peer
from niffler_ops.postprocess.configured import check
from niffler_ops.postprocess.context import featuresets_of, secret_of
from niffler_ops.processes.ports import listener_on
from niffler_ops.processes.standing import Leftover, Standing, find_leftovers
from niffler_ops.realtime.machinery import settings_of
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing.worries import worries
from niffler_ops.realtime.status import gather, is_receiver

STORE, RECEIVER = "store", "receiver"
LOOPBACK = "127.0.0.1"
ECHO_SECONDS = 5.0
MAKES_ROOM = "stored images would go at any hour, and what is not stored may fill the disk"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiverSettings:
    """What is examined; None where the file cannot be used, and `problems` say why."""

    file: Path
    config: MetaConfig | None
    problems: tuple[str, ...] = ()


def read_receiver(file: Path) -> ReceiverSettings:
    """The configuration as niffler-meta would read it."""
    try:
        return ReceiverSettings(file=file, config=load_meta(file))
    except ConfigurationError as error:
        return ReceiverSettings(file=file, config=None, problems=error.problems)


def examine_receiver(settings: ReceiverSettings, clock: Clock) -> Iterator[Finding]:
    """Look at everything that a receiver needs; nothing is changed."""
    failed: set[str] = set()
    yield from carried_out(_checks(settings, clock, failed), failed)


def _checks(settings: ReceiverSettings, clock: Clock, failed: Container[str]) -> Iterator[Check]:
    config = settings.config
    yield CONFIGURATION, lambda: _configuration(settings)
    if config is None:
        leftovers = find_leftovers(None)
        yield FILE_SYSTEM, check_locks_disk
        yield CLOCK, lambda: check_clock(None, clock)
        yield LOCKS, lambda: check_holders([])
        yield LEFTOVERS, lambda: check_leftovers(leftovers, [])
        return
    yield TOOLKIT, lambda: check_tools(config, ("storescp",))
    yield DISK, lambda: _folders(config)
    yield FILE_SYSTEM, lambda: _file_systems(config)
    yield CLOCK, lambda: _clock(config, clock)
    found = known(config.local_entities)
    yield LOCKS, lambda: check_holders(config.local_entities, config.storage_folder)
    yield PORT, lambda: _ports(config, found)
    yield LEFTOVERS, lambda: check_leftovers(found, [local.port for local in config.local_entities])
    if CONFIGURATION not in failed:
        yield STORE, lambda: _store(config)
    yield RECEIVER, lambda: _receiver(config, clock)
    yield NOTICES, lambda: check_channels(config)


def known(entities: Sequence[LocalEntity]) -> list[Leftover]:
    """Every storage receiver of this machine, judged by all of these."""
    by_identity: dict[object, Leftover] = {}
    for local in entities:
        for found in find_leftovers(local):
            before = by_identity.get(found.receiver.identity)
            if before is None or found.standing is Standing.ORPHAN:
                by_identity[found.receiver.identity] = found
    return list(by_identity.values())


def _configuration(settings: ReceiverSettings) -> Iterator[Finding]:
    problems = settings.problems
    if settings.config is None:
        yield from (failure(CONFIGURATION, problem) for problem in problems)
        yield warning(CONFIGURATION, "what depends on the configuration is not examined until it is mended")
        return
    try:
        check(settings_of(settings.config, Place(settings.config.storage_folder)))
    except ConfigurationError as error:
        yield from (failure(CONFIGURATION, problem) for problem in error.problems)
    else:
        yield ok(CONFIGURATION, str(settings.file.absolute()))


def _folders(config: MetaConfig) -> Iterator[Finding]:
    yield check_folder("StorageFolder", config.storage_folder, config.min_free_disk, MAKES_ROOM)
    if config.pass_on:
        yield check_folder("OutputFolder", config.output_folder, config.min_free_disk, "it fills up")


def _file_systems(config: MetaConfig) -> Iterator[Finding]:
    yield from check_locks_disk()
    kind = kind_of(config.storage_folder)
    if is_network(kind):
        yield failure(
            FILE_SYSTEM,
            f"StorageFolder is on {kind}, where SQLite is not safe: name a folder on a local disk",
        )
    else:
        yield ok(FILE_SYSTEM, f"images and records on {kind}")


def _clock(config: MetaConfig, clock: Clock) -> Iterator[Finding]:
    for finding in check_clock(None, clock):
        if finding.result is Result.OK:
            yield ok(CLOCK, f"{finding.text}; DeleteHour: images go at {config.delete_hour} o'clock of it")
        else:
            yield finding


def _ports(config: MetaConfig, leftovers: Sequence[Leftover]) -> Iterator[Finding]:
    """Free, or answered by our own storescp."""
    for local in config.local_entities:
        finding = port_of(local, leftovers)
        if finding.result is not Result.OK or listener_on(local.port) is None:
            yield finding
            continue
        peer = Peer(aet=local.aet, host=LOOPBACK, port=local.port)
        answer = echo(peer, calling_aet=local.aet, timeout=ECHO_SECONDS)
        if answer is Echo.ANSWERED:
            yield ok(PORT, f"{finding.text}; it answers C-ECHO")
        else:
            yield failure(PORT, f"{finding.text}; C-ECHO: {answer}. The receiver starts it again soon")


def _store(config: MetaConfig) -> Iterator[Finding]:
    """Whether it can be read, and what is in it."""
    settings = settings_of(config, Place(config.storage_folder))
    name = shown(settings.store)
    with closing(open_store(settings.store)) as store:
        for featureset in featuresets_of(settings):
            try:
                filled = next(store.records(featureset.name, fields=()), None) is not None
            except MissingInputError:
                filled = False
            except StoreUnavailableError as error:
                yield failure(STORE, f"{error}. Nothing is lost while it is away, but no image goes")
                return
            holds = "holds records" if filled else "is empty yet"
            yield ok(STORE, f"{name}: it can be reached; the collection {featureset.name} {holds}")


def _receiver(config: MetaConfig, clock: Clock) -> Iterator[Finding]:
    """How the one that works in StorageFolder stands."""
    place = Place(config.storage_folder)
    if not is_receiver(place):
        yield ok(RECEIVER, f"none has worked in {config.storage_folder} yet")
        return
    status = gather(place, clock)
    made_with = str(status.receiver["fingerprint"])
    if made_with:
        secret_of(replace(settings_of(config, place), fingerprint=made_with))  # raises where it is another
    yield ok(RECEIVER, f"{status.state}; {status.counts['received']} instances received")
    yield from (warning(RECEIVER, text) for text in worries(status))
