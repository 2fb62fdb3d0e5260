"""What counts as a storescp, and who listens on a port: looked up of real processes."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from niffler_ops.processes.inspection import (
    DCM4CHE_MAIN_CLASS,
    EMBEDDED_MODULE,
    _is_storescp,
    listener_on,
    storescp_count,
)
from tests.support.embedded import storescp
from tests.support.processes import running

WAIT = "import signal; print('ready', flush=True); signal.pause()"


@contextmanager
def pretending(name: str, *arguments: str) -> Iterator[list[str]]:
    """A process called `name` with these arguments; gives its command line as others see it."""
    script = 'name=$1; shift; exec -a "$name" ' + f'"{sys.executable}" -c "{WAIT}" "$@"'
    command = [shutil.which("bash") or "bash", "-c", script, "bash", name, *arguments]
    with running(command) as process:
        yield psutil.Process(process.pid).cmdline()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("java", ["-Xmx64m", "-cp", "etc:lib/x.jar", DCM4CHE_MAIN_CLASS, "-b", "A:11112"]),
        ("/usr/lib/jvm/java-17/bin/java", [DCM4CHE_MAIN_CLASS]),
    ],
)
def test_java_with_the_main_class_is_a_storescp(name: str, arguments: list[str]) -> None:
    with pretending(name, *arguments) as command_line:
        assert _is_storescp(command_line)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vim", ["storescp.py"]),
        ("grep", ["-r", "storescp", "/opt/dcm4che"]),
        ("grep", ["-r", DCM4CHE_MAIN_CLASS, "/opt/dcm4che"]),
        ("pgrep", ["-f", DCM4CHE_MAIN_CLASS]),
        ("less", [f"{DCM4CHE_MAIN_CLASS}.java"]),
        ("java", ["-cp", f"/src/{DCM4CHE_MAIN_CLASS}", "some.other.Main"]),
        ("python3", ["-m", "pydoc", EMBEDDED_MODULE]),
        ("grep", ["-m", EMBEDDED_MODULE]),
        ("bash", ["-c", f"python -m {EMBEDDED_MODULE}"]),
    ],
)
def test_an_editor_or_grep_with_the_word_in_its_arguments_is_none(name: str, arguments: list[str]) -> None:
    with pretending(name, *arguments) as command_line:
        assert not _is_storescp(command_line)


def test_the_embedded_storescp_is_counted_and_known_on_its_port(tmp_path: Path) -> None:
    with storescp(tmp_path / "incoming") as receiver:
        assert _is_storescp(psutil.Process(receiver.process.pid).cmdline())
        assert storescp_count() >= 1
        described = listener_on(receiver.port)
        assert described is not None
        assert described.startswith(f"pid {receiver.process.pid} (")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_stranger_on_a_port_is_named_with_its_user(family: socket.AddressFamily) -> None:
    address = "127.0.0.1" if family is socket.AF_INET else "::1"
    try:
        listening = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening:
        port = listening.getsockname()[1]
        me = psutil.Process()
        assert listener_on(port) == f"pid {os.getpid()} ({me.name()}) of {me.username()}"
    assert listener_on(port) is None
