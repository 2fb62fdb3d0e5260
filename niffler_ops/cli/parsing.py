"""What the commands share: errors of usage, and an end without a traceback."""

import argparse
import io
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from niffler_ops.errors import CannotWriteError, ConfigurationError, NifflerError, UsageError
from niffler_ops.terminal import harmless

INTERRUPTED = 128 + signal.SIGINT
READER_LEFT = 128 + signal.SIGPIPE
DEFECT = 70  # EX_SOFTWARE of sysexits.h
TRACEBACK_VARIABLE = "NIFFLER_TRACEBACK"


class _Version(argparse.Action):
    """The version of the package and of Python."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415 - as dear as the rest of the parser

        show(f"{parser.prog} {version('niffler-ops')}, Python {platform.python_version()}\n")
        parser.exit()


class ArgumentParser(argparse.ArgumentParser):
    """Raises UsageError, exit status 64, where argparse would print its usage and exit with 2.

    Options are never abbreviated: a shorter name of today may be another option's tomorrow. `examples` are
    command lines, and what each is for.
    """

    def __init__(self, *, examples: Sequence[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        if " " not in self.prog:  # a command, not a subcommand
            self.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
        self.examples = tuple(examples)

    def format_help(self) -> str:
        """Argparse's text, and the examples."""
        examples = "".join(f"\n  {purpose}:\n    {command}\n" for command, purpose in self.examples)
        return super().format_help() + (f"\nexamples:{examples}" if examples else "")

    def error(self, message: str) -> NoReturn:
        """Turn argparse's message into our error."""
        raise UsageError(f"{message}. `{self.prog} --help` lists what is allowed.")


def whole(text: str, *, least: int = 1, most: int | None = None) -> int:
    """For an option's `type`: a whole number within these limits."""
    number = int(text) if text.isascii() and text.isdigit() else least - 1
    if number < least or (most is not None and number > most):
        allowed = f"a whole number from {least} on" if most is None else f"{least} to {most}"
        raise argparse.ArgumentTypeError(f"{text!r} found; allowed: {allowed}")
    return number


def positive(text: str) -> float:
    """For an option's `type`: a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} found; allowed: a number above 0")
    return number


def checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """For an option's `type`: its value as it is, once `check` has raised nothing.

    The text of its ConfigurationError becomes part of the UsageError.
    """

    def read(text: str) -> str:
        try:
            check(text)
        except ConfigurationError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return read


def run(command: Callable[[], int]) -> int:
    """The command's exit status; expected failures become one message on stderr."""
    program = Path(sys.argv[0]).name
    _open_what_is_closed()
    try:
        status = command()
        _flush()
    except NifflerError as error:
        sys.stderr.write(harmless(f"{program}: {error}\n"))
        return error.exit_status
    except BrokenPipeError:
        _silence()
        return READER_LEFT
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if TRACEBACK_VARIABLE in os.environ:
            raise
        sys.stderr.write(f"{program}: {_defect(error)}\n")
        return DEFECT
    return status


def _open_what_is_closed() -> None:
    """Standard streams without a file get /dev/null: else the next file that is opened would be one."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free number, which is the one that is missing: those below are open by now.
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115, PTH123


def _defect(error: Exception) -> str:
    """What to tell of a failure that nobody expected, without its text: that may hold an identifier."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return (
        f"a defect of this program: {type(error).__name__} at {place}. What the ledger says is right; the"
        f" same command may go on when run again. {TRACEBACK_VARIABLE}=1 shows how it came about, in a text"
        " that may hold identifiers."
    )


def show(text: str) -> None:
    """Write text to stdout whatever its encoding, and whoever made it: nothing in it commands a terminal.

    A reader that left, such as `head`, has had enough.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    with for_whoever_reads():
        sys.stdout.write(harmless(text))
        sys.stdout.flush()


@contextmanager
def for_whoever_reads() -> Iterator[None]:
    """While stdout is written: a reader that left has had enough. Raises CannotWriteError for a full disk."""
    try:
        yield
    except BrokenPipeError:
        _silence()
    except OSError as error:
        raise _no_output(error) from None


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _no_output(error) from None


def _no_output(error: OSError) -> CannotWriteError:
    _silence()
    return CannotWriteError(f"Standard output cannot be written: {error.strerror}.")


def _silence() -> None:
    """Nobody reads stdout: let what is still buffered go nowhere, or Python complains at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
