"""Only what changes is sent, what was to be seen is seen, and the end leaves the terminal as it was."""

import io
import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from niffler_ops.reporting.watch.terminal import Terminal
from niffler_ops.terminal import printable
from tests.support.screens import Screen, pseudo_terminal, sent

WIDTH, HEIGHT = 30, 6
MOST = 60_000


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Instead of a terminal where only what is sent matters."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def opened(slave: int, encoding: str = "utf-8") -> Terminal:
    output = io.TextIOWrapper(io.FileIO(slave, "w", closefd=False), encoding=encoding)
    return Terminal(slave, output)


@pytest.fixture(autouse=True)
def _colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLORTERM", raising=False)


@pytest.fixture
def terminal() -> Iterator[tuple[Terminal, int]]:
    """A terminal that was entered, and the end at which its output is read."""
    with pseudo_terminal(WIDTH, HEIGHT) as (master, slave):
        made = opened(slave)
        made.enter()
        yield made, master
        made.leave()


def blank(*lines: str) -> list[Text]:
    return [*map(Text, lines), *[Text()] * (HEIGHT - len(lines))]


def test_it_is_entered_and_left_as_it_was() -> None:
    with pseudo_terminal(WIDTH, HEIGHT) as (master, slave):
        before = termios.tcgetattr(slave)
        made = opened(slave)
        screen = Screen(WIDTH, HEIGHT)
        made.enter()
        screen.feed(sent(master))
        assert (screen.alternate, screen.cursor_hidden, screen.wraps) == (True, True, False)
        assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)
        made.leave()
        made.leave()
        screen.feed(sent(master))
        assert (screen.alternate, screen.cursor_hidden, screen.wraps) == (False, False, True)
        assert termios.tcgetattr(slave) == before


def test_a_halted_terminal_is_left_all_the_same() -> None:
    with pseudo_terminal(WIDTH, HEIGHT) as (master, slave):
        before = termios.tcgetattr(slave)
        made = opened(slave)
        made.enter()
        sent(master)
        termios.tcflow(slave, termios.TCOOFF)
        made.leave(in_haste=True)
        assert not Screen(WIDTH, HEIGHT).feed(sent(master)).alternate
        assert termios.tcgetattr(slave) == before


def test_only_what_changes_is_sent(terminal: tuple[Terminal, int]) -> None:
    made, master = terminal
    made.draw(blank("12 of 40 rows done", "a line that stays", "12:30:59"))
    sent(master)
    made.draw(blank("13 of 40 rows done", "a line that stays", "12:31:00"))
    assert sent(master) == "\x1b[1;2H3\x1b[3;5H1:00"
    made.draw(blank("13 of 40 rows done", "a line that stays", "12:31:00"))
    assert sent(master) == ""


def test_all_is_sent_again_after_it_was_forgotten(terminal: tuple[Terminal, int]) -> None:
    made, master = terminal
    made.draw(blank("a"))
    sent(master)
    made.forget()
    made.draw(blank("a"))
    assert Screen(WIDTH, HEIGHT).feed(sent(master)).lines[0] == "a"


LINES = st.lists(
    st.text(alphabet=st.sampled_from("ab█▒✓é漢字 \u0301"), max_size=WIDTH // 2).map(printable),
    min_size=HEIGHT,
    max_size=HEIGHT,
)


@given(st.lists(LINES, min_size=1, max_size=5))
def test_whatever_was_there_before_the_screen_shows_what_was_drawn_last(pictures: list[list[str]]) -> None:
    with pipe() as (reading, writing):
        made = opened(writing)
        screen, alone = Screen(WIDTH, HEIGHT), Screen(WIDTH, HEIGHT)
        for picture in pictures:
            made.draw([Text(line) for line in picture])
        screen.feed(os.read(reading, MOST).decode())
        made.forget()
        made.draw([Text(line) for line in pictures[-1]])
        alone.feed(os.read(reading, MOST).decode())
    assert screen.lines == alone.lines


def test_colours_are_those_that_the_terminal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[1;38;5;" in _drawn("#009E73 bold")  # rich keeps what it made of a style: one for each
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert "\x1b[1;38;2;0;114;178m" in _drawn("#0072B2 bold")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1mdone" in _drawn("#D55E00 bold")


def _drawn(style: str) -> str:
    with pipe() as (reading, writing):
        opened(writing).draw([Text("done", style=style)])
        return os.read(reading, MOST).decode()


def test_its_size_is_asked_each_time(terminal: tuple[Terminal, int]) -> None:
    assert terminal[0].size() == (WIDTH, HEIGHT)


def test_what_the_encoding_lacks_is_replaced() -> None:
    with pipe() as (reading, writing):
        opened(writing, "ascii").draw([Text("Müller ✓")])
        assert os.read(reading, MOST).endswith(b"M?ller ?")
