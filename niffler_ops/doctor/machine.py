"""Checks `disk`, `file system` and `clock`."""

import os
from collections.abc import Iterator
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.filesystems import is_network, kind_of
from niffler_ops.layout import Layout
from niffler_ops.model import FreeSpace
from niffler_ops.processes.holders import RUNTIME_VARIABLE, lock_folder
from niffler_ops.processes.users import who_else_writes

DISK, FILE_SYSTEM, CLOCK = "disk", "file system", "clock"
GIGABYTE = 1e9
PLAUSIBLE_YEARS = range(2024, 2100)


def check_disk(config: Config) -> Iterator[Finding]:
    """Room and rights where StorageFolder and LedgerFolder are, or will be."""
    otherwise = "an extraction would pause until there is room"
    yield check_folder("StorageFolder", config.storage_folder, config.min_free_disk, otherwise)
    if config.ledger_folder is not None:
        yield check_folder("LedgerFolder", config.ledger_folder, config.min_free_disk, otherwise)


def check_folder(key: str, folder: Path, least: FreeSpace, otherwise: str) -> Finding:
    """Whether we can work there; `otherwise` is what comes of less room than `least`."""
    place = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), Path("/"))
    if obstacle := _obstacle(folder, place):
        return failure(DISK, f"{key} {folder}: {obstacle}")
    disk = os.statvfs(place)
    free, wanted = disk.f_bavail * disk.f_frsize, least.of(disk.f_blocks * disk.f_frsize)
    text = f"{key} {folder}: {free / GIGABYTE:.1f} GB are free"
    if free < wanted:
        limit = f"MinFreeDisk is {least} ({wanted / GIGABYTE:.1f} GB)"
        return failure(DISK, f"{text}, and {limit}: {otherwise}")
    if disk.f_files and not disk.f_favail:
        return failure(DISK, f"{text}, and no file more can be made: the file system has no inodes left")
    return ok(DISK, text)


def _obstacle(folder: Path, place: Path) -> str:
    """Why we cannot work in a folder, whose nearest existing one is `place`; "" where we can."""
    if not place.is_dir():
        return f"{place} is no folder: name another one"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written: name another folder, or have it changed"
    other = who_else_writes(folder) if folder.exists() else ""
    return f"{other} may write there too: make it yours alone (chmod go-w)" if other else ""


def check_file_systems(config: Config | None) -> Iterator[Finding]:
    """Ledger and locks want a local disk; images may lie on the network."""
    yield from check_locks_disk()
    if config is not None:
        yield from _ledger(config)


def check_locks_disk() -> Iterator[Finding]:
    """Whether locks hold where they are."""
    folder = lock_folder()
    kind = kind_of(folder)
    if is_network(kind):
        yield warning(
            FILE_SYSTEM,
            f"the locks in {folder} are on {kind}, where they may not hold: name a local folder with"
            f" {RUNTIME_VARIABLE}",
        )


def _ledger(config: Config) -> Iterator[Finding]:
    local = Layout.planned(config.storage_folder, config.ledger_folder).local
    kind, images = kind_of(local), kind_of(config.storage_folder)
    key = "StorageFolder" if config.ledger_folder is None else "LedgerFolder"
    if is_network(kind):
        yield failure(
            FILE_SYSTEM,
            f"{key} is on {kind}, where SQLite's ledger is not safe: set LedgerFolder to a folder on a local"
            " disk; the images may stay",
        )
    else:
        yield ok(FILE_SYSTEM, f"images on {images}, ledger on {kind}")


def check_clock(config: Config | None, clock: Clock) -> Iterator[Finding]:
    """The wall clock that names the night and stands in report and log."""
    now = clock.now().astimezone()
    text = f"{now:%Y-%m-%d %H:%M:%S} {now.tzname()} (UTC{now:%z})"
    if now.year not in PLAUSIBLE_YEARS:
        yield failure(CLOCK, f"{text}: set the clock (`sudo timedatectl set-ntp true`)")
        return
    night = config is not None and config.nightly_only and config.start_hour != config.end_hour
    hours = f"; NightlyOnly: from {config.start_hour} to {config.end_hour} o'clock of it" if config else ""
    yield ok(CLOCK, text + (hours if night else ""))
