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
_LOGGING = (
    ("-Dlog4j.configuration", "file:", "log4j.properties"),
    ("-Dlogback.configurationFile", "", "logback.xml"),
)
# With which of the configurations that are shipped here each tool logs.
_LOGS = {"storescp": "receiving", "movescu": "quiet", "findscu": "quiet"}
LONGEST_SHEBANG = 256  # bytes that the kernel reads
EMBEDDED_LOG = "NIFFLER_EMBEDDED_LOG"


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolkit:
    """Tool name to argv prefix, and to what is to be merged into its environment."""

    commands: Mapping[str, tuple[str, ...]]
    environments: Mapping[str, Mapping[str, str]]
    kind: str


def find_toolkit(location: str | Path, *, java_options: str | None = None) -> Toolkit:
    """The toolkit at `location`: `embedded`, or dcm4che's folder or its bin folder.

    `java_options` replaces the small JVM, never the quiet logging unless it sets its own. Raises
    UnavailableError that lists every tool that is missing, may not or cannot be executed, or is DCMTK's.
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
    flaws = {tool: flaw for tool in TOOLS if (flaw := _flaw(folder / tool))}
    if flaws:
        told = "; ".join(f"{tool} {flaw}" for tool, flaw in flaws.items())
        raise UnavailableError(
            f"DCM4CHEBin: {folder}: {told}; name the bin folder of an unpacked dcm4che release, or {EMBEDDED}"
        )
    return Toolkit(
        commands=MappingProxyType({tool: (str(folder / tool),) for tool in TOOLS}),
        environments=MappingProxyType({tool: _java_environment(tool, java_options) for tool in TOOLS}),
        kind=DCM4CHE,
    )


def _embedded_toolkit() -> Toolkit:
    commands = {tool: (sys.executable, "-P", "-m", "niffler_ops.embedded", tool) for tool in TOOLS}
    environments = {tool: MappingProxyType({EMBEDDED_LOG: _LOGS[tool]}) for tool in TOOLS}
    return Toolkit(
        commands=MappingProxyType(commands), environments=MappingProxyType(environments), kind=EMBEDDED
    )


def _folder_of_tools(folder: Path) -> Path:
    return max((folder, folder / "bin"), key=lambda place: sum(_is_usable(place / tool) for tool in TOOLS))


def _is_usable(tool: Path) -> bool:
    return tool.is_file() and os.access(tool, os.X_OK)


def _flaw(tool: Path) -> str:
    """Why a file is not dcm4che's tool, as far as can be seen without running it; "" where it may be."""
    try:
        with tool.open("rb") as stream:
            head = stream.read(LONGEST_SHEBANG)
            if head.startswith(b"\x7fELF"):  # dcm4che's are scripts
                return "is DCMTK's, of the same name" if b"$dcmtk" in head + stream.read() else ""
    except OSError:  # whoever may run it need not be allowed to read it
        return ""
    if not head.startswith(b"#!"):
        return "is neither a script with an interpreter nor a program"
    words = head[2:].split(b"\n")[0].split()
    interpreter = Path(os.fsdecode(words[0])) if words else Path()
    return "" if _is_usable(interpreter) else f"has an interpreter that is not there: {interpreter}"


def _java_environment(tool: str, given: str | None) -> Mapping[str, str]:
    options = [SMALL_JVM if given is None else given]
    for option, scheme, name in _LOGGING:
        if f"{option}=" not in options[0]:
            file = Path(__file__).resolve().with_name(f"{_LOGS[tool]}-{name}")
            options.append(f"{option}={_unquoted(file, scheme)}")
    return MappingProxyType({"JAVA_OPTS": " ".join(filter(None, options)), "DCM4CHE_HOME": ""})


def _unquoted(path: Path, scheme: str) -> str:
    # The tools' scripts expand JAVA_OPTS without quotes: a blank or a wildcard would break the option apart.
    # Both logging libraries take a URL, in which those characters can be written otherwise.
    encoded = quote(str(path))
    return f"{scheme}{path}" if encoded == str(path) else f"file:{encoded}"
