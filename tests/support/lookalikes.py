"""Processes that are a storescp, or look like one, or almost, with the owner and parent that a test wants.

Each is known by its identity, and nothing else is ever ended.
"""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.processes.identity import Identity, identify, is_alive, is_defunct
from niffler_ops.processes.inspection import DCM4CHE_MAIN_CLASS
from tests.support.archives import listens
from tests.support.embedded import tool
from tests.support.processes import PATIENCE, ROOT, wait_until

NOBODY = pwd.getpwnam("nobody").pw_uid
NO_OTHER_USER = "only root can start a process of another user: run the tests as root"

# It becomes another user only after the start: that one need not be able to run our Python.
PRETEND = """
import os, signal, socket, sys
ready = open(os.environ["READY"], "w")
if os.environ.get("LISTENS"):
    listening = socket.create_server(("0.0.0.0", int(os.environ["LISTENS"])))
if os.environ.get("DEAF"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ.get("BECOMES"):
    os.setgroups([])
    os.setgid(int(os.environ["BECOMES"]))
    os.setuid(int(os.environ["BECOMES"]))
print("ready", file=ready, flush=True)
while True:
    signal.pause()
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[2:], start_new_session=True, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
if sys.argv[1] == "stays":
    sys.stdin.read()
"""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A process that a test started, and its parent's pid."""

    identity: Identity
    parent: int

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def lives(self) -> bool:
        return is_alive(self.identity)

    def kill(self) -> None:
        if self.lives:
            os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not self.lives, f"the end of {self.pid}")


def pretending(name: str, *arguments: object) -> list[str]:
    """The command that runs as `name`, with these arguments after a first one that does the pretending."""
    home = f"PYTHONHOME={shlex.quote(sys.base_prefix)}"  # Python looks for it by the name it is called
    script = f'name=$1; shift; {home} exec -a "$name" "$0" -c "$@"'
    bash = shutil.which("bash") or "bash"
    return [bash, "-c", script, sys.executable, name, PRETEND, *map(str, arguments)]


def java_storescp(entity: str, *arguments: object) -> list[str]:
    """The command line that dcm4che's script leaves, without a Java."""
    return pretending(
        "java", "-Xmx64m", "-cp", "etc/storescp/:lib/x.jar", DCM4CHE_MAIN_CLASS, "-b", entity, *arguments
    )


def embedded_storescp(entity: str, folder: Path) -> list[str]:
    """The embedded toolkit's, a real one."""
    return tool("storescp", "-b", entity, "--accept-unknown", "--directory", folder)


@contextmanager
def orphan(command: Sequence[str], work: Path, **environment: object) -> Iterator[Started]:
    """A process whose parent is gone."""
    with _started("goes", command, work, environment) as (process, parent):
        assert parent.wait(PATIENCE) == 0
        yield process


@contextmanager
def child(
    command: Sequence[str], work: Path, *, parent: Sequence[str] = (), **environment: object
) -> Iterator[Started]:
    """A process whose parent lives and never reaps it; `parent` is the parent's command, where it matters."""
    with _started("stays", command, work, environment, parent=parent) as (process, _):
        yield process


@contextmanager
def defunct_storescp(entity: str, work: Path) -> Iterator[Started]:
    """One that has ended and was not reaped."""
    with child(
        embedded_storescp(entity, work / "received"), work, WAITS_FOR=entity.rpartition(":")[2]
    ) as ended:
        os.kill(ended.pid, signal.SIGKILL)
        wait_until(lambda: is_defunct(ended.pid), "a defunct process")
        yield ended


@contextmanager
def _started(
    mode: str,
    command: Sequence[str],
    work: Path,
    environment: dict[str, object],
    *,
    parent: Sequence[str] = (),
) -> Iterator[tuple[Started, "subprocess.Popen[str]"]]:
    ready = work / f"ready-{os.urandom(4).hex()}"
    given = {name: str(value) for name, value in environment.items()}
    with subprocess.Popen(
        [*(parent or (sys.executable, "-c", PARENT)), mode, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(ROOT), "READY": str(ready)} | given,
    ) as parent_process:
        assert parent_process.stdout is not None
        identity = identify(int(parent_process.stdout.readline()))
        assert identity is not None
        started = Started(identity=identity, parent=parent_process.pid)
        port = given.get("WAITS_FOR")
        try:
            wait_until(
                lambda: (
                    not started.lives
                    or (listens(int(port)) if port else ready.exists() and ready.read_text())
                ),
                "the process to be ready",
            )
            assert started.lives, "it ended at once"
            yield started, parent_process
        finally:
            started.kill()
            parent_process.kill()
