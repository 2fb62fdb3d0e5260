"""Which storescp, movescu and findscu are launched, and with which environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from niffler_ops.errors import UnavailableError

TOOLS = ("storescp", "movescu", "findscu")
EMBEDDED = "embedded"
DCM4CHE = "dcm4che"

SMALL_JVM = "-Xmx64m -Xss512k -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
"""Measured with 5.22.5 and 5.35.0: less CPU at the start, some 10 MB less memory; 100 MB instances pass."""

# Each release reads the one it knows and ignores the other.
_QUIET_LOGS = (
    ("-Dlog4j.configuration", "file:", "quiet-log4j.properties"),
    ("-Dlogback.configurationFile", "", "quiet-logback.xml"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolkit:
    """Tool name to argv prefix, and what is to be merged into the environment of each tool."""

    commands: Mapping[str, tuple[str, ...]]
    environment: Mapping[str, str]
    kind: str


def find_toolkit(location: str | Path, *, java_options: str | None = None) -> Toolkit:
    """The toolkit at `location`: `embedded`, or dcm4che's folder or its bin folder.

    `java_options` replaces the small JVM, never the quiet logging unless it sets its own. Raises
    UnavailableError that lists every tool that is missing or may not be executed.
    """
    if str(location) == EMBEDDED:
        return _embedded_toolkit()
    folder = _folder_of_tools(Path(location).absolute())
    unusable = [tool for tool in TOOLS if not _is_usable(folder / tool)]
    if unusable:
        raise UnavailableError(
            f"DCM4CHEBin: {folder} has no executable {', '.join(unusable)}; "
            f"name the bin folder of an unpacked dcm4che release, or {EMBEDDED}"
        )
    return Toolkit(
        commands=MappingProxyType({tool: (str(folder / tool),) for tool in TOOLS}),
        environment=MappingProxyType({"JAVA_OPTS": _java_options(java_options), "DCM4CHE_HOME": ""}),
        kind=DCM4CHE,
    )


def _embedded_toolkit() -> Toolkit:
    commands = {tool: (sys.executable, "-P", "-m", "niffler_ops.embedded", tool) for tool in TOOLS}
    return Toolkit(commands=MappingProxyType(commands), environment=MappingProxyType({}), kind=EMBEDDED)


def _folder_of_tools(folder: Path) -> Path:
    return max((folder, folder / "bin"), key=lambda place: sum(_is_usable(place / tool) for tool in TOOLS))


def _is_usable(tool: Path) -> bool:
    return tool.is_file() and os.access(tool, os.X_OK)


def _java_options(given: str | None) -> str:
    options = [SMALL_JVM if given is None else given]
    for option, scheme, name in _QUIET_LOGS:
        if f"{option}=" not in options[0]:
            options.append(f"{option}={_unquoted(Path(__file__).resolve().with_name(name), scheme)}")
    return " ".join(part for part in options if part)


def _unquoted(path: Path, scheme: str) -> str:
    # The tools' scripts expand JAVA_OPTS without quotes: a blank or a wildcard would break the option apart.
    # Both logging libraries take a URL, in which those characters can be written otherwise.
    encoded = quote(str(path))
    return f"{scheme}{path}" if encoded == str(path) else f"file:{encoded}"
