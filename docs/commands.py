"""Manual pages and completions of bash and zsh, from the parsers of all commands."""
# ruff: noqa: INP001  docs/ is no package: it is run from the working copy and never installed

import os
import re
from argparse import Action, _SubParsersAction
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import shtab
from argparse_manpage.manpage import Manpage

from docs.surroundings import FILES, VARIABLES, told
from niffler_ops.cli import archive, deidentify, doctor, extracting, insight, metadata, png, receiving, status
from niffler_ops.cli.parsing import ArgumentParser
from niffler_ops.config import KEYS

PARSERS: Mapping[str, Callable[[], ArgumentParser]] = {
    "niffler-archive": archive.parser,
    "niffler-cold": extracting.parser,
    "niffler-deidentify": deidentify.parser,
    "niffler-doctor": doctor.parser,
    "niffler-insight": insight.parser,
    "niffler-meta": receiving.parser,
    "niffler-metadata": metadata.parser,
    "niffler-png": png.parser,
    "niffler-status": status.parser,
}
_PATHS = {"FILE": shtab.FILE, "FOLDER": shtab.DIRECTORY, "INPUT": shtab.DIRECTORY, "OUTPUT": shtab.DIRECTORY}
_WORDS = re.compile(r"`[^`]+`( or `[^`]+`)*")
_NO_REQUEST = re.compile(
    r"^(?='|\.(?![A-Z]{2}\b|[BI]\b))", re.MULTILINE
)  # a line of text that groff would obey
_STATUS = re.compile(r"(\d+) (.+)")
_WIDTH = "80"  # of usages, which argparse would wrap as wide as the terminal


def pages() -> dict[str, Callable[[], str]]:
    """Each file below docs/share/, and what makes its text."""
    made: dict[str, Callable[[], str]] = {}
    for name in PARSERS:
        made[f"man/man1/{name}.1"] = partial(manual, name)
        made[f"bash-completion/completions/{name}"] = partial(completion, name, "bash")
        made[f"zsh/site-functions/_{name}"] = partial(completion, name, "zsh")
    return made


def manual(name: str) -> str:
    """The manual page of a command."""
    os.environ["COLUMNS"] = _WIDTH
    parser = PARSERS[name]()
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for part in action.choices.values():
                part.usage = f"{part.prog} [options]"
    statuses, parser.epilog = parser.epilog or "", None
    page = Manpage(
        parser,
        {
            "date": " ",  # the page follows from the code, which has its own history
            "project_name": "niffler_ops",
            "manual_title": "niffler_ops",
            "description": _summary(parser.description or ""),
        },
    )
    page.add_section("EXIT STATUS", ">", "\n".join(_statuses(statuses)))
    for title, entries in (("ENVIRONMENT", VARIABLES), ("FILES", FILES)):
        lines = [f".TP\n.B {_roff(key)}\n{_roff(text)}" for key, text in told(entries, name)]
        if lines:
            page.add_section(title, ">", "\n".join(lines))
    page.add_section("EXAMPLES", ">", "\n".join(_examples(parser)))
    page.add_section(
        "SEE ALSO", ">", ",\n".join(f".BR {_roff(other)} (1)" for other in PARSERS if other != name)
    )
    return _without_blank_ends(_NO_REQUEST.sub(r"\&", str(page).replace("\n.SH\n", "\n.SH ")))


def completion(name: str, shell: str) -> str:
    """What completes a command in a shell."""
    parser = PARSERS[name]()
    for action in parser._actions:
        _tell_values(action)
    return _without_blank_ends(shtab.complete(parser, shell))


def _tell_values(action: Action) -> None:
    """Which files or words an option takes, where that is known."""
    key = next((key for key in KEYS if action.dest == f"key:{key.name}"), None)
    if key is not None and key.type == "true or false":
        action.choices = ("true", "false")
    elif key is not None and _WORDS.fullmatch(key.type):
        action.choices = tuple(re.findall(r"`([^`]+)`", key.type))
    elif action.metavar in _PATHS or (
        key is not None and key.type.startswith(("a folder", "a file", "a CSV"))
    ):
        action.complete = _PATHS.get(str(action.metavar), shtab.FILE)  # type: ignore[attr-defined]


def _summary(description: str) -> str:
    """The first sentence, as whatis(1) shows it."""
    first = description.partition(". ")[0].rstrip(".")
    return first[:1].lower() + first[1:]


def _statuses(text: str) -> Iterator[str]:
    for part in text.removeprefix("exit status: ").split("; "):
        found = _STATUS.fullmatch(part)
        yield f".TP\n.B {found[1]}\n{_roff(found[2])}" if found else f".PP\n{_roff(part)}"


def _examples(parser: ArgumentParser) -> Iterator[str]:
    for command, purpose in parser.examples:
        yield f".PP\n{_roff(purpose)}:\n.PP\n.RS 4\n.EX\n{_roff(command)}\n.EE\n.RE"


def _roff(text: str) -> str:
    """Text that groff(7) shows as it stands."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{shown}" if shown.startswith(".") else shown


def _without_blank_ends(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
