"""The secret that all pseudonyms hang on: made at first use, and refused where others could have it."""

import hmac
import os
import secrets
import stat
from pathlib import Path

from niffler_ops.errors import CannotWriteError, ConfigurationError
from niffler_ops.files import (
    PRIVATE_FILE,
    make_private_folder,
    rename_new,
    sync_file_system,
    write_private,
)

SECRET_LENGTH = 32
FINGERPRINT_LENGTH = 16
_MOST = 4096  # a key, not a device or a film
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load_secret(path: Path, *, create: bool = True) -> bytes:
    """The secret in the file at `path`, 32 bytes made at first use; whoever comes second gets the first's.

    Without `create` it has to be there, because pseudonyms were given out by it. Raises ConfigurationError
    where it has to be and is not, where others can use the file, or where it is no key; CannotWriteError
    where it can neither be read nor made.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        if not create:
            raise ConfigurationError(
                f"{path}: the pseudonym key is missing, and pseudonyms were made with it: restore it, "
                "or start anew with another OutputFolder"
            ) from None
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise CannotWriteError(f"{path}: the pseudonym key cannot be made: {error.strerror}") from None


def fingerprint(secret: bytes) -> str:
    """What tells one secret from another, 16 hexadecimal digits that give nothing of it away."""
    return hmac.digest(secret, b"fingerprint", "sha256").hex()[:FINGERPRINT_LENGTH]


def _make(path: Path) -> None:
    """Put a new secret at `path`, unless another process was faster."""
    make_private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        write_private(temporary, secrets.token_bytes(SECRET_LENGTH))
        # Pseudonyms are given out from now on: the key must outlive a power failure, under its name.
        sync_file_system(path.parent)
        rename_new(temporary, path)
        sync_file_system(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the pseudonym key cannot be read: {error.strerror}; "
            "it must be a file of your own, and no link"
        ) from None
    try:
        if problem := _problem(os.fstat(descriptor)):
            raise ConfigurationError(f"{path}: the pseudonym key {problem}")
        return os.read(descriptor, _MOST)
    finally:
        os.close(descriptor)


def _problem(status: os.stat_result) -> str:
    """Why a file is not taken as the key, "" if it is."""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file: name another"
    if status.st_uid != os.geteuid():
        return "belongs to another user: it must be a file of your own"
    if status.st_mode & _OTHERS:
        return f"can be used by others: chmod {PRIVATE_FILE:o} it, and consider whether it is still secret"
    if not SECRET_LENGTH <= status.st_size <= _MOST:
        return (
            f"must have {SECRET_LENGTH} bytes or more, and has {status.st_size}: restore it, or name another"
        )
    return ""
