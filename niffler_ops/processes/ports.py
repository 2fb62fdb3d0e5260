"""Who listens on a TCP port of this machine."""

import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from niffler_ops.processes.inspection import describe
from niffler_ops.processes.users import user_name

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LOCAL_ADDRESS, STATE, UID = 1, 3, 7  # columns of these tables, proc_pid_net(5)
LISTEN = "0A"
ANY = "0.0.0.0"  # noqa: S104 - where storescp listens


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Who listens; `pid` is None where only an administrator may know it, `uid` where it left meanwhile."""

    port: int
    pid: int | None
    uid: int | None

    def __str__(self) -> str:
        if self.pid is not None:
            return describe(self.pid)
        if self.uid is None:
            return "another user's process"
        return f"a process of {user_name(self.uid)}"

    @property
    def remedy(self) -> str:
        """The command that ends it, exactly, or finds out who it is."""
        if self.pid is None:
            return f"an administrator finds it with `sudo ss -ltnp 'sport = :{self.port}'`"
        return f"`{kill_command(self.pid, self.uid)}`"


def listener_on(port: int) -> Listener | None:
    """Who listens on a port, on whatever address; None where nobody does."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return Listener(port=port, pid=connection.pid, uid=_user_of(connection.pid, port))
    return None


def binding_error(port: int) -> OSError | None:
    """What keeps us from listening on a port, such as missing rights; nobody is hindered by the look."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ANY, port))
        except OSError as error:
            return error
    return None


def kill_command(pid: int, uid: int | None) -> str:
    """What ends a process: as its user, or as an administrator."""
    return f"kill {pid}" if uid == psutil.Process().uids().real else f"sudo kill {pid}"


def _user_of(pid: int | None, port: int) -> int | None:
    try:
        return _owner_of_socket(port) if pid is None else int(psutil.Process(pid).uids().real)
    except psutil.Error:
        return None


def _owner_of_socket(port: int) -> int | None:
    for table in TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[STATE] == LISTEN and int(columns[LOCAL_ADDRESS].rpartition(":")[2], 16) == port:
                return int(columns[UID])
    return None
