"""Room that is held back in a file, to be given up where the disk is full: also deleting needs some."""

import os
from contextlib import suppress

from niffler_ops.files import PRIVATE_FILE
from niffler_ops.realtime.place import Place

BALLAST_BYTES = 4 * 1024 * 1024


def free_bytes(place: Place) -> int:
    """What is free on StorageFolder's disk."""
    disk = os.statvfs(place.private)
    return disk.f_bavail * disk.f_frsize


def give_up(place: Place) -> None:
    """Give the room back, if there is hardly any."""
    if free_bytes(place) < BALLAST_BYTES:
        place.ballast.unlink(missing_ok=True)


def hold_back(place: Place) -> None:
    """Hold room back, if there is plenty and none is held back yet."""
    if place.ballast.exists() or free_bytes(place) < 2 * BALLAST_BYTES:
        return
    descriptor = os.open(place.ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
    except OSError:  # somebody else was quicker
        with suppress(OSError):
            place.ballast.unlink()
    finally:
        os.close(descriptor)
