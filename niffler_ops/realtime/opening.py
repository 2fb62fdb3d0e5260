"""Opens a receiver: its folders, its locks, and whether it is the only one."""

from contextlib import ExitStack

from niffler_ops.clock import Clock, timestamp
from niffler_ops.config.receiver import MetaConfig
from niffler_ops.errors import CannotWriteError, ConfigurationError
from niffler_ops.files import make_private_folder
from niffler_ops.filesystems import is_network, kind_of
from niffler_ops.processes.holders import RECEIVER
from niffler_ops.processes.locks import acquire, acquire_folder, this_process
from niffler_ops.processes.users import who_else_writes
from niffler_ops.realtime.ballast import give_up
from niffler_ops.realtime.place import Place


def open_receiver(config: MetaConfig, clock: Clock, stack: ExitStack) -> Place:
    """Make the folders and take the locks; `stack` releases them.

    Raises CannotWriteError, ConfigurationError, or AlreadyRunningError where another receiver has what this
    one needs.
    """
    place = Place(config.storage_folder)
    kind = kind_of(place.storage_folder)
    if is_network(kind):
        raise ConfigurationError(
            f"StorageFolder {place.storage_folder}: it is on {kind}, where SQLite is not safe: name a folder"
            " on a local disk"
        )
    _make_folders(place)
    since = timestamp(clock.now())
    for local in config.local_entities:
        lock = acquire(local, storage_folder=place.storage_folder, since=since, limit=None)
        stack.callback(lock.release)
    ourselves = this_process(
        config.local_entities[0], storage_folder=place.storage_folder, since=since, kind=RECEIVER
    )
    stack.callback(acquire_folder(place.private, holder=ourselves).release)
    return place


def _make_folders(place: Place) -> None:
    for folder in (place.storage_folder, place.private):
        other = who_else_writes(folder) if folder.is_dir() else ""
        if other:
            raise ConfigurationError(
                f"StorageFolder {folder}: it can be written by {other}. Make it yours alone (chmod go-w"
                f" {folder}), or name another folder"
            )
    try:
        make_private_folder(place.storage_folder)
        for folder in place.folders():
            make_private_folder(folder)
        give_up(place)  # a lock needs some room already
    except OSError as error:
        raise CannotWriteError(
            f"StorageFolder {place.storage_folder}: cannot be written ({error.strerror})"
        ) from None
