"""Every command that README and docs/ show is one that there is, with options that it has.

The block of README that makes an archive and retrieves it is run by tests/acceptance/test_commands.py, the
queries of docs/operations.md by tests/integration/test_documented_queries.py.
"""

import argparse
import importlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from niffler_ops.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
PARSED_ELSEWHERE = {  # these commands themselves only set signals
    "niffler-cold": "niffler_ops.cli.extracting",
    "niffler-meta": "niffler_ops.cli.receiving",
}
WITHOUT_LANGUAGE = {"", "sh", "bash", "console"}
ENDS = {"&", "|", ">", ">>", ";", "&&", "||", "2>&1"}
OTHERS_OPTIONS = {
    "dcm4che.md",
    "deployment.md",
    "performance.md",
}  # pages that name options of other programs
NUMBERS = {"N", "LINE", "KB"}  # what stands for a number in a usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A command as a page shows it."""

    page: str
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' '.join(self.words)}"


def code_of(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of blocks, and what stands between backticks, with their line numbers."""
    language: str | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = re.fullmatch(r"\s*```(\w*)", line)
        if fence:
            language = fence[1] if language is None else None
        elif language is not None:
            if language in WITHOUT_LANGUAGE:
                yield number, line
        elif line.startswith("    "):
            yield number, line
        else:
            for found in re.finditer(r"`([^`]+)`", line):
                yield number, found[1].replace("\\|", "|")


def words_of(code: str) -> list[str]:
    try:
        return shlex.split(code, comments=True)
    except ValueError:  # prose with an apostrophe
        return code.split()


def shown() -> Iterator[Shown]:
    """Each of our commands with its arguments, whatever stands before it."""
    for page in PAGES:
        for line, code in code_of(page):
            words = words_of(code)
            for place, word in enumerate(words):
                if Path(word).name in SCRIPTS:
                    end = next((i for i in range(place, len(words)) if words[i] in ENDS), len(words))
                    yield Shown(page=page.name, line=line, words=(Path(word).name, *words[place + 1 : end]))
                    break


ALL = list(shown())


def parser_of(script: str) -> argparse.ArgumentParser:
    name = PARSED_ELSEWHERE.get(script, SCRIPTS[script].partition(":")[0])
    module = importlib.import_module(name)
    made = module.parser() if hasattr(module, "parser") else module._parser()
    assert isinstance(made, argparse.ArgumentParser)
    return made


def parse(command: Shown) -> argparse.Namespace:
    arguments = [re.sub(rf"(^|=)({'|'.join(NUMBERS)})$", r"\g<1>1", word) for word in command.words[1:]]
    return parser_of(command.words[0]).parse_args(arguments)


def test_each_command_is_shown() -> None:
    assert {command.words[0] for command in ALL} == set(SCRIPTS)
    assert {command.page for command in ALL} >= {"README.md", "operations.md", "deployment.md"}


@pytest.mark.parametrize("command", [command for command in ALL if len(command.words) > 1], ids=str)
def test_what_is_shown_can_be_typed(command: Shown) -> None:
    arguments = parse(command)
    config = getattr(arguments, "config", None)
    if config is not None and str(config).startswith("conf/"):
        assert (ROOT / config).is_file()


@pytest.mark.parametrize(
    "words", [("niffler-cold", "--first"), ("niffler-status", "--no"), ("niffler-png", "a", "b", "c")]
)
def test_what_cannot_be_typed_would_be_noticed(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse(Shown(page="", line=1, words=words))


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(options_of, action.choices.values()))
    return found


def test_an_option_that_is_named_alone_is_one_of_our_commands() -> None:
    known = set().union(*(options_of(parser_of(script)) for script in SCRIPTS))
    unknown = [
        f"{page.name}:{line}: {code}"
        for page in PAGES
        if page.name not in OTHERS_OPTIONS
        for line, code in code_of(page)
        if code.startswith("--") and code.split()[0] not in known
    ]
    assert unknown == []


def test_what_make_is_asked_for_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {
        words[-1] if words[0].startswith("NIFFLER_") else words[1]
        for page in PAGES
        for _, code in code_of(page)
        if "make" in (words := words_of(code))[:2] and len(words) > 1 and not words[1].startswith("-")
    }
    assert {"demo", "test", "check", "bench"} <= asked
    assert asked <= targets


def test_the_modules_that_are_run_are_there() -> None:
    named = {
        found
        for page in PAGES
        for found in re.findall(r"python3? -m ([\w.]+)", page.read_text(encoding="utf-8"))
    }
    assert named
    assert [name for name in named if importlib.util.find_spec(name) is None] == []


def test_links_lead_somewhere() -> None:
    """To files and folders of the repository, and to headings of pages."""
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, heading = target.partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            file = page.parent / path if path else page
            if not file.exists() or (heading and heading not in headings(file)):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_readme_is_one_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100
