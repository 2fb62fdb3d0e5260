"""Checks `java` and `toolkit`: the three tools run, and know the options that we rely on."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from niffler_ops.dicomtools.failures import failure_reason
from niffler_ops.dicomtools.findscu import findscu_arguments
from niffler_ops.dicomtools.movescu import movescu_arguments
from niffler_ops.dicomtools.storescp import storescp_arguments
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.dicomtools.toolkit import DCM4CHE, TOOLS, Toolkit, find_toolkit
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.errors import UnavailableError
from niffler_ops.model import LocalEntity, Peer
from niffler_ops.processes.calling import Called, call, call_all

JAVA, TOOLKIT = "java", "toolkit"
LIMIT_SECONDS = 30.0  # a first Java on a cold disk
VERSION = "version"
MEASURED = ((5, 22, 5), (5, 35, 0))
"""The oldest and the newest dcm4che that docs/dcm4che.md was measured with."""


class ToolkitKeys(Protocol):
    """What a configuration says of the toolkit."""

    @property
    def dcm4che_bin(self) -> str:
        """dcm4che's bin folder, or `embedded`."""
        ...

    @property
    def java_options(self) -> str | None:
        """Options of Java."""
        ...


def check_tools(config: ToolkitKeys, tools: Sequence[str] = TOOLS) -> Iterator[Finding]:
    """Whether the toolkit that is configured can be worked with, as far as these tools are needed."""
    try:
        toolkit = find_toolkit(config.dcm4che_bin, java_options=config.java_options)
    except UnavailableError as error:
        yield failure(TOOLKIT, str(error))
        return
    if toolkit.kind == DCM4CHE:
        yield _java()
    commands = {tool: (*toolkit.commands[tool], "--help") for tool in tools}
    if toolkit.kind == DCM4CHE:
        commands[VERSION] = (*toolkit.commands["storescp"], "--version")
    called = call_all(commands, environment=toolkit.environments["storescp"], seconds=LIMIT_SECONDS)
    problems = [text for tool in tools for text in tool_problems(tool, called[tool])]
    yield from (failure(TOOLKIT, text) for text in problems)
    if not problems:
        yield _works(config, toolkit, called, "the three tools run" if len(tools) > 1 else f"{tools[0]} runs")


def tool_problems(tool: str, called: Called) -> Iterator[str]:
    """What its --help tells against a tool."""
    if called.code is None and not called.lines:
        yield f"{tool} --help says nothing for {LIMIT_SECONDS:.0f} s: see whether the machine is overloaded"
    elif called.code != 0:
        said = next((line.strip() for line in called.lines if line.strip()), "")
        yield f"{tool} cannot run: {failure_reason(called.lines)} ({said})"
    else:
        needed = options_of(tool)
        unknown = [option for option in needed if not _knows(called.text, option)]
        if unknown == needed:
            yield f"{tool} is not dcm4che's: its --help names none of the options that we use"
        elif unknown:
            yield f"{tool} does not know {', '.join(unknown)}; use dcm4che 5.22.5 or a later one"


def options_of(tool: str) -> list[str]:
    """The options with which we call a tool."""
    archive, files = Peer(aet="A", host="a", port=1), [Path("query")]
    arguments: Mapping[str, Sequence[str]] = {
        "storescp": storescp_arguments(local=LocalEntity(aet="A", port=1), directory=Path()),
        "movescu": movescu_arguments(
            archive=archive,
            calling_aet="A",
            destination="A",
            level="STUDY",
            query_files=files,
            timeouts=Timeouts(),
            keywords=("PatientID",),
        ),
        "findscu": findscu_arguments(
            archive=archive,
            calling_aet="A",
            level="STUDY",
            output=Path(),
            query_files=files,
            timeouts=Timeouts(),
        ),
    }
    return [word for word in arguments[tool] if word.startswith("-") and word.strip("-")]


def _knows(help_text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text) is not None


def _java() -> Finding:
    """Which Java the tools' scripts take."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if program is None:
        return failure(JAVA, "there is no java on the PATH: install Java 17, or set DCM4CHEBin to `embedded`")
    called = call([program, "-version"], environment={}, seconds=LIMIT_SECONDS)
    found = re.search(r'version "([^"]+)"', called.text)
    if called.code != 0 or found is None:
        remedy = "set JAVA_HOME to a Java that does" if home else "install Java 17"
        return failure(JAVA, f"{program} does not run: {remedy}, or set DCM4CHEBin to `embedded`")
    return ok(JAVA, f"{found[1]} ({program})")


def _works(config: ToolkitKeys, toolkit: Toolkit, called: Mapping[str, Called], run: str) -> Finding:
    if toolkit.kind != DCM4CHE:
        return ok(TOOLKIT, f"embedded, of niffler-ops {version('niffler-ops')}: {run}")
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", called[VERSION].text)
    text = f"dcm4che {found[0] if found else 'of an unknown version'} in {config.dcm4che_bin}"
    if found is None or not MEASURED[0] <= tuple(map(int, found.groups())) <= MEASURED[1]:
        oldest, newest = (".".join(map(str, numbers)) for numbers in MEASURED)
        return warning(TOOLKIT, f"{text}: {run}; tried out are {oldest} to {newest}")
    return ok(TOOLKIT, f"{text}: {run}, with the options that we use")
