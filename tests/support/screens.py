"""A terminal as a test sees it: a pseudo terminal, and what a program's output makes of its cells."""

import fcntl
import os
import re
import select
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[?0-9;]*)(?P<final>[A-Za-z])|(?P<control>[\x00-\x1f])|(?P<letter>.)", re.DOTALL
)
HANDED_ON_SECONDS = 0.05


class Screen:
    """Knows what `niffler-status --watch` sends, and fails at anything else."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[" "] * width for _ in range(height)]
        self.alternate = self.cursor_hidden = False
        self.wraps = True
        self._row = self._column = 0

    def feed(self, text: str) -> Self:
        for token in _TOKEN.finditer(text):
            if token["letter"]:
                self._put(token["letter"])
            elif token["final"]:
                self._obey(token["parameters"], token["final"])
            else:
                assert token["control"] in "\x18\r\n", f"{token[0]!r} in {text!r}"
        return self

    @property
    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.cells]

    def _put(self, letter: str) -> None:
        width = cell_len(letter)
        if not width:
            self.cells[self._row][self._column - 1] += letter
            return
        row = self.cells[self._row]
        if self._column + width > len(row):
            assert not self.alternate, "beyond the edge"
            return  # what a command tells without the screen is not looked at by cell
        row[self._column : self._column + width] = [letter, *[""] * (width - 1)]
        self._column += width

    def _obey(self, parameters: str, final: str) -> None:
        match (parameters, final):
            case (_, "m"):
                pass
            case (_, "H"):
                self._row, self._column = (int(number) - 1 for number in parameters.split(";"))
            case ("", "K"):
                row = self.cells[self._row]
                row[self._column :] = [" "] * (len(row) - self._column)
            case ("2", "J"):
                self.cells = [[" "] * len(row) for row in self.cells]
            case ("?1049", _):
                self.alternate = final == "h"
            case ("?25", _):
                self.cursor_hidden = final == "l"
            case ("?7", _):
                self.wraps = final == "h"
            case _:
                raise AssertionError(f"unknown: {parameters}{final}")


@contextmanager
def pseudo_terminal(width: int, height: int) -> Iterator[tuple[int, int]]:
    """The master's and the program's end."""
    master, slave = os.openpty()
    resize(slave, width, height)
    os.set_blocking(master, False)
    try:
        yield master, slave
    finally:
        os.close(master)
        os.close(slave)


def resize(descriptor: int, width: int, height: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def sent(master: int) -> str:
    """All that has been written to a terminal, which hands it on a little later, and not been read yet."""
    parts = []
    while select.select([master], [], [], HANDED_ON_SECONDS)[0]:
        try:
            part = os.read(master, 65536)
        except OSError:  # nothing more, or nobody has it open any more
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()
