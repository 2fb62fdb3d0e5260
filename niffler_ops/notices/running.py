"""Runs a program of this machine to its end, within a time limit, from any thread."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence

from niffler_ops.notices.notice import DeliveryError
from niffler_ops.processes.parents import die_with
from niffler_ops.terminal import printable

LAST_WORDS = 200


def run(command: Sequence[str], text: bytes, *, seconds: float) -> None:
    """Give a program `text` on its standard input; DeliveryError where it does not end with 0 in time.

    What it prints goes to a file rather than a pipe, which a child that it leaves behind would hold open.
    """
    program = command[0]
    with tempfile.TemporaryFile() as output:
        try:
            # Not sh, which is for the main thread; the child asks for its end together with ours.
            process = subprocess.Popen(  # noqa: S603 - an argv list of the configuration, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - it calls prctl and getppid alone
            )
        except (OSError, subprocess.SubprocessError) as error:
            cause = getattr(error, "strerror", None) or type(error).__name__
            raise DeliveryError(f"{program} cannot be started ({cause})") from None
        with process:
            try:
                process.communicate(text, timeout=seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                raise DeliveryError(f"{program} did not end within {seconds:.0f} s") from None
        if process.returncode:
            raise DeliveryError(f"{program} {_how(process.returncode)}{_last_words(output.fileno())}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it and what it started; it is not reaped yet, so its group is still its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _how(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit status {code}"


def _last_words(descriptor: int) -> str:
    """What it printed last, which it made of a notice without identifiers."""
    size = os.fstat(descriptor).st_size
    words = os.pread(descriptor, LAST_WORDS, max(size - LAST_WORDS, 0)).decode("utf-8", "replace")
    text = printable(words).strip()
    return f": {text}" if text else ""
