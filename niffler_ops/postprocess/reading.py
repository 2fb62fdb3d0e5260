"""Files of whatever content are read, and what an operator is told of them; never a value of a header."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import InvalidDicomError

from niffler_ops.errors import NifflerError

UNREADABLE = "unreadable"
DEADLY = "deadly"
BLOCK = 1024 * 1024
DIED = "the worker died at this file twice"


@contextmanager
def quietly() -> Iterator[None]:
    """Nothing is said by pydicom: its warnings and log lines quote values."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def is_of_the_disk(error: BaseException) -> bool:
    """Whether it says that a file could not be read just now, and nothing about what is in the file."""
    return isinstance(error, OSError) and error.errno is not None


def why_not_read(path: str) -> str:
    """Why the file cannot be read from beginning to end now, "" where it can or is gone."""
    try:
        with Path(path).open("rb", buffering=0) as stream:
            while stream.read(BLOCK):
                pass
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def why(error: BaseException) -> str:
    """A reason without identifiers: our own errors have none, those of libraries may repeat a header."""
    if isinstance(error, NifflerError):
        return str(error)
    if isinstance(error, InvalidDicomError):
        return "not a DICOM file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it cannot be read ({type(error).__name__})"
