"""The tools are found, or what is missing is named; their Java stays small and quiet."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from niffler_ops import dicomtools
from niffler_ops.dicomtools import toolkit
from niffler_ops.dicomtools.toolkit import SMALL_JVM, TOOLS, find_toolkit
from niffler_ops.errors import UnavailableError

PACKAGE = Path(dicomtools.__file__).parent
QUIET_LOG4J = f"-Dlog4j.configuration=file:{PACKAGE}/quiet-log4j.properties"
QUIET_LOGBACK = f"-Dlogback.configurationFile={PACKAGE}/quiet-logback.xml"


def install(folder: Path, *tools: str, mode: int = 0o755) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for tool in tools:
        (folder / tool).write_text("#!/bin/sh\n")
        (folder / tool).chmod(mode)


def test_the_embedded_tools_are_modules_of_this_python() -> None:
    found = find_toolkit("embedded")
    assert found.kind == "embedded"
    assert found.commands["movescu"] == (sys.executable, "-P", "-m", "niffler_ops.embedded", "movescu")
    assert set(found.commands) == set(TOOLS)
    assert {tool: dict(found.environments[tool]) for tool in TOOLS} == {
        "storescp": {"NIFFLER_EMBEDDED_LOG": "receiving"},
        "movescu": {"NIFFLER_EMBEDDED_LOG": "quiet"},
        "findscu": {"NIFFLER_EMBEDDED_LOG": "quiet"},
    }


@pytest.mark.parametrize("inside", [".", "bin"])
def test_tools_are_found_in_the_folder_or_its_bin(tmp_path: Path, inside: str) -> None:
    install(tmp_path / inside, *TOOLS)
    found = find_toolkit(tmp_path)
    assert found.kind == "dcm4che"
    assert found.commands == {tool: (str(tmp_path / inside / tool),) for tool in TOOLS}


def test_a_relative_folder_gives_absolute_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "dcm4che" / "bin", *TOOLS)
    monkeypatch.chdir(tmp_path)
    assert find_toolkit("dcm4che").commands["findscu"] == (str(tmp_path / "dcm4che/bin/findscu"),)


def test_every_missing_tool_is_named_with_the_remedy(tmp_path: Path) -> None:
    install(tmp_path / "bin", "findscu")
    install(tmp_path / "bin", "movescu", mode=0o644)
    with pytest.raises(UnavailableError, match=r"bin has no executable storescp, movescu; .*embedded"):
        find_toolkit(tmp_path)


def test_a_folder_that_does_not_exist_lacks_all_three(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="storescp, movescu, findscu"):
        find_toolkit(tmp_path / "nowhere")


def test_a_folder_in_place_of_a_tool_is_no_tool(tmp_path: Path) -> None:
    install(tmp_path, "storescp", "movescu")
    (tmp_path / "findscu").mkdir()
    with pytest.raises(UnavailableError, match="executable findscu"):
        find_toolkit(tmp_path)


def test_java_is_small_and_quiet_by_default(tmp_path: Path) -> None:
    install(tmp_path, *TOOLS)
    options = find_toolkit(tmp_path).environments["movescu"]["JAVA_OPTS"]
    assert options == f"{SMALL_JVM} {QUIET_LOG4J} {QUIET_LOGBACK}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-Xmx1g", f"-Xmx1g {QUIET_LOG4J} {QUIET_LOGBACK}"),
        ("", f"{QUIET_LOG4J} {QUIET_LOGBACK}"),
        ("-Dlog4j.configuration=file:/x -Xmx1g", f"-Dlog4j.configuration=file:/x -Xmx1g {QUIET_LOGBACK}"),
        ("-Dlogback.configurationFile=/x", f"-Dlogback.configurationFile=/x {QUIET_LOG4J}"),
    ],
)
def test_given_java_options_replace_the_small_jvm_and_may_set_their_own_logging(
    tmp_path: Path, given: str, expected: str
) -> None:
    install(tmp_path, *TOOLS)
    assert find_toolkit(tmp_path, java_options=given).environments["movescu"]["JAVA_OPTS"] == expected


def test_an_inherited_java_opts_is_not_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, *TOOLS)
    monkeypatch.setenv("JAVA_OPTS", "-Xmx31g")
    assert "-Xmx31g" not in find_toolkit(tmp_path).environments["movescu"]["JAVA_OPTS"]


def test_an_installation_path_with_blanks_stays_one_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, *TOOLS)
    monkeypatch.setattr(toolkit, "__file__", str(tmp_path / "my * tools" / "toolkit.py"))
    options = find_toolkit(tmp_path, java_options="").environments["movescu"]["JAVA_OPTS"].split()
    folder = f"file:{tmp_path}/my%20%2A%20tools"
    assert options == [
        f"-Dlog4j.configuration={folder}/quiet-log4j.properties",
        f"-Dlogback.configurationFile={folder}/quiet-logback.xml",
    ]


def test_storescp_logs_no_requests_and_responses(tmp_path: Path) -> None:
    install(tmp_path, *TOOLS)
    environments = find_toolkit(tmp_path, java_options="").environments
    quiet = environments["findscu"]["JAVA_OPTS"]
    assert quiet == environments["movescu"]["JAVA_OPTS"] == f"{QUIET_LOG4J} {QUIET_LOGBACK}"
    assert environments["storescp"]["JAVA_OPTS"] == quiet.replace("/quiet-", "/receiving-")


@pytest.mark.parametrize(("name", "logged"), [("quiet", 3), ("receiving", 2)])
def test_the_log_configurations_are_shipped_and_never_show_data_sets(name: str, logged: int) -> None:
    properties = (PACKAGE / f"{name}-log4j.properties").read_text(encoding="utf-8")
    levels = [line.split("=")[1] for line in properties.splitlines() if line.startswith("log4j.logger.")]
    assert levels == ["INFO"] * logged
    assert "log4j.rootLogger=WARN, stdout\n" in properties
    document = ET.parse(PACKAGE / f"{name}-logback.xml").getroot()
    assert [logger.get("level") for logger in document.findall("logger")] == ["INFO"] * logged
    assert {root.get("level") for root in document.findall("root")} == {"WARN"}
    assert ("Dimse" in properties) == (name == "quiet")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"#!/nowhere/sh\necho", r"storescp has an interpreter that is not there: /nowhere/sh"),
        (b"#!\n", "storescp has an interpreter that is not there"),
        (b"echo", "storescp is neither a script with an interpreter nor a program"),
        (b"", "storescp is neither"),
        (b"\x7fELF" + bytes(1000) + b"$dcmtk: storescp v3.6.7 $", "storescp is DCMTK's"),
    ],
)
def test_what_cannot_be_dcm4ches_tool_is_told_before_it_is_run(
    tmp_path: Path, content: bytes, told: str
) -> None:
    install(tmp_path, *TOOLS)
    (tmp_path / "storescp").write_bytes(content)
    with pytest.raises(UnavailableError, match=rf"DCM4CHEBin: .*{told}.*; name the bin folder"):
        find_toolkit(tmp_path)


def test_a_program_that_somebody_put_in_its_place_is_taken(tmp_path: Path) -> None:
    install(tmp_path, *TOOLS)
    (tmp_path / "storescp").write_bytes(b"\x7fELF" + bytes(1000))
    assert find_toolkit(tmp_path).kind == "dcm4che"
