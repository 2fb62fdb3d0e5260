"""Runs tools to their end, side by side, each within a time limit."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from niffler_ops.errors import UnavailableError
from niffler_ops.processes.launcher import Launcher

KILL_SECONDS = 5.0


@dataclass(kw_only=True, slots=True)
class Called:
    """What a tool wrote, line by line, and how it ended; no `code` where it never ran or had to be ended."""

    lines: list[str] = field(default_factory=list)
    code: int | None = None

    @property
    def text(self) -> str:
        """All that it wrote."""
        return "".join(self.lines)


def call(command: Sequence[str], *, environment: Mapping[str, str], seconds: float) -> Called:
    """Run one tool. Call it from the main thread."""
    return call_all({"": command}, environment=environment, seconds=seconds)[""]


def call_all(
    commands: Mapping[str, Sequence[str]], *, environment: Mapping[str, str], seconds: float
) -> dict[str, Called]:
    """Run several tools at once; gives what became of each, by name. Call it from the main thread."""
    launcher = Launcher()
    called = {name: Called() for name in commands}
    for name, command in commands.items():
        try:
            launcher.launch(
                name,
                command,
                environment=environment,
                on_line=called[name].lines.append,
                on_exit=partial(setattr, called[name], "code"),
            )
        except UnavailableError as error:
            called[name].lines.append(str(error))
    _dispatch(launcher, seconds)
    late = [child.name for child in launcher.children]
    for child in launcher.children:
        child.kill()
    _dispatch(launcher, KILL_SECONDS)
    for name in late:
        called[name].code = None
    return called


def _dispatch(launcher: Launcher, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while launcher.children and time.monotonic() < deadline:
        launcher.dispatch(max(deadline - time.monotonic(), 0))
