"""Ends what earlier runs left behind: TERM, a grace, KILL, verified gone."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence

from niffler_ops.processes.identity import Identity, is_alive

GRACE_SECONDS = 3.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.05


def end_leftovers(identities: Sequence[Identity]) -> list[Identity]:
    """End those of these processes that still exist; gives the ones that could not be ended."""
    left = [identity for identity in identities if is_alive(identity)]
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        for identity in left:
            _signal(identity, number)
        left = _wait(left, seconds)
        if not left:
            break
    return left


def _signal(identity: Identity, number: signal.Signals) -> None:
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(identity.pid, number)


def _wait(identities: list[Identity], seconds: float) -> list[Identity]:
    deadline = time.monotonic() + seconds
    left = [identity for identity in identities if is_alive(identity)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [identity for identity in left if is_alive(identity)]
    return left
