"""The login at a mail server, from a file that only its owner may read."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from niffler_ops.notices.notice import DeliveryError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST = 4096
_LINES = 2


class Login(NamedTuple):
    """A user and the password; never printed."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Login(…)"


def read_login(path: Path) -> Login:
    """User and password from the first two lines; DeliveryError where the file is not as it has to be."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DeliveryError(f"MailLogin {path}: cannot be read ({error.strerror})") from None
    try:
        problem = _problem(os.fstat(descriptor))
        content = b"" if problem else os.read(descriptor, _MOST)
    finally:
        os.close(descriptor)
    lines = content.decode("utf-8", "replace").splitlines()
    if not problem and (len(lines) < _LINES or not all(lines[:_LINES])):
        problem = "has to hold the user on its first line and the password on its second"
    if problem:
        raise DeliveryError(f"MailLogin {path}: {problem}")
    return Login(user=lines[0].strip(), password=lines[1])


def _problem(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_uid not in {os.geteuid(), 0}:
        return "belongs to another user"
    if status.st_mode & _OTHERS:
        return "can be used by others: chmod 600 it, and consider whether the password is still secret"
    return ""
