"""The command on a pseudo terminal: keys, signals, sizes, and an end that leaves everything as it was."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.extractions import GONE, asked, end_run, make_ledger, match, retrieve, start_run
from tests.support.processes import ROOT, wait_until
from tests.support.screens import Screen, pseudo_terminal, resize, sent

WIDTH, HEIGHT = 80, 24
CODE = "import sys; from niffler_ops.cli.status import main; sys.exit(main(sys.argv[1:]))"
DEFECT = """
import sys
from niffler_ops.clock import SystemClock
from niffler_ops.reporting.watch.live import watch_live
from niffler_ops.reporting.watch.machine import MachinePicture
class Source:
    looks = 0
    def look(self):
        self.looks += 1
        assert self.looks < 2, "a defect"
        return MachinePicture(extractions=[])
watch_live(Source(), SystemClock())
"""


class Watching:
    """A command that has a pseudo terminal for itself."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, slave: int) -> None:
        self.process = process
        self._master = master
        self._slave = slave
        self.before = termios.tcgetattr(slave)
        self.screen = Screen(WIDTH, HEIGHT)
        self.all = ""

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def shown(self) -> str:
        new = sent(self._master)
        self.all += new
        return "\n".join(self.screen.feed(new).lines)

    def shows(self, text: str) -> None:
        wait_until(lambda: text in self.shown(), f"{text!r} on the screen")

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def resize(self, width: int, height: int) -> None:
        self.screen = Screen(width, height)
        resize(self._slave, width, height)
        self.process.send_signal(signal.SIGWINCH)  # as the kernel does for whose terminal it is

    def end(self) -> int:
        wait_until(lambda: self.shown() is None or self.process.poll() is not None, "the end")
        self.shown()
        assert not self.screen.alternate
        assert not self.screen.cursor_hidden
        assert self.screen.wraps
        assert self.modes == self.before
        return self.process.returncode


@contextmanager
def watching(code: str, *arguments: object, **environment: str) -> Iterator[Watching]:
    with pseudo_terminal(WIDTH, HEIGHT) as (master, slave):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env=os.environ | {"TERM": "xterm", "LC_ALL": "C.UTF-8", "PYTHON_COLORS": "0"} | environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here, and it needs its own terminal
        )
        try:
            yield Watching(process, master, slave)
        finally:
            process.kill()
            process.wait(30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An extraction at its end."""
    ledger = make_ledger(tmp_path, [asked(2), asked(3)])
    token = start_run(ledger, GONE)
    match(ledger, {2: ["1.2"]})
    retrieve(ledger, "1.2")
    end_run(ledger, "finished", token)
    ledger.close()
    return tmp_path


def test_it_is_looked_at_in_any_size_until_q(folder: Path) -> None:
    with watching(CODE, folder, "--watch") as watch:
        watch.shows("q leaves")
        assert watch.screen.alternate
        assert "1 row with problems" in watch.shown()
        assert "--why LINE" in watch.shown()
        assert "✓ finished" in watch.shown()
        watch.resize(60, 15)
        watch.shows("q leaves")
        watch.press(b"\x1b[A")
        watch.resize(12, 3)
        watch.shows("q leaves")
        watch.resize(WIDTH, HEIGHT)
        watch.shows("q leaves")
        assert watch.process.poll() is None, "an arrow is no reason to leave"
        watch.press(b"q")
        assert watch.end() == 0
        assert watch.all.endswith("finished: 1 of 2 rows done, 1 with problems\r\n"), "how it stood at last"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_it_in_order(folder: Path, number: signal.Signals) -> None:
    with watching(CODE, folder, "--watch", NO_COLOR="1") as watch:
        watch.shows("q leaves")
        watch.process.send_signal(number)
        assert watch.end() == 128 + number
        assert "[38;" not in watch.all, "NO_COLOR"
        assert "Traceback" not in watch.all


def test_a_signal_is_heard_while_the_line_is_halted(folder: Path) -> None:
    with watching(CODE, folder, "--watch") as watch:
        watch.shows("q leaves")
        watch.press(b"\x13")  # Ctrl-S
        watch.process.send_signal(signal.SIGTERM)
        assert watch.end() == 128 + signal.SIGTERM


def test_a_defect_ends_it_in_order() -> None:
    with watching(DEFECT) as watch:
        watch.shows("No extraction is known")
        assert watch.end() == 1
        assert "AssertionError: a defect" in watch.all


def test_it_is_drawn_twice_a_second_at_most(folder: Path) -> None:
    with watching(CODE, folder, "--watch") as watch:
        watch.shows("q leaves")
        drawn = watch.all.count("niffler-status  ")
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            watch.press(b"\x0c")  # all is to be sent again
            watch.shown()
        seconds = time.monotonic() - began
        assert 1 <= watch.all.count("niffler-status  ") - drawn <= 2 * seconds + 1


def test_little_is_sent_while_nothing_happens(folder: Path) -> None:
    with watching(CODE, folder, "--watch") as watch:
        watch.shows("q leaves")
        begun = len(watch.all)
        clock = watch.screen.lines[0][-8:]
        wait_until(lambda: watch.shown().splitlines()[0][-8:] != clock, "the clock")
        wait_until(lambda: watch.shown().splitlines()[0][-8:] not in {clock, ""}, "the clock")
        assert len(watch.all) - begun < 100, "bytes for a second or two"


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(folder: Path) -> None:
    with watching(CODE, folder, "--watch", TERM="dumb") as watch:
        assert watch.end() == 0
        assert "\x1b" not in watch.all
        assert watch.all.endswith("finished: 1 of 2 rows done, 1 with problems\r\n")


def test_what_cannot_be_read_never_takes_the_screen(tmp_path: Path) -> None:
    with watching(CODE, tmp_path, "--watch") as watch:
        assert watch.end() == 66
        assert "\x1b" not in watch.all
        assert "no ledger here" in watch.all
