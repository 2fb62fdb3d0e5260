"""What an operator is told of a file that could not be read; never a value of its header."""

from pydicom.errors import InvalidDicomError

from niffler_ops.errors import NifflerError

UNREADABLE = "unreadable"
DEADLY = "deadly"
DIED = "the worker died at this file twice"


def why(error: BaseException) -> str:
    """A reason without identifiers: our own errors have none, those of libraries may repeat a header."""
    if isinstance(error, NifflerError):
        return str(error)
    if isinstance(error, InvalidDicomError):
        return "not a DICOM file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it cannot be read ({type(error).__name__})"
