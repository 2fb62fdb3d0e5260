"""niffler-cold: runs or resumes one extraction.

Only the entry is here: the worker processes that read headers import the main module again, and need
nothing of what the command itself does.
"""

import sys
from typing import NoReturn

from niffler_ops.cli.ending import heed_no_more, on_signals
from niffler_ops.errors import StoppedError
from niffler_ops.pixelless import forgo_pixels


def main(argv: list[str] | None = None) -> int:
    """The console command; gives the exit status."""
    # Until the supervisor is at work there is nothing to end in order, at most a transaction to roll back.
    on_signals(_stop)
    forgo_pixels()
    from niffler_ops.cli.extracting import main as extract  # noqa: PLC0415 - see above

    try:
        return extract(sys.argv[1:] if argv is None else argv)
    finally:
        heed_no_more()


def _stop(_number: int, _frame: object) -> NoReturn:
    sys.stderr.write("niffler-cold: Stopped. Run the same command again to continue.\n")
    raise SystemExit(StoppedError.exit_status)
