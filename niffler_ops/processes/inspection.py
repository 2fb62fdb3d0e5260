"""The storage receivers of this machine: dcm4che's storescp and the embedded one, whoever started them.

An editor or grep with the word in its arguments is none: program and argument must be exact.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import psutil

from niffler_ops.model import LocalEntity
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.processes.users import user_name
from niffler_ops.terminal import printable

DCM4CHE_MAIN_CLASS = "org.dcm4che3.tool.storescp.StoreSCP"
EMBEDDED_TOOL = ("-m", "niffler_ops.embedded", "storescp")
BIND, DIRECTORY = ("-b", "--bind"), ("--directory",)
NAMESPACES = ("net", "pid")
NAMES_OF_DEFUNCT = frozenset({"java", "storescp"})  # nothing but its name is left of a defunct process


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreScp:
    """A storage receiver; of a `defunct` one, which listens no more, little else is known.

    `entity` is what it was told to listen as (the AE title is "" where it takes every one), `directory` where
    it writes; None where nobody can tell. `parent` is a pid, `started` by the wall clock of then. One that is
    `contained` has other ports, pids and folders than we see, because it or we are in a container.
    """

    identity: Identity
    name: str
    uid: int
    parent: int
    started: datetime
    entity: LocalEntity | None = None
    directory: Path | None = None
    defunct: bool = False
    contained: bool = False

    def __str__(self) -> str:
        entity = f" with {self.entity}" if self.entity else ""
        since = f"{self.started:%Y-%m-%d %H:%M}"
        return printable(
            f"pid {self.identity.pid} ({self.name}) of {user_name(self.uid)}{entity}, since {since}"
        )


def storescps() -> list[StoreScp]:
    """Every storage receiver of this machine, defunct ones included."""
    looked_at = map(_look, psutil.pids())
    return [found for found in looked_at if found is not None]


def storescp_count() -> int:
    """How many storage receivers run."""
    return sum(not found.defunct for found in storescps())


def describe(pid: int) -> str:
    """A process in words: `pid 4711 (java) of alice`."""
    try:
        process = psutil.Process(pid)
        return f"pid {pid} ({printable(process.name())}) of {user_name(process.uids().real)}"
    except psutil.Error:
        return f"pid {pid}"


def receiver_arguments(command_line: Sequence[str]) -> Sequence[str] | None:
    """The arguments of a storage receiver; None where this command line is of something else."""
    program = Path(command_line[0]).name if command_line else ""
    if program.startswith("java") and DCM4CHE_MAIN_CLASS in command_line:
        return command_line[command_line.index(DCM4CHE_MAIN_CLASS) + 1 :]
    if program.startswith(("python", "pypy")):
        length = len(EMBEDDED_TOOL)
        for start in range(len(command_line) - length + 1):
            if tuple(command_line[start : start + length]) == EMBEDDED_TOOL:
                return command_line[start + length :]
    return None


def entity_of(arguments: Sequence[str]) -> LocalEntity | None:
    """What a storescp with these arguments listens as: `-b [AET[@IP]:]PORT`."""
    title, _, port = next(_values(arguments, BIND), "").strip().rpartition(":")
    if not (port.isascii() and port.isdigit()):
        return None
    return LocalEntity(aet=title.partition("@")[0].strip(), port=int(port))


def _look(pid: int) -> StoreScp | None:
    """This process, if it is a receiver; the pid may become another process's while it is looked at."""
    identity = identify(pid)
    try:
        process = psutil.Process(pid)
        defunct = process.status() == psutil.STATUS_ZOMBIE
        arguments = () if defunct else receiver_arguments(process.cmdline())
        name = process.name()
        if identity is None or arguments is None or (defunct and name not in NAMES_OF_DEFUNCT):
            return None
        found = StoreScp(
            identity=identity,
            name=name,
            uid=process.uids().real,
            parent=process.ppid(),
            started=datetime.fromtimestamp(process.create_time()).astimezone(),
            entity=entity_of(arguments),
            directory=next(map(Path, _values(arguments, DIRECTORY)), None),
            defunct=defunct,
            contained=_is_contained(pid),
        )
    except psutil.Error:
        return None
    return found if identify(pid) == identity else None


def _is_contained(pid: int) -> bool:
    """Whether its namespaces are others than ours; not where that may not be known."""
    try:
        return any(
            Path(f"/proc/{pid}/ns/{kind}").readlink() != Path(f"/proc/self/ns/{kind}").readlink()
            for kind in NAMESPACES
        )
    except OSError:
        return False


def _values(arguments: Sequence[str], names: Iterable[str]) -> Iterator[str]:
    """The values of an option, written apart, with =, or (a short one) together."""
    for name in names:
        for word, following in pairwise([*arguments, ""]):
            if word == name:
                yield following
            elif word.startswith(f"{name}=") or (len(name) == len("-b") and word.startswith(name)):
                yield word.removeprefix(name).removeprefix("=")
