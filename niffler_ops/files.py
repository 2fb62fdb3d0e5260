"""Every rename, sync and durable write, and the failpoints that tests use to die exactly there.

Folders are 0700 and files 0600: commands set umask 077, and what is made here says so itself.
"""

import ctypes
import errno
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from niffler_ops.errors import CannotWriteError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
LEFT_SECONDS = 120.0
COPY_BLOCK = 1024 * 1024
FAILPOINT_VARIABLE = "NIFFLER_FAILPOINT"
PART_VARIABLE = "NIFFLER_PART"

StrPath = str | os.PathLike[str]

_libc = ctypes.CDLL(None, use_errno=True)
_failpoint_lock = threading.Lock()
_failpoint_passes = 0


def failpoint(name: str) -> None:
    """Die by SIGKILL here when the environment names this point as NAME or NAME:PASS (1 is the first).

    NAME:PASS:ERROR, such as `sync-before:3:EIO`, raises that OSError instead, then and ever after.
    """
    wanted = os.environ.get(FAILPOINT_VARIABLE)
    if wanted is None:
        return
    target, _, rest = wanted.partition(":")
    passes, _, error = rest.partition(":")
    if target != name:
        return
    global _failpoint_passes  # noqa: PLW0603 - the one counter of a process that is about to die
    with _failpoint_lock:
        _failpoint_passes += 1
        if error and _failpoint_passes >= int(passes):
            code = getattr(errno, error)
            raise OSError(code, os.strerror(code))
        if _failpoint_passes == int(passes or 1):
            os.kill(os.getpid(), signal.SIGKILL)


def make_private_folder(folder: Path) -> None:
    """Make a folder and its missing parents, 0700; an existing one stays as it is."""
    make_folder(folder, PRIVATE_FOLDER)


def make_folder(folder: Path, mode: int) -> None:
    """The same with another mode, whatever the umask."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER)
    except FileNotFoundError:
        if folder.parent.is_dir():  # such as /proc, in which nobody can make one
            raise
        make_folder(folder.parent, mode)  # mkdir's own `parents` does not give them the mode
        make_folder(folder, mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        if mode != PRIVATE_FOLDER:
            folder.chmod(mode)


def refuse_links(folder: Path, *, below: Path) -> None:
    """Raise CannotWriteError where a folder, or one that it is in up to `below`, is a link."""
    place = below
    for part in folder.relative_to(below).parts:
        place /= part
        if place.is_symlink():
            raise CannotWriteError(
                f"{place}: it is a link, which is not followed; take it away, or name another OutputFolder"
            )


def folder_mode(file_mode: int) -> int:
    """The mode of a folder whose files have this one: entered by whoever may read them."""
    return file_mode | (file_mode & 0o444) >> 2


def rename(source: StrPath, target: StrPath) -> None:
    """Rename within one file system, replacing a file at the target."""
    failpoint("rename-before")
    os.rename(source, target)  # noqa: PTH104 - a Path costs more than the rename, for what arrives by thousands
    failpoint("rename-after")


def move(source: StrPath, target: StrPath) -> None:
    """Rename, or where the target is on another file system: copy, sync, rename, and remove the source."""
    try:
        rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_over(Path(source), Path(target))


def _copy_over(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name[-200:]}.part")
    with source.open("rb") as reader:
        write_private(temporary, b"")
        with temporary.open("wb") as writer:
            shutil.copyfileobj(reader, writer, COPY_BLOCK)
            writer.flush()
            os.fsync(writer.fileno())
    rename(temporary, target)
    source.unlink()


def rename_new(source: Path, target: Path) -> bool:
    """Rename a file unless the target exists; False where it does.

    A hard link fails on an existing name, whoever made it, which a rename does not.
    """
    failpoint("rename-before")
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EOPNOTSUPP}:
            raise
        if os.path.lexists(target):
            return False
        source.rename(target)
    else:
        failpoint("rename-between")
        source.unlink()
    failpoint("rename-after")
    return True


def sync_file_system(folder: Path) -> None:
    """Bring all data of the folder's file system to the disk: one syncfs(2) for a group of files."""
    failpoint("sync-before")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(descriptor)
    failpoint("sync-after")


def part_of(path: Path, mark: str = "") -> Path:
    """Where a file is written until it is whole; `mark` tells those apart who may write it at once.

    Over several machines no pid does: the environment of their workers marks all that each writes.
    """
    mark = os.environ.get(PART_VARIABLE) or mark
    return path.with_name(f".{path.name}.{mark}.part" if mark else f".{path.name}.part")


def open_plain(path: Path, flags: int, mode: int = PRIVATE_FILE) -> int:
    """A descriptor of a file; OSError for a pipe or device, which somebody may have put there.

    A pipe would be waited for without end, and neither may ever end.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return descriptor


def read_plain(path: Path, at_most: int) -> bytes:
    """What a file holds; OSError for one that is longer, and for what is no file."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as stream:
        content = stream.read(at_most + 1)
    if len(content) > at_most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, new or replaced; not durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, PRIVATE_FILE)
        stream.write(content)
        stream.truncate()  # not before: what is written over an emptied file goes to the disk at once


def write_durable(path: Path, chunks: Iterable[bytes]) -> None:
    """Replace a file as a whole."""
    with replacing(path) as stream:
        for chunk in chunks:
            stream.write(chunk)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """What is written takes the place of a file, as a whole, also after a power failure."""
    temporary = part_of(path, str(os.getpid()))
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE
    )
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder of our own with all that is in it; nothing where it is absent."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)


def make_empty(folder: Path) -> None:
    """A private folder of our own with nothing in it, whatever was there before."""
    remove_folder(folder)
    make_private_folder(folder)


def is_left(path: str) -> bool:
    """Whether nobody has changed a file or folder for so long that nobody is about to; not if it is gone."""
    try:
        return time.time() - os.lstat(path).st_mtime > LEFT_SECONDS
    except OSError:
        return False


def remove_empty_folder(folder: Path) -> bool:
    """Remove a folder if nothing is in it."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
