"""The signals that end a command in order, from its first line to its last."""

import signal
from collections.abc import Callable
from types import FrameType


def _signals() -> list[signal.Signals]:
    """What asks for a stop: also a terminal that is closed, unless the command was started by nohup."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return [*([signal.SIGHUP] if hangs_up else []), signal.SIGINT, signal.SIGTERM]


def on_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Have them handled so from now on."""
    for number in _signals():
        signal.signal(number, handler)


def heed_no_more() -> None:
    """The exit status is known: Python takes its handlers away before it is told, and a signal would kill."""
    for number in _signals():
        signal.signal(number, signal.SIG_IGN)
