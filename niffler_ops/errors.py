"""One base error; each class says with which exit status a command ends (sysexits.h)."""

from typing import ClassVar

ORDERLY_ENDS = (SystemExit, KeyboardInterrupt, GeneratorExit)
"""What may end any work; other exceptions that are no Exception, such as a panic of a decoder, may not."""


class NifflerError(Exception):
    """An expected failure: its text tells an operator what is wrong, where, and the remedy.

    Texts never repeat an identifier of a patient.
    """

    exit_status: ClassVar[int] = 70
    retriable: ClassVar[bool] = False


class UsageError(NifflerError):
    """The command line is wrong."""

    exit_status = 64


class InputError(NifflerError):
    """The CSV cannot be used; nothing was started."""

    exit_status = 65


class MissingInputError(NifflerError):
    """What should be read is not there."""

    exit_status = 66


class UnavailableError(NifflerError):
    """The archive, the toolkit or our own port is unavailable."""

    exit_status = 69
    retriable = True


class ExhaustedError(UnavailableError):
    """This machine has no process, thread, file or memory left to start a program; soon it may have again."""


class CannotWriteError(NifflerError):
    """A folder or file cannot be written."""

    exit_status = 73


class StoppedError(NifflerError):
    """Stopped before the end, or another extraction is running; the same command continues."""

    exit_status = 75
    retriable = True


class AlreadyRunningError(StoppedError):
    """Another extraction holds what this one needs."""


class ConfigurationError(NifflerError):
    """The configuration is wrong; `problems` lists every error found, one text each."""

    exit_status = 78

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LedgerConflictError(NifflerError):
    """A guarded update found another state than expected: a defect or a second writer."""
