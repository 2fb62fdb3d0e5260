"""Launches tools through sh, each in its own session, reads their output, and knows when they end.

Call `launch` from the main thread only: the kernel ties the parent-death signal to the thread that
forked, and would end the child when that thread ends.
"""

import contextlib
import errno
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import Empty, Queue
from typing import Any

import psutil
import sh

from niffler_ops.errors import ExhaustedError, UnavailableError
from niffler_ops.processes.identity import Identity, identify, is_alive
from niffler_ops.processes.output import lines_until_end
from niffler_ops.processes.parents import die_with

SIGNAL_CODES = range(-64, 256)
KEPT_LINES = 200
THREADS_OF_A_CHILD = 3  # two of sh, and one that follows it
EXHAUSTED = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})

_NULL = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

Event = Callable[[], None]


class Child:
    """A launched tool: its identity, its latest output, and its end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.output: deque[str] = deque(maxlen=KEPT_LINES)
        self.exit_code: int | None = None
        self.told_to_end = False
        self.identity: Identity | None = None
        self.command: Any = None  # sh.RunningCommand, once launched

    @property
    def pid(self) -> int:
        """The process id, which is also the process group's."""
        return int(self.command.pid)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.told_to_end = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now (SIGKILL)."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Signal its process group, but only while it is the process that was launched."""
        if self.exit_code is None and self.identity is not None and is_alive(self.identity):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.identity.pid, number)


class Launcher:
    """Launches children whose lines and ends come back as events on one queue, for the main thread."""

    def __init__(self) -> None:
        # No SimpleQueue: before Python 3.13 a signal at the end of its time-out makes it wait for ever.
        self._events: Queue[Event] = Queue()
        self.children: set[Child] = set()

    def launch(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> Child:
        """Start a tool; raises UnavailableError where the program is missing or cannot be run.

        ExhaustedError where the machine just has no room for it. `environment` is put over our own;
        `on_line` and `on_exit` are called by `dispatch`.
        """
        child = Child(name)
        try:
            output, written = os.pipe()
        except OSError as error:
            raise _unable(command[0], error) from None
        try:
            self._start(child, command, environment, written)
        except UnavailableError:
            os.close(output)
            raise
        finally:
            os.close(written)

        def follow() -> None:
            for lines in lines_until_end(output, child.pid):
                self.post(partial(self._said, child, lines, on_line))
            code = _exit_code(child.command)  # sh's `_done` comes up to a second late
            self.post(partial(self._ended, child, code, on_exit))

        try:
            threading.Thread(target=follow, name=f"{name}-{child.pid}", daemon=True).start()
        except RuntimeError as error:
            child.kill()
            os.close(output)
            raise _unable(command[0], error) from None
        self.children.add(child)
        return child

    def post(self, event: Event) -> None:
        """Hand something to the main thread; callable from any thread."""
        self._events.put(event)

    def dispatch(self, timeout: float, *, gather: float = 0.0) -> bool:
        """Wait up to `timeout` seconds for an event, then handle all that are there.

        Also those that come within `gather` seconds: to be woken for each line of a tool would cost a core.
        """
        earliest = time.monotonic() + gather
        handled = self._handle_all(timeout)
        early = earliest - time.monotonic()
        if early > 0:
            time.sleep(early)
            handled |= self._handle_all(0)
        return handled

    def _handle_all(self, timeout: float) -> bool:
        handled = False
        with contextlib.suppress(Empty):
            self._events.get(timeout=timeout)()
            handled = True
            while True:
                self._events.get_nowait()()
        return handled

    def _start(
        self, child: Child, command: Sequence[str], environment: Mapping[str, str], output: int
    ) -> None:
        program, *arguments = command
        _require_room(program)
        options: dict[str, Any] = {
            "_bg": True,
            "_bg_exc": False,
            "_new_session": True,
            "_preexec_fn": die_with(os.getpid()),
            "_tty_out": False,
            "_in": _NULL,
            "_out": output,  # sh itself would call back for every line
            "_err_to_out": True,
            "_ok_code": SIGNAL_CODES,
            "_env": {**os.environ, **environment},
        }
        try:
            child.command = sh.Command(program)(*arguments, **options)
        except (sh.CommandNotFound, sh.ForkException, OSError) as error:
            raise _unable(program, error) from None
        except RuntimeError as error:  # of a thread that sh starts after its fork
            self._end_unfollowed(arguments)
            raise _unable(program, error) from None
        child.identity = identify(child.pid)

    def _end_unfollowed(self, arguments: Sequence[str]) -> None:
        """Kill a child that was started, but that nobody reads or waits for."""
        followed = {child.pid for child in self.children}
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if process.pid not in followed and process.cmdline()[-len(arguments) :] == list(arguments):
                    process.kill()
                    process.wait()

    def _said(self, child: Child, lines: Sequence[str], on_line: Callable[[str], None]) -> None:
        child.output.extend(lines)
        for line in lines:
            on_line(line)

    def _ended(self, child: Child, code: int, on_exit: Callable[[int], None]) -> None:
        child.exit_code = code
        self.children.discard(child)
        on_exit(code)


def _exit_code(command: Any) -> int:
    """Waits for a process; sh starts one more thread when it has ended, and knows the code without it too."""
    try:
        return int(command.exit_code)
    except RuntimeError:
        return int(command.process.exit_code)


def _require_room(program: str) -> None:
    """Raise ExhaustedError where no process and its threads can be started: sh would leave its pipes open."""
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(THREADS_OF_A_CHILD)]
    try:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        try:
            for thread in threads:
                thread.start()
        finally:
            done.set()
            os.waitpid(pid, 0)  # until here it counts, though it has ended
    except (OSError, RuntimeError) as error:
        raise _unable(program, error) from None


def _unable(program: str, error: Exception) -> UnavailableError:
    """Why a program cannot be started, and whether that may pass; sh's own errors quote the arguments."""
    cause = getattr(error, "strerror", None) or type(error).__name__
    if isinstance(error, RuntimeError):
        return ExhaustedError(f"{program}: cannot be started (no thread is left for it)")
    kind = ExhaustedError if getattr(error, "errno", None) in EXHAUSTED else UnavailableError
    return kind(f"{program}: cannot be started ({cause})")
