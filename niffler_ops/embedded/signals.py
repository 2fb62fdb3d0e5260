"""How the tools end on a signal: at once, with the exit status of a Java virtual machine."""

import os
import signal

BASE = 128


def exit_at_once() -> None:
    """SIGTERM ends with 143, SIGINT with 130, and nothing is tidied up."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: os._exit(BASE + received))
