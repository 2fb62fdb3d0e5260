"""A child ends with its parent, however that ends."""

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


def die_with(parent: int) -> Callable[[], None]:
    """What a child does first: be killed when its parent dies, even by SIGKILL.

    The kernel takes the thread that forked for the parent.
    """

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(127)

    return prepare
