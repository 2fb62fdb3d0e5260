"""What a DICOM file is: identity, completeness, hash. One open, one pass over the bytes, flat memory."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from pydicom.dataset import Dataset

from niffler_ops.headers.dataset import TRANSFER_SYNTAX, skim
from niffler_ops.headers.elements import FlawError
from niffler_ops.headers.forward import BLOCK, CutError, Forward
from niffler_ops.headers.pixels import DESCRIPTION, pixel_flaw
from niffler_ops.headers.raw import Raw
from niffler_ops.headers.text import CHARSET
from niffler_ops.headers.wanted import Address, Found, Wanted, address_of, wanted_of
from niffler_ops.model import Flaw, InstanceFile

__all__ = ["read_header", "read_instance", "read_instances"]

HEADER_BLOCK = 16_384

_META_CLASS, _META_INSTANCE = 0x00020002, 0x00020003
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_IDENTITY = frozenset(
    {
        *(CHARSET, TRANSFER_SYNTAX, _META_CLASS, _META_INSTANCE),
        *(_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES),
    }
)


def read_instances(paths: Sequence[str], keywords: tuple[str, ...] = ()) -> list[InstanceFile]:
    """What each file is; one that has gone since it was listed is left out. For worker processes."""
    instances = []
    for path in paths:
        try:
            instances.append(read_instance(path, keywords))
        except FileNotFoundError:
            continue
    return instances


def read_instance(path: str, keywords: tuple[str, ...] = ()) -> InstanceFile:
    """What the file at `path` is.

    `keywords` are DICOM keywords, or tags as eight hexadecimal digits, or lead with either into the items of
    sequences, the first being 0: 00400275[0]/00400009.

    `sha256` and `size` are those of the bytes that were judged; `sha256` is empty where they could not be
    read. A flawed file keeps as much of its identity as was found. Raises FileNotFoundError only, and
    KeyError for a keyword that does not exist.
    """
    return _read(path, keywords, Found())


def read_header(
    path: str, tags: frozenset[int] | None, keywords: tuple[str, ...] = ()
) -> tuple[InstanceFile, Dataset]:
    """The same from what stands before the pixels, which are not looked at; `sha256` is empty.

    Also the elements with these tags, all for None, as pydicom has them before it decodes them; of a flawed
    file those that could be read.
    """
    raw = Raw(tags)
    return _read(path, keywords, Found(raw=raw)), raw.dataset()


def _read(path: str, keywords: tuple[str, ...], found: Found) -> InstanceFile:
    try:
        # Without O_NONBLOCK, a named pipe put in our way would be waited for without end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError:
        return _unreadable(path, keywords, _stat(path))
    try:
        return _read_open(descriptor, path, keywords, found)
    except OSError:
        return _unreadable(path, keywords, os.fstat(descriptor))
    finally:
        os.close(descriptor)


@lru_cache(maxsize=16)
def _wanted(keywords: tuple[str, ...], always: frozenset[int]) -> Wanted:
    return wanted_of([*(Address((), tag) for tag in always), *map(address_of, keywords)])


class _Hashed:
    """The blocks of an open file, hashed and counted as they are handed out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.sha256 = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while block := os.read(self._descriptor, BLOCK):
            self.sha256.update(block)
            self.size += len(block)
            yield block


def _read_open(descriptor: int, path: str, keywords: tuple[str, ...], found: Found) -> InstanceFile:
    """Judge an open file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return _unreadable(path, keywords, status)
    if found.raw is not None:
        blocks = iter(lambda: os.read(descriptor, HEADER_BLOCK), b"")
        flaw = _flaw(Forward(blocks), _wanted(keywords, _IDENTITY), found)
        size, digest = status.st_size, b""
    else:
        hashed = _Hashed(descriptor)
        source = Forward(hashed)
        flaw = _flaw(source, _wanted(keywords, _IDENTITY | DESCRIPTION), found)
        for _ in source.rest():
            pass  # what the judgement left unread is hashed as well
        size, digest = hashed.size, hashed.sha256.digest()
    return InstanceFile(
        path=path,
        size=size,
        inode=status.st_ino,
        modified_ns=status.st_mtime_ns,
        sha256=digest,
        study_instance_uid=_text(found, _STUDY),
        series_instance_uid=_text(found, _SERIES),
        sop_instance_uid=_text(found, _SOP_INSTANCE),
        attributes={keyword: found.text(address_of(keyword)) for keyword in keywords},
        flaw=flaw,
    )


def _flaw(source: Forward, wanted: Wanted, found: Found) -> Flaw | None:
    """Why the file is no instance, or None; `found` is filled on the way."""
    try:
        pixels = skim(source, wanted, found)
        if found.raw is not None:
            return _identity_flaw(found)
        description = {tag: _text(found, tag) for tag in DESCRIPTION if tag in found.values}
        return _identity_flaw(found) or pixel_flaw(pixels, description)
    except FlawError as error:
        return error.flaw
    except CutError:
        return Flaw.TRUNCATED
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - bytes from a network: whatever they cause, they are no instance
        return Flaw.UNREADABLE


def _identity_flaw(found: Found) -> Flaw | None:
    """Whether the data set lacks an identity, or is not what the file meta information says."""
    if not (_text(found, _STUDY) and _text(found, _SERIES) and _text(found, _SOP_INSTANCE)):
        return Flaw.NO_IDENTITY
    for meta, own in ((_META_INSTANCE, _SOP_INSTANCE), (_META_CLASS, _SOP_CLASS)):
        if meta in found.values and _text(found, meta) != _text(found, own):
            return Flaw.META_DIFFERS
    return None


def _text(found: Found, tag: int) -> str:
    """The text of a value of the data set itself, "" where the file does not have it."""
    return found.text(Address((), tag))


def _unreadable(path: str, keywords: tuple[str, ...], status: os.stat_result | None) -> InstanceFile:
    """What is there but cannot be read."""
    return InstanceFile(
        path=path,
        size=status.st_size if status else 0,
        inode=status.st_ino if status else 0,
        modified_ns=status.st_mtime_ns if status else 0,
        sha256=b"",
        attributes=dict.fromkeys(keywords, ""),
        flaw=Flaw.UNREADABLE,
    )


def _stat(path: str) -> os.stat_result | None:
    """What can be known of a file that cannot be opened."""
    try:
        return Path(path).stat()
    except FileNotFoundError:
        raise
    except OSError:
        return None
