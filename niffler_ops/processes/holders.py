"""Who holds which lock: the extractions that run on this machine, and the processes that are theirs."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

from niffler_ops.files import open_plain
from niffler_ops.processes.identity import ancestors
from niffler_ops.processes.inspection import StoreScp
from niffler_ops.processes.users import user_name
from niffler_ops.terminal import printable

RUNTIME_VARIABLE = "NIFFLER_RUNTIME"
SYSTEM_FOLDER = Path("/run/lock/niffler")
PREFIX = "extraction-"
FOLDER_LOCK = "supervisor.lock"
LONGEST_TEXT = 65536
UPSTREAM_SCRIPT = "ColdDataRetriever.py"
UNKNOWN = "?"
EXTRACTION, RECEIVER, FOLDER = "extraction", "receiver", "folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who holds a lock, as it says itself; `kind` is that of its work."""

    entity: str
    pid: int
    user: str
    folder: str
    since: str
    kind: str = EXTRACTION

    @property
    def work(self) -> str:
        """What it does, in words."""
        return {RECEIVER: "a receiver", FOLDER: "a command on a folder"}.get(self.kind, "an extraction")

    def __str__(self) -> str:
        return printable(f"process {self.pid} of {self.user}, since {self.since}, in {self.folder}")


NAMELESS = Holder(entity=UNKNOWN, pid=0, user=UNKNOWN, folder=UNKNOWN, since=UNKNOWN)


def lock_folder() -> Path:
    """Where the locks of AE titles and ports are, or will be."""
    named = os.environ.get(RUNTIME_VARIABLE)
    return Path(named) if named else SYSTEM_FOLDER


def running(folder: Path) -> list[Holder]:
    """The extractions and receivers of this machine that hold a lock in this folder now."""
    holders = (holder_of(path) for path in sorted(folder.glob(f"{PREFIX}*.lock")))
    return [holder for holder in holders if holder is not None]


def holder_of(path: Path) -> Holder | None:
    """Who holds a lock; None where nobody does, or it may not be read."""
    try:
        descriptor = open_plain(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return read_holder(descriptor)
    finally:
        os.close(descriptor)
    return None


def read_holder(descriptor: int) -> Holder:
    """What a lock file says; NAMELESS where it says nothing."""
    try:
        holder = Holder(**json.loads(os.pread(descriptor, LONGEST_TEXT, 0)))
    except (ValueError, TypeError, OSError, RecursionError):
        return NAMELESS
    kinds_agree = all(type(value) is type(getattr(NAMELESS, name)) for name, value in asdict(holder).items())
    return holder if kinds_agree else NAMELESS


def owner_of(receiver: StoreScp, holders: Iterable[Holder]) -> Holder | None:
    """The live extraction that a storescp belongs to, by descent from its supervisor; None for an orphan.

    `holders` must have been looked up after the storescp: it may have been started in between.
    """
    line = list(ancestors(receiver.identity.pid))
    known = [*holders, *_beside(receiver.directory)]
    return next((holder for holder in known if holder.pid in line), None) or _upstream(line)


def _beside(directory: Path | None) -> Iterator[Holder]:
    """Who holds the folder to which a storescp of ours writes, whatever lock folder it was started with."""
    holder = None if directory is None else holder_of(directory.parent / FOLDER_LOCK)
    if holder is not None:
        yield holder


def _upstream(pids: Iterable[int]) -> Holder | None:
    """The supervisor of old, which holds no lock."""
    for pid in pids:
        try:
            process = psutil.Process(pid)
            program, *arguments = process.cmdline() or [""]
            if "python" in Path(program).name and UPSTREAM_SCRIPT in (Path(word).name for word in arguments):
                return Holder(
                    entity=UNKNOWN,
                    pid=pid,
                    user=user_name(process.uids().real),
                    folder=process.cwd(),
                    since=f"{datetime.fromtimestamp(process.create_time()).astimezone():%Y-%m-%d %H:%M}",
                )
        except psutil.Error:
            continue
    return None
