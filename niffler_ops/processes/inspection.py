"""What runs on this machine that concerns us: who listens on a port, how many storescp there are."""

from itertools import pairwise
from pathlib import Path

import psutil

DCM4CHE_MAIN_CLASS = "org.dcm4che3.tool.storescp.StoreSCP"
EMBEDDED_MODULE = "niffler_ops.embedded.storescp"


def storescp_count() -> int:
    """Storage receivers of this machine, dcm4che's and the embedded one, whoever owns them.

    An editor or grep with the word in its arguments is none: program and argument must be exact.
    """
    count = 0
    for process in psutil.process_iter():
        try:
            arguments = process.cmdline()
        except psutil.Error:
            continue
        if _is_storescp(arguments):
            count += 1
    return count


def listener_on(port: int) -> str | None:
    """Who listens on a TCP port, as `pid N (name) of USER`; None where nobody does.

    A process of another user may be known only as `another user's process`.
    """
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or connection.laddr.port != port:
            continue
        if connection.pid is None:
            return "another user's process"
        try:
            process = psutil.Process(connection.pid)
            return f"pid {connection.pid} ({process.name()}) of {process.username()}"
        except psutil.Error:
            return f"pid {connection.pid}"
    return None


def _is_storescp(arguments: list[str]) -> bool:
    program = Path(arguments[0]).name if arguments else ""
    if program.startswith("java"):
        return DCM4CHE_MAIN_CLASS in arguments
    return program.startswith(("python", "pypy")) and ("-m", EMBEDDED_MODULE) in pairwise(arguments)
