"""A real terminal: a shell inside tmux, whose picture is read as a person sees it."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.processes import ROOT, wait_until

TMUX = shutil.which("tmux")
NO_TMUX = "needs a terminal: `apt-get install tmux`"
_NUMBERS = itertools.count()


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self._name = name
        self._environment = {**environment, "LC_ALL": "C.UTF-8"}

    def tmux(self, *arguments: str) -> str:
        """A command to this terminal's own server, which reads nobody's configuration."""
        return subprocess.run(
            [str(TMUX), "-L", self._name, "-f", "/dev/null", "-u", *arguments],
            env=self._environment,
            check=True,
            timeout=20,
            capture_output=True,
            text=True,
            cwd=ROOT,
        ).stdout

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def press(self, key: str) -> None:
        self.tmux("send-keys", key)

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def picture(self) -> str:
        """What stands on the screen, line by line."""
        return self.tmux("capture-pane", "-p")

    def is_full_screen(self) -> bool:
        """Whether a program has the screen for itself, or has left the cursor hidden."""
        return self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").split() != ["0", "1"]

    def shows(self, *texts: str, seconds: float = 30.0) -> str:
        """Wait until all of these stand on the screen at once; gives the picture."""
        seen = [""]

        def is_shown() -> bool:
            seen[0] = self.picture()
            return all(text in seen[0] for text in texts)

        try:
            wait_until(is_shown, f"{texts} on the screen", seconds=seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{seen[0]}") from None
        return seen[0]


@contextmanager
def terminal(width: int, height: int, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """A terminal of this size; its shell and all that it started end with the block."""
    one = Terminal(f"niffler-{os.getpid()}-{next(_NUMBERS)}", environment)
    one.tmux("new-session", "-d", "-x", str(width), "-y", str(height), "/bin/sh")
    try:
        yield one
    finally:
        one.tmux("kill-server")
