"""What counts as a storescp, and what is told of it: looked up of real processes."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from niffler_ops.model import LocalEntity
from niffler_ops.processes.identity import identify
from niffler_ops.processes.inspection import (
    DCM4CHE_MAIN_CLASS,
    EMBEDDED_TOOL,
    StoreScp,
    entity_of,
    receiver_arguments,
    storescp_count,
    storescps,
)
from tests.support.archives import Ports
from tests.support.embedded import storescp
from tests.support.lookalikes import defunct_storescp, java_storescp, orphan
from tests.support.processes import running, wait_until

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
        assert receiver_arguments(command_line) is not None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vim", ["storescp.py"]),
        ("grep", ["-r", "storescp", "/opt/dcm4che"]),
        ("grep", ["-r", DCM4CHE_MAIN_CLASS, "/opt/dcm4che"]),
        ("pgrep", ["-f", DCM4CHE_MAIN_CLASS]),
        ("less", [f"{DCM4CHE_MAIN_CLASS}.java"]),
        ("java", ["-cp", f"/src/{DCM4CHE_MAIN_CLASS}", "some.other.Main"]),
        ("python3", ["-m", "pydoc", *EMBEDDED_TOOL[1:]]),
        ("grep", [*EMBEDDED_TOOL]),
        ("bash", ["-c", f"python {' '.join(EMBEDDED_TOOL)}"]),
    ],
)
def test_an_editor_or_grep_with_the_word_in_its_arguments_is_none(name: str, arguments: list[str]) -> None:
    with pretending(name, *arguments) as command_line:
        assert receiver_arguments(command_line) is None


ENTITIES: list[tuple[list[str], LocalEntity | None]] = [
    (["-b", "QB:4243"], LocalEntity(aet="QB", port=4243)),
    (["--accept-unknown", "--directory", "x", "--bind", "QB:4243"], LocalEntity(aet="QB", port=4243)),
    (["-b", "QB@10.0.0.1:4243"], LocalEntity(aet="QB", port=4243)),
    (["-b", " QB :4243"], LocalEntity(aet="QB", port=4243)),
    (["-bQB:4243"], LocalEntity(aet="QB", port=4243)),
    (["--bind=QB:4243"], LocalEntity(aet="QB", port=4243)),
    (["-b", "4243"], LocalEntity(aet="", port=4243)),
    (["-b", "QB:port"], None),
    (["-b"], None),
    (["--directory", "x"], None),
]


@pytest.mark.parametrize(("arguments", "entity"), ENTITIES)
def test_what_it_listens_as_is_read_from_its_arguments(
    arguments: list[str], entity: LocalEntity | None
) -> None:
    assert entity_of(arguments) == entity


def found(pid: int) -> StoreScp | None:
    return next((one for one in storescps() if one.identity.pid == pid), None)


def test_the_embedded_storescp_is_found_with_all_that_can_be_told_of_it(tmp_path: Path) -> None:
    with storescp(tmp_path / "incoming", aet="QB") as receiver:
        pid = receiver.process.pid
        one = found(pid)
        assert one is not None
        assert one.identity == identify(pid)
        assert (one.name, one.uid, one.parent) == ("storescp", os.getuid(), os.getpid())
        assert one.entity == LocalEntity(aet="QB", port=receiver.port)
        assert one.directory == tmp_path / "incoming"
        assert not one.defunct
        assert not one.contained
        assert str(one).startswith(f"pid {pid} (storescp) of ")
        assert f" with QB:{receiver.port}, since 2" in str(one)
        assert storescp_count() >= 1
    assert found(pid) is None


def test_a_defunct_one_is_known_by_its_name_alone_and_does_not_count(tmp_path: Path) -> None:
    with Ports() as ports, defunct_storescp(f"QB:{ports.take()}", tmp_path) as ended:
        one = found(ended.pid)
        assert one is not None
        assert (one.defunct, one.entity, one.parent) == (True, None, ended.parent)
        # Others may start and end on this machine meanwhile.
        wait_until(
            lambda: storescp_count() == sum(not other.defunct for other in storescps()), "the same count"
        )


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes a namespace: run the tests as root")
def test_one_in_a_container_is_told_apart(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None
    with orphan([unshare, "--net", *java_storescp("QB:4243")], tmp_path) as inside:
        one = found(inside.pid)
        assert one is not None
        assert one.contained
