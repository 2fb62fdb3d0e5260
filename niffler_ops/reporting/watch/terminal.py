"""The terminal: an alternate screen that is sent only what has changed, and all as it was at the end."""

import os
import termios
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import TextIO

from rich.cells import cell_len
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style
from rich.text import Text

from niffler_ops.reporting.watch.signs import Signs, signs_for

# No automatic wrapping: what is written into the last cell must not move anything.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
LEAVE = "\x18\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"  # CAN first: it may have been sent half a sequence
CLEAR = "\x1b[0m\x1b[2J"

Cell = tuple[str, Style]
Row = Sequence[Cell]


class Terminal:
    """Between `enter` and `leave` keys come at once, and `draw` replaces what is shown."""

    def __init__(self, keys: int, output: TextIO) -> None:
        self._keys = keys
        self._output = output.fileno()
        self._console = Console(file=output, force_terminal=True, highlight=False)
        self._encoding = self._console.encoding
        self._before: list[int | list[bytes | int]] | None = None
        self._shown: list[Row] = []
        self.signs: Signs = signs_for(self._encoding)

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        columns, lines = os.get_terminal_size(self._output)
        return columns, lines

    def enter(self) -> None:
        """Keys first: a process in the background is halted here, before it has written anything."""
        before = termios.tcgetattr(self._keys)
        at_once = termios.tcgetattr(self._keys)
        at_once[3] &= ~(termios.ICANON | termios.ECHO)
        at_once[6][termios.VMIN], at_once[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._keys, termios.TCSANOW, at_once)
        self._before = before
        self._send(ENTER)
        self._shown = []

    def leave(self, *, in_haste: bool = False) -> None:
        """As it was before; `in_haste` what a slow or halted line has not taken yet is dropped."""
        if self._before is None:
            return
        before, self._before = self._before, None
        with suppress(OSError, termios.error):
            if in_haste:
                self._let_go()
            self._send(LEAVE)
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._keys, termios.TCSANOW, before)

    def _let_go(self) -> None:
        """Halted by a program, or by Ctrl-S, which counts only as long as IXON is set: write again."""
        termios.tcflow(self._output, termios.TCOON)
        free = termios.tcgetattr(self._output)
        free[0] &= ~termios.IXON
        termios.tcsetattr(self._output, termios.TCSANOW, free)
        termios.tcflush(self._output, termios.TCOFLUSH)

    def forget(self) -> None:
        """Whatever is shown may be wrong: everything is sent the next time."""
        self._shown = []

    def draw(self, lines: Sequence[Text]) -> None:
        """Show these lines, sending what differs from those before."""
        rows = [self._cells(line) for line in lines]
        if len(rows) != len(self._shown):
            self._send(CLEAR)
            self._shown = [()] * len(rows)
        changes = [
            self._change(number, before, after)
            for number, (before, after) in enumerate(zip(self._shown, rows, strict=True), start=1)
            if before != after
        ]
        self._send("".join(changes))
        self._shown = rows

    def _cells(self, line: Text) -> Row:
        cells: list[Cell] = []
        whole = self._console.get_style(line.style)
        for segment in line.render(self._console):
            style = whole + segment.style
            for letter in segment.text:
                if cell_len(letter):
                    cells.append((letter, style))
                elif cells:  # an accent belongs to the letter before it
                    cells[-1] = (cells[-1][0] + letter, cells[-1][1])
        return cells

    def _change(self, number: int, before: Row, after: Row) -> str:
        first = _alike(before, after)
        last = len(after)
        if _width(before) == _width(after):
            last -= _alike(before[first:][::-1], after[first:][::-1])
        text = f"\x1b[{number};{_width(after[:first]) + 1}H{self._painted(after[first:last])}"
        return text if _width(before) <= _width(after) else f"{text}\x1b[K"

    def _painted(self, cells: Row) -> str:
        runs = (
            (style, "".join(letter for letter, _ in run))
            for style, run in groupby(cells, lambda cell: cell[1])
        )
        return "".join(self._styled(style, text) for style, text in runs)

    def _styled(self, style: Style, text: str) -> str:
        system = self._console.color_system
        if system is None:
            return text
        shown = style.without_color if self._console.no_color else style
        return shown.render(text, color_system=COLOR_SYSTEMS[system])

    def _send(self, text: str) -> None:
        content = text.encode(self._encoding, "replace")
        while content:
            content = content[os.write(self._output, content) :]


def _alike(one: Row, other: Row) -> int:
    """How many cells at the beginning are the same."""
    pairs = zip(one, other, strict=False)
    return next(
        (index for index, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other))
    )


def _width(cells: Row) -> int:
    return sum(cell_len(letter) for letter, _ in cells)
