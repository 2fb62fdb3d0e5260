"""Examples of the commands work, their manual pages are whole, and completion completes."""

import argparse
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from docs import commands
from docs.surroundings import VARIABLES

ROOT = Path(__file__).parents[2]
SHARE = ROOT / "docs" / "share"
FOR_TESTS = {"NIFFLER_CLOCK", "NIFFLER_FAILPOINT", "NIFFLER_MOUNTS"}
FOR_OUR_OWN_PROCESSES = {"NIFFLER_EMBEDDED_LOG", "NIFFLER_PART", "PYTHONWARNINGS"}
FOR_EVERY_PROGRAM = {"PATH"}
COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(*words: str) -> set[str]:
    """What bash offers for the last word."""
    file = SHARE / "bash-completion" / "completions" / words[0]
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", file, *words], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_every_command_has_its_pages() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts.keys() == commands.PARSERS.keys()


@pytest.mark.parametrize("name", commands.PARSERS)
def test_every_example_is_understood_and_stands_in_the_help(name: str) -> None:
    parser = commands.PARSERS[name]()
    assert parser.examples
    for command, purpose in parser.examples:
        words = [word for word in shlex.split(command) if word not in {"nohup", "&"}]
        assert words[0] == name
        parser.parse_args(words[1:])
        assert f"  {purpose}:\n    {command}\n" in parser.format_help()


@pytest.mark.parametrize("name", commands.PARSERS)
def test_a_manual_page_names_every_option_of_the_help_and_is_sound(name: str) -> None:
    page = SHARE / "man" / "man1" / f"{name}.1"
    text = page.read_text().replace("\\-", "-")
    for action in commands.PARSERS[name]()._actions:
        assert all(
            f"\\fB{option}\\fR" in text
            for option in action.option_strings
            if option[1:2] == "-" and option != "--help" and action.help != argparse.SUPPRESS
        )
    assert all(
        f".SH {section}\n" in text for section in ("EXIT STATUS", "ENVIRONMENT", "EXAMPLES", "SEE ALSO")
    )
    assert ".SH\n" not in text
    if shutil.which("groff") is None:
        pytest.skip("groff is missing: apt-get install groff-base")
    done = subprocess.run(["groff", "-man", "-ww", "-z", page], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_manual_pages_name_every_variable_that_is_read() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "niffler_ops").rglob("*.py"))
    read = set(re.findall(r"""environ(?:ment)?\.get\("(\w+)\"""", sources))
    read |= set(re.findall(r'^[A-Z]+_VARIABLE = "(\w+)"', sources, re.MULTILINE))
    assert {"NIFFLER_RUNTIME", "JAVA_HOME", "NOTIFY_SOCKET"} <= read
    named = {name for entry in VARIABLES for name in entry.name.split(", ")}
    assert read - named == FOR_TESTS | FOR_OUR_OWN_PROCESSES | FOR_EVERY_PROGRAM
    assert {entry.commands <= commands.PARSERS.keys() for entry in VARIABLES} == {True}


def test_bash_completes_options_words_files_and_subcommands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study.json").touch()
    monkeypatch.chdir(tmp_path)
    assert completions("niffler-status", "--st") == {"--stop"}
    assert completions("niffler-cold", "--Night") == {"--NightlyOnly"}
    assert completions("niffler-cold", "--NightlyOnly", "t") == {"true"}
    assert completions("niffler-cold", "--MailSecurity", "s") == {"starttls"}
    assert completions("niffler-cold", "--config", "st") == {"study.json"}
    assert completions("niffler-insight", "c") == {"clocks"}
    assert completions("niffler-insight", "clocks", "--zo") == {"--zone"}


@pytest.mark.parametrize("name", commands.PARSERS)
def test_zsh_understands_its_completion(name: str) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is missing: apt-get install zsh")
    file = SHARE / "zsh" / "site-functions" / f"_{name}"
    subprocess.run(["zsh", "-n", file], check=True)
    assert file.read_text().startswith(f"#compdef {name}\n")
