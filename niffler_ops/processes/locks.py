"""One lock for one AE title and port on a machine, and a limit on extractions at once.

Locks are flocks on open files, so that they end with their holder, however it dies. Their folder is
NIFFLER_RUNTIME, by default the system's lock folder; what they say is readable for every user.
"""

import contextlib
import fcntl
import json
import os
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from niffler_ops.errors import AlreadyRunningError, CannotWriteError
from niffler_ops.files import PRIVATE_FILE, open_plain
from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import (
    EXTRACTION,
    FOLDER_LOCK,
    NAMELESS,
    PREFIX,
    RECEIVER,
    RUNTIME_VARIABLE,
    SYSTEM_FOLDER,
    Holder,
    lock_folder,
    read_holder,
    running,
)
from niffler_ops.processes.users import user_name

SHARED_FOLDER = 0o1777
PUBLIC_FILE = 0o666  # the next holder may be another user; it holds nothing but who runs what
LOOKS, LOOK_SECONDS = 100, 0.01  # looking who holds a lock takes it for an instant
START_SECONDS = 10.0  # another start decides in far less

HowFar = Callable[[Path], str]
"""How far the extraction in a StorageFolder is, in words; "" where that may not be read."""


class Lock:
    """A held lock; closing it, or the end of the process, releases it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others start."""
        os.close(self._descriptor)


def runtime_folder() -> Path:
    """The folder for locks, made where it is missing."""
    folder = lock_folder()
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            if folder == SYSTEM_FOLDER:
                folder.chmod(SHARED_FOLDER)
    except OSError as error:
        raise CannotWriteError(
            f"{folder}: the folder for locks cannot be made ({error.strerror});"
            f" name another with {RUNTIME_VARIABLE}"
        ) from None
    return folder


def this_process(local: LocalEntity, *, storage_folder: Path, since: str, kind: str = EXTRACTION) -> Holder:
    """What our own locks say."""
    return Holder(
        kind=kind,
        entity=str(local),
        pid=os.getpid(),
        user=user_name(os.getuid()),
        folder=str(storage_folder),
        since=since,
    )


def acquire(
    local: LocalEntity,
    *,
    storage_folder: Path,
    since: str,
    limit: int | None,
    how_far: HowFar = lambda _folder: "",
) -> Lock:
    """Take the lock of an AE title and port, unless it is held or `limit` extractions run already.

    Without a limit it is a receiver's, and counts in nobody's. Raises AlreadyRunningError, whose text names
    who holds it, and by `how_far` how far that one is.
    """
    folder = runtime_folder()
    with _machine_wide(folder):
        holders = running(folder)
        same = [holder for holder in holders if _in_the_way(holder, local, receiver=limit is None)]
        extractions = [holder for holder in holders if holder.kind == EXTRACTION]
        if not same and (limit is None or len(extractions) < limit):
            kind = RECEIVER if limit is None else EXTRACTION
            descriptor = _open(folder / f"{PREFIX}{_file_name(local)}.lock")
            _lock(descriptor, local)
            _write(descriptor, this_process(local, storage_folder=storage_folder, since=since, kind=kind))
            return Lock(descriptor)
    why = f"it holds {local}" if same else f"MaxNifflerProcesses is {limit}"
    raise AlreadyRunningError(_explain(same or extractions, why, how_far))


def acquire_folder(
    folder: Path, *, holder: Holder | None = None, how_far: HowFar = lambda _folder: ""
) -> Lock:
    """Take the folder of a ledger, whatever AE title and port are used; else AlreadyRunningError.

    `holder` is what the lock says to others.
    """
    descriptor = _open(folder / FOLDER_LOCK, mode=PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        other = read_holder(descriptor)
        os.close(descriptor)
        raise AlreadyRunningError(_explain([other], f"it works in {folder}", how_far)) from None
    _write(descriptor, holder or NAMELESS)
    return Lock(descriptor)


def _write(descriptor: int, holder: Holder) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)


def _lock(descriptor: int, local: LocalEntity) -> None:
    """Lock what nobody holds, though somebody may just be looking who does."""
    for _ in range(LOOKS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOOK_SECONDS)
    os.close(descriptor)
    raise AlreadyRunningError(
        f"Previous extraction still running: somebody holds the lock of {local} and does not say who."
    )


@contextlib.contextmanager
def _machine_wide(folder: Path) -> Iterator[None]:
    """Serialize the decision, so that two starts cannot both find room."""
    path = folder / "start.lock"
    descriptor = _open(path)
    try:
        _await_turn(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _await_turn(descriptor: int, path: Path) -> None:
    """Lock it within START_SECONDS: any account of the machine may hold it, and for ever."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline:
            raise AlreadyRunningError(
                f"{path}: somebody holds this lock for longer than a start takes. `fuser -v {path}`, as an"
                f" administrator, says who; or name another folder with {RUNTIME_VARIABLE}."
            )
        time.sleep(LOOK_SECONDS)


def _open(path: Path, *, mode: int = PUBLIC_FILE) -> int:
    """Open a lock, made where it is missing; CannotWriteError also for what is no file."""
    flags = os.O_RDWR | os.O_NOFOLLOW
    try:
        return open_plain(path, flags)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        descriptor = open_plain(path, flags | os.O_CREAT, mode)
        os.fchmod(descriptor, mode)
    except OSError as error:
        raise _cannot_write(path, error) from None
    return descriptor


def _cannot_write(path: Path, error: OSError) -> CannotWriteError:
    return CannotWriteError(
        f"{path}: the lock cannot be written ({error.strerror}); name another folder with {RUNTIME_VARIABLE}"
    )


def _in_the_way(holder: Holder, local: LocalEntity, *, receiver: bool) -> bool:
    """Also a receiver at our port under another AE title, where we are one."""
    same_port = holder.entity.rpartition(":")[2] == str(local.port)
    return holder.entity == str(local) or (receiver and holder.kind == RECEIVER and same_port)


def _file_name(local: LocalEntity) -> str:
    """The AE title as a file name; characters that are no letters or digits stand as hex."""
    return (
        "".join(c if c.isalnum() and c.isascii() else f"%{ord(c):02x}" for c in local.aet) + f"-{local.port}"
    )


def _explain(holders: Sequence[Holder], why: str, how_far: HowFar) -> str:
    named = "; ".join(_named(holder, how_far) for holder in holders)
    one = "it" if len(holders) == 1 else "one"
    return (
        f"Previous extraction still running: {named} ({why}). Wait for {one} to end, or stop {one} in order"
        f" ({_how_to_stop(holders)}), and run the same command again."
    )


def _how_to_stop(holders: Sequence[Holder]) -> str:
    if len(holders) > 1:
        return "`niffler-status FOLDER --stop`"
    (holder,) = holders
    if holder.kind == EXTRACTION and holder != NAMELESS:
        return f"`niffler-status {shlex.quote(holder.folder)} --stop`"
    return f"`kill {holder.pid or 'PID'}`"


def _named(holder: Holder, how_far: HowFar) -> str:
    if holder == NAMELESS:
        return "a process that does not say more"
    progress = how_far(Path(holder.folder))
    return f"{holder}, {progress}" if progress else str(holder)
