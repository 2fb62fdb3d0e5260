"""niffler-meta: the real-time receiver.

Only the entry is here: the worker processes that read headers import the main module again, and a signal
that comes while the rest is imported ends the command in order.
"""

import signal
import sys
from typing import NoReturn

from niffler_ops.errors import StoppedError

SWEEP = "--sweep"


def main(argv: list[str] | None = None) -> int:
    """The console command; gives the exit status."""
    # Until the receiver is at work there is nothing to end in order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    from niffler_ops.cli.receiving import main as receive  # noqa: PLC0415 - see above

    return receive(sys.argv[1:] if argv is None else argv)


def _stop(_number: int, _frame: object) -> NoReturn:
    if SWEEP in sys.argv:
        sys.stderr.write("niffler-meta: Stopped. Run the same command again to continue.\n")
        raise SystemExit(StoppedError.exit_status)
    raise SystemExit(0)
