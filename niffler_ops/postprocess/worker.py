"""A worker: `python -m niffler_ops.postprocess.worker JOB…` does one job file after another.

It prints a line for each job that is done. Its end says why it stopped: exit status 73 where it cannot write,
78 where the settings are wrong; the reason is its last line.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from niffler_ops.database import writing
from niffler_ops.errors import NifflerError
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.running import run

PRIVATE_UMASK = 0o077


def main(arguments: list[str]) -> int:
    """Do the jobs; gives the exit status."""
    os.umask(PRIVATE_UMASK)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for number, path in enumerate(arguments, start=1):
            with writing():
                outcome = run(Job.load(Path(path)))
            print(f"\n{outcome.line(number)}", flush=True)  # whatever a library has begun to write
    except NifflerError as error:
        print(" ".join(str(error).split()), flush=True)
        return error.exit_status
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    """In order: a file that was being worked on is not held against it."""
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
