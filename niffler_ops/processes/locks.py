"""One lock for one AE title and port on a machine, and a limit on extractions at once.

Locks are flocks on open files, so that they end with their holder, however it dies. Their folder is
NIFFLER_RUNTIME, by default the system's lock folder; what they say is readable for every user.
"""

import contextlib
import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from niffler_ops.errors import AlreadyRunningError, CannotWriteError
from niffler_ops.model import LocalEntity

RUNTIME_VARIABLE = "NIFFLER_RUNTIME"
SYSTEM_FOLDER = Path("/run/lock/niffler")
PREFIX = "extraction-"
SHARED_FOLDER = 0o1777
PUBLIC_FILE = 0o666  # the next holder may be another user; it holds nothing but who runs what
PRIVATE_FILE = 0o600
LOOKS, LOOK_SECONDS = 100, 0.01  # looking who holds a lock takes it for an instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who holds a lock, as it says itself."""

    entity: str
    pid: int
    user: str
    folder: str
    since: str


class Lock:
    """A held lock; closing it, or the end of the process, releases it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others start."""
        os.close(self._descriptor)


def runtime_folder() -> Path:
    """The folder for locks, made where it is missing."""
    named = os.environ.get(RUNTIME_VARIABLE)
    folder = Path(named) if named else SYSTEM_FOLDER
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            if not named:
                folder.chmod(SHARED_FOLDER)
    except OSError as error:
        raise CannotWriteError(
            f"{folder}: the folder for locks cannot be made ({error.strerror});"
            f" name another with {RUNTIME_VARIABLE}"
        ) from None
    return folder


def acquire(local: LocalEntity, *, storage_folder: Path, since: str, limit: int) -> Lock:
    """Take the lock of an AE title and port, unless it is held or `limit` extractions run already.

    Raises AlreadyRunningError, whose text names who holds it.
    """
    folder = runtime_folder()
    with _machine_wide(folder):
        holders = running(folder)
        same = [holder for holder in holders if holder.entity == str(local)]
        if same or len(holders) >= limit:
            raise AlreadyRunningError(_explain((same or holders)[0], local, limit, same=bool(same)))
        descriptor = _open(folder / f"{PREFIX}{_file_name(local)}.lock")
        _lock(descriptor, local)
        holder = Holder(
            entity=str(local), pid=os.getpid(), user=_user(), folder=str(storage_folder), since=since
        )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
    return Lock(descriptor)


def acquire_folder(folder: Path) -> Lock:
    """Take the folder of a ledger, whatever AE title and port are used; else AlreadyRunningError."""
    descriptor = _open(folder / "supervisor.lock", mode=PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"Previous extraction still running in {folder}. Wait for it to end, or stop it with"
            " SIGTERM, and run the same command again."
        ) from None
    return Lock(descriptor)


def running(folder: Path) -> list[Holder]:
    """The extractions of this machine that hold a lock now."""
    holders = []
    for path in sorted(folder.glob(f"{PREFIX}*.lock")):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            holders.append(_read_holder(descriptor))
        finally:
            os.close(descriptor)
    return holders


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
    descriptor = _open(folder / "start.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path, *, mode: int = PUBLIC_FILE) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        descriptor = os.open(path, flags | os.O_CREAT, mode)
        os.fchmod(descriptor, mode)
    except OSError as error:
        raise _cannot_write(path, error) from None
    return descriptor


def _cannot_write(path: Path, error: OSError) -> CannotWriteError:
    return CannotWriteError(
        f"{path}: the lock cannot be written ({error.strerror}); name another folder with {RUNTIME_VARIABLE}"
    )


def _file_name(local: LocalEntity) -> str:
    """The AE title as a file name; characters that are no letters or digits stand as hex."""
    return (
        "".join(c if c.isalnum() and c.isascii() else f"%{ord(c):02x}" for c in local.aet) + f"-{local.port}"
    )


def _read_holder(descriptor: int) -> Holder:
    try:
        return Holder(**json.loads(os.pread(descriptor, 65536, 0)))
    except (ValueError, TypeError, OSError):
        return Holder(entity="?", pid=0, user="?", folder="?", since="?")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _explain(holder: Holder, local: LocalEntity, limit: int, *, same: bool) -> str:
    why = f"it holds {local}" if same else f"MaxNifflerProcesses is {limit}"
    return (
        f"Previous extraction still running: process {holder.pid} of {holder.user}, since {holder.since},"
        f" in {holder.folder} ({why}). Wait for it to end, or stop it with SIGTERM,"
        " and run the same command again."
    )
