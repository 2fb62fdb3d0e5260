"""niffler-cold: runs or resumes one extraction.

Only the entry is here: the worker processes that read headers import the main module again, and need
nothing of what the command itself does.
"""

import sys


def main(argv: list[str] | None = None) -> int:
    """The console command; gives the exit status."""
    from niffler_ops.cli.extracting import main as extract  # noqa: PLC0415 - see above

    return extract(sys.argv[1:] if argv is None else argv)
