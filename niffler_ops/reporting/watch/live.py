"""The loop of a terminal: draws what is new, obeys keys and signals, and leaves it as it was."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from niffler_ops.clock import Clock
from niffler_ops.reporting.watch.frame import frame
from niffler_ops.reporting.watch.looking import Looker, waker
from niffler_ops.reporting.watch.picture import Source
from niffler_ops.reporting.watch.terminal import Terminal

DRAW_SECONDS = 0.5  # at most twice a second, for slow lines
CLOCK_SECONDS = 1.0
KEYS_AT_ONCE = 256
QUIT, REDRAW, ESCAPE = b"qQ", b"\x0c", b"\x1b"
SIGNALLED = 128
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class SignalledError(BaseException):
    """A signal asks for the end; it may come while a write waits for a line that was halted."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def watch_live(source: Source, clock: Clock) -> tuple[int, str]:
    """Watch until `q` or a signal; gives the exit status and how things stood at last, in a line.

    Raises MissingInputError where there is nothing to see at the beginning.
    """
    return Live(source, clock, Terminal(sys.stdin.fileno(), sys.stdout)).run()


class Live:
    """One watch of one terminal."""

    def __init__(self, source: Source, clock: Clock, terminal: Terminal) -> None:
        self._clock = clock
        self._terminal = terminal
        self._woken, self._wake, self._wake_by_signal = waker()
        self._looker = Looker(source, clock, self._wake)
        self._halted = self._resized = False
        self._drawn_at = 0.0

    def run(self) -> tuple[int, str]:
        """Draw until the end; the exit status is 0, or 128 and the signal."""
        status = 0
        try:
            try:
                with self._signals():
                    self._terminal.enter()
                    self._looker.start()
                    self._loop()
            except SignalledError as asked:
                status = SIGNALLED + asked.number
        finally:
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)  # nothing may come between now
            self._looker.stop()
            self._terminal.leave(in_haste=bool(status))
        return status, self._looker.latest.picture.line

    @contextmanager
    def _signals(self) -> Iterator[None]:
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as after nohup
                signal.signal(number, _end)
        signal.signal(signal.SIGTSTP, self._note)
        signal.signal(signal.SIGWINCH, self._note)
        before = signal.set_wakeup_fd(self._wake_by_signal, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._halted |= number == signal.SIGTSTP
        self._resized |= number == signal.SIGWINCH

    def _loop(self) -> None:
        while True:
            if self._halted:
                self._halt()
            if self._looker.defect is not None:
                raise self._looker.defect
            self._draw()
            if self._leaves():
                return

    def _draw(self) -> None:
        if self._resized:
            self._resized = False
            self._terminal.forget()
        look = self._looker.latest
        width, height = self._terminal.size()
        lines = frame(
            look.picture,
            width=width,
            height=height,
            signs=self._terminal.signs,
            now=self._clock.now(),
            looked_at=look.at,
            error=look.error,
        )
        self._terminal.draw(lines)
        self._drawn_at = time.monotonic()

    def _leaves(self) -> bool:
        """Wait until something is new and it is time to draw it; whether somebody wants to leave."""
        due = self._drawn_at + CLOCK_SECONDS
        while not self._halted:
            ready, _, _ = select.select([sys.stdin, self._woken], [], [], max(due - time.monotonic(), 0.0))
            if not ready:
                return False
            if sys.stdin in ready and self._key_leaves():
                return True
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, KEYS_AT_ONCE)
            due = self._drawn_at + DRAW_SECONDS
        return False

    def _key_leaves(self) -> bool:
        keys = os.read(sys.stdin.fileno(), KEYS_AT_ONCE)
        if not keys:
            return True  # the terminal is gone
        if keys.startswith(ESCAPE):
            return False  # an arrow or the like
        if REDRAW in keys:
            self._terminal.forget()
        return any(key in QUIT for key in keys)

    def _halt(self) -> None:
        """Ctrl-Z: the shell gets its terminal back, until it continues us."""
        self._halted = False
        self._terminal.leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._note)
        self._terminal.enter()


def _end(number: int, _frame: FrameType | None) -> None:
    raise SignalledError(number)
