"""A process is the same one only if pid, start time and boot agree.

The start time is field 22 of /proc/PID/stat, in clock ticks since boot: unlike psutil's
create_time it does not move when the wall clock is set.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

START_TIME_FIELD = 22
STATE_FIELD = 3
PARENT_FIELD = 4
DEFUNCT = frozenset({"Z", "X"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Which process it is, for ever."""

    pid: int
    start_ticks: int
    boot_id: str


@cache
def boot_id() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on; the second, a name in parentheses, may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
    return text[text.rindex(")") + 1 :].split()


def identify(pid: int) -> Identity | None:
    """The identity of a process that exists, defunct ones included; None where there is none."""
    try:
        ticks = int(_stat_fields(pid)[START_TIME_FIELD - STATE_FIELD])
    except (OSError, ValueError, IndexError):
        return None
    return Identity(pid=pid, start_ticks=ticks, boot_id=boot_id())


def is_alive(identity: Identity) -> bool:
    """Whether exactly this process exists and is not defunct."""
    return identify(identity.pid) == identity and not is_defunct(identity.pid)


def is_defunct(pid: int) -> bool:
    """Whether it is gone but for its entry in the process table, which its parent keeps; or gone for good."""
    try:
        return _stat_fields(pid)[0] in DEFUNCT
    except (OSError, ValueError, IndexError):
        return True


def parent_of(pid: int) -> int | None:
    """The pid of its parent, 0 where it has none; None where there is no such process."""
    try:
        return int(_stat_fields(pid)[PARENT_FIELD - STATE_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def ancestors(pid: int) -> Iterator[int]:
    """The pids of its parent, that one's parent, and so on."""
    seen = {pid}
    while (parent := parent_of(pid)) and parent not in seen:
        yield parent
        seen.add(parent)
        pid = parent
