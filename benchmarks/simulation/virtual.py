"""The launcher that plays tools on a clock that goes on when nothing is left to do."""

import heapq
import itertools
import time
from collections.abc import Callable, Mapping, Sequence

from niffler_ops.processes.launcher import Child, Launcher
from tests.support.clock import FakeClock

ENDED_BY_SIGTERM = 143  # of a JVM

Task = Callable[["Call"], None]


class Call(Child):
    """A tool that is not run: what it prints and when it ends is decided by who plays it."""

    def __init__(self, name: str, arguments: Sequence[str], launcher: "VirtualLauncher") -> None:
        super().__init__(name)
        self.arguments = arguments
        self.on_line: Callable[[str], None] = lambda _line: None
        self.on_exit: Callable[[int], None] = lambda _code: None
        self._launcher = launcher

    @property
    def pid(self) -> int:
        """No process has it."""
        return 0

    def terminate(self) -> None:
        """End soon."""
        self.end(ENDED_BY_SIGTERM)

    def kill(self) -> None:
        """End soon."""
        self.end(ENDED_BY_SIGTERM)

    def say(self, text: str) -> None:
        """Print lines, unless it has ended."""
        if self.exit_code is None:
            for line in text.splitlines(keepends=True):
                self.output.append(line)
                self.on_line(line)

    def end(self, code: int) -> None:
        """End, once."""
        if self.exit_code is None:
            self.exit_code = code
            self._launcher.children.discard(self)
            self._launcher.post(lambda: self.on_exit(code))


class VirtualLauncher(Launcher):
    """Plays the tools: `play` decides what a call does. `playing` is the CPU that this takes, in seconds."""

    def __init__(self, clock: FakeClock, play: Task) -> None:
        super().__init__()
        self._clock = clock
        self._play = play
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.playing = 0.0
        self.calls = 0

    def launch(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],  # noqa: ARG002 - nothing is run
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> Child:
        """Have the tool played from now on."""
        call = Call(name, command, self)
        call.on_line, call.on_exit = on_line, on_exit
        self.calls += 1
        self.children.add(call)
        self._timed(lambda: self._play(call))
        return call

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something so much later."""
        heapq.heappush(self._plan, (self._clock.monotonic() + seconds, next(self._numbers), what))

    def dispatch(self, timeout: float, *, gather: float = 0.0) -> bool:
        """Handle what happens in so many seconds, or until `gather` after an event; nobody waits."""
        begun = self._clock.monotonic()
        handled = self._handle_all(0)
        while self._plan and self._plan[0][0] <= begun + (gather if handled else timeout):
            at, _, what = heapq.heappop(self._plan)
            self._clock.pass_time(max(at - self._clock.monotonic(), 0.0))
            self._timed(what)
            handled |= self._handle_all(0)
        until = begun + (gather if handled else timeout)
        self._clock.pass_time(max(until - self._clock.monotonic(), 0.0))
        return handled

    def _handle_all(self, _timeout: float) -> bool:
        handled = False
        while not self._events.empty():
            self._events.get_nowait()()
            handled = True
        return handled

    def _timed(self, what: Callable[[], None]) -> None:
        begun = time.thread_time()
        what()
        self.playing += time.thread_time() - begun
