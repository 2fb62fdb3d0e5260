"""The tools are run, and what they say is judged; small executables stand in for a dcm4che that is ill."""

from pathlib import Path

import pytest

from niffler_ops.dicomtools.toolkit import TOOLS
from niffler_ops.doctor.findings import Finding, Result
from niffler_ops.doctor.tools import check_tools, options_of, tool_problems
from niffler_ops.processes.calling import Called
from tests.unit.doctor.conftest import Configure

JAVA_SAYS = 'openjdk version "17.0.15" 2025-04-15'


@pytest.fixture(autouse=True)
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A JAVA_HOME that answers."""
    program = tmp_path / "java-home" / "bin" / "java"
    executable(program, f"echo '{JAVA_SAYS}' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java-home"))
    return program


def executable(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def dcm4che(folder: Path, *, version: str = "5.22.5", without: str = "") -> Path:
    """Tools that answer --help and --version as dcm4che's do."""
    for tool in TOOLS:
        options = "\n".join(
            f" {option},--long <value>   what it does" for option in options_of(tool) if option != without
        )
        help_text = f"cat <<'END'\nusage: {tool} [options]\n{options}\nEND"
        executable(
            folder / tool, f'if [ "$1" = --version ]; then echo {tool}: {version}; exit; fi\n{help_text}'
        )
    return folder


def examined(configure: Configure, folder: Path) -> list[Finding]:
    return list(check_tools(configure(DCM4CHEBin=str(folder))))


def test_the_options_that_are_looked_for_are_those_that_we_use() -> None:
    assert {"-b", "--directory", "--filepath", "--accept-unknown"} == set(options_of("storescp"))
    assert {"--dest", "-L", "--not-async", "-i", "--connect-timeout"} < set(options_of("movescu"))
    assert {"--out-dir", "--out-file", "-L"} < set(options_of("findscu"))


def test_the_embedded_tools_run_and_know_their_options(configure: Configure) -> None:
    (finding,) = check_tools(configure(DCM4CHEBin="embedded"))
    assert (finding.check, finding.result) == ("toolkit", Result.OK)


def test_a_dcm4che_that_is_well(configure: Configure, tmp_path: Path, java: Path) -> None:
    found = examined(configure, dcm4che(tmp_path / "bin"))
    assert [(finding.check, finding.result) for finding in found] == [
        ("java", Result.OK),
        ("toolkit", Result.OK),
    ]
    assert found[0].text == f"17.0.15 ({java})"
    assert "dcm4che 5.22.5" in found[1].text


@pytest.mark.parametrize("version", ["3.3.8", "5.36.0", "unknown"])
def test_one_that_was_not_tried_out_is_a_warning(configure: Configure, tmp_path: Path, version: str) -> None:
    _, finding = examined(configure, dcm4che(tmp_path / "bin", version=version))
    assert finding.result is Result.WARNING
    assert "5.22.5 to 5.35.0" in finding.text


def test_one_without_an_option_that_we_use_is_a_failure(configure: Configure, tmp_path: Path) -> None:
    _, finding = examined(configure, dcm4che(tmp_path / "bin", without="--not-async"))[:2]
    assert finding.result is Result.FAILURE
    assert "movescu does not know --not-async" in finding.text


def test_a_folder_without_tools_is_a_failure(configure: Configure, tmp_path: Path) -> None:
    (finding,) = examined(configure, tmp_path / "nowhere")
    assert finding.result is Result.FAILURE
    assert "storescp, movescu, findscu" in finding.text


def test_a_java_that_does_not_run_is_a_failure_with_a_way_out(
    configure: Configure, tmp_path: Path, java: Path
) -> None:
    java.unlink()
    finding = examined(configure, dcm4che(tmp_path / "bin"))[0]
    assert (finding.check, finding.result) == ("java", Result.FAILURE)
    assert "JAVA_HOME" in finding.text
    assert "embedded" in finding.text


@pytest.mark.parametrize(
    ("called", "told"),
    [
        (Called(lines=[], code=None), "overloaded"),
        (Called(lines=["bin/java: not found\n"], code=127), "Java was not found (bin/java: not found)"),
        (
            Called(
                lines=["Unrecognized option: -Xno\n", "Error: Could not create the Java Virtual Machine.\n"],
                code=1,
            ),
            "Java refused JAVA_OPTS (Unrecognized option: -Xno)",
        ),
        (Called(lines=["usage: something else -b\n"], code=0), "does not know --accept-unknown"),
        (Called(lines=["usage: something else\n"], code=0), "is not dcm4che's"),
    ],
)
def test_what_is_wrong_with_a_tool_is_told(called: Called, told: str) -> None:
    (problem,) = tool_problems("storescp", called)
    assert problem.startswith("storescp ")
    assert told in problem
