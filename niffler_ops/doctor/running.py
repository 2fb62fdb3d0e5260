"""Checks `locks`, `port` and `leftovers`: what runs on this machine, and what is in our way."""

import os
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path

from niffler_ops.config import Config
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import (
    EXTRACTION,
    NAMELESS,
    RUNTIME_VARIABLE,
    Holder,
    lock_folder,
    running,
)
from niffler_ops.processes.ports import Listener, binding_error, listener_on
from niffler_ops.processes.standing import Leftover, Standing, listening, told_of
from niffler_ops.reporting.how_far import how_far
from niffler_ops.reporting.words import counted

LOCKS, PORT, LEFTOVERS = "locks", "port", "leftovers"


def check_locks(config: Config | None) -> Iterator[Finding]:
    """Which extractions and receivers run, and whether another extraction may start beside them."""
    holders = yield from check_holders([] if config is None else [config.query_aet])
    extractions = sum(holder.kind == EXTRACTION for holder in holders)
    if config is not None and extractions >= config.max_niffler_processes:
        yield warning(
            LOCKS,
            f"{counted(extractions, 'extraction')} at work, and MaxNifflerProcesses is"
            f" {config.max_niffler_processes}: one more would end at once with exit status 75",
        )


def check_holders(
    entities: Collection[LocalEntity], ours: Path | None = None
) -> Generator[Finding, None, list[Holder]]:
    """Who runs, and who is in the way of one that is started with these, `ours` being its StorageFolder."""
    folder = lock_folder()
    place = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield failure(LOCKS, f"{folder}: cannot be written; name another folder with {RUNTIME_VARIABLE}")
    holders = running(folder)
    for holder in holders:
        in_the_way = holder.entity in map(str, entities) and Path(holder.folder) != ours
        yield _holder(holder, in_the_way=in_the_way)
    if not holders:
        yield ok(LOCKS, f"no extraction runs (locks are in {folder})")
    return holders


def _holder(holder: Holder, *, in_the_way: bool) -> Finding:
    progress = "" if holder == NAMELESS else how_far(Path(holder.folder))
    text = ", ".join(part for part in (f"{holder.entity}: {holder}", progress) if part)
    if in_the_way:
        return warning(LOCKS, f"{text}; another start with it would end at once with exit status 75")
    return ok(LOCKS, text)


def check_port(config: Config, leftovers: Sequence[Leftover]) -> Iterator[Finding]:
    """Whether storescp can listen at QueryAet."""
    local = config.query_aet
    if config.sends_elsewhere:
        text = f"QueryAet {local}: nothing is received here: DestAet sends the images to another system"
        yield ok(PORT, text)
    else:
        yield port_of(local, leftovers)


def port_of(local: LocalEntity, leftovers: Sequence[Leftover]) -> Finding:
    """Whether a storescp can listen there, or ours does."""
    name = f"QueryAet {local}: port {local.port}"
    listener = listener_on(local.port)
    if listener is not None:
        return _taken(name, str(local), listener, leftovers)
    if error := binding_error(local.port):
        return failure(
            PORT, f"{name} cannot be opened ({error.strerror}): choose one from 1024 on, or run as root"
        )
    return ok(PORT, f"{name} is free")


def _taken(name: str, local: str, listener: Listener, leftovers: Sequence[Leftover]) -> Finding:
    told, found = told_of(listener, leftovers), listening(listener, leftovers)
    if found is not None and found.standing is Standing.ORPHAN:
        return warning(PORT, f"{name} is taken by {told}")
    if found is not None and found.owner is not None and found.owner.entity == local:
        return ok(PORT, f"{name} is in use by {found.owner.work} that runs: {found.owner}")
    return failure(PORT, f"{name} is taken by {told}. End it, or choose another port")


def check_leftovers(leftovers: Sequence[Leftover], ports: Collection[int]) -> Iterator[Finding]:
    """Every storage receiver of this machine, and whose it is; `ports` are those that are ours."""
    for leftover in leftovers:
        harmless = leftover.standing is Standing.LIVE or _is_elsewhere(leftover, ports)
        yield (ok if harmless else warning)(LEFTOVERS, leftover.advice)
    if not leftovers:
        yield ok(LEFTOVERS, "no storescp runs on this machine")


def _is_elsewhere(leftover: Leftover, ports: Collection[int]) -> bool:
    """Another user's, and not in our way."""
    entity = leftover.receiver.entity
    ours = entity is not None and entity.port in ports
    return leftover.standing is Standing.FOREIGN and not ours
