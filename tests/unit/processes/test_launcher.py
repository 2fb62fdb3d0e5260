"""Children: what they print, how they end, and that nothing of them is left."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from niffler_ops.errors import ExhaustedError, UnavailableError
from niffler_ops.processes.identity import identify
from niffler_ops.processes.launcher import KEPT_LINES, Child, Launcher
from tests.support.processes import (
    PATIENCE,
    end,
    is_running,
    python,
    run_python,
    running_python,
    wait_until,
)

WAIT = "import signal; print('ready', flush=True); signal.pause()"


@dataclass
class Launched:
    """A child and what its events said, in their order."""

    child: Child
    lines: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    lines_at_end: int = -1


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    for child in list(made.children):
        child.kill()
    dispatch_until(made, lambda: not made.children)


def dispatch_until(launcher: Launcher, condition: object) -> None:
    assert callable(condition)

    def met() -> bool:
        launcher.dispatch(0.02)
        return bool(condition())

    wait_until(met, "an event of a child")


def launch(launcher: Launcher, command: list[str], **environment: str) -> Launched:
    launched: Launched

    def ended(code: int) -> None:
        launched.codes.append(code)
        launched.lines_at_end = len(launched.lines)

    lines: list[str] = []
    child = launcher.launch("movescu", command, environment=environment, on_line=lines.append, on_exit=ended)
    launched = Launched(child=child, lines=lines)
    return launched


def run(launcher: Launcher, command: list[str], **environment: str) -> Launched:
    launched = launch(launcher, command, **environment)
    dispatch_until(launcher, lambda: launched.codes)
    return launched


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 2", 2),
        ("exit 143", 143),
        ("exit 255", 255),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -KILL $$", -signal.SIGKILL),
        ("kill -SEGV $$", -signal.SIGSEGV),
    ],
)
def test_a_child_tells_how_it_ended(launcher: Launcher, script: str, code: int) -> None:
    launched = run(launcher, sh(f"echo some output; {script}"))
    assert (launched.codes, launched.child.exit_code, launcher.children) == ([code], code, set())
    assert launched.lines == ["some output\n"]


def test_a_child_that_ends_at_once_has_said_everything_before_its_end(launcher: Launcher) -> None:
    for _ in range(20):
        launched = run(launcher, sh("echo first; echo second >&2; echo last"))
        assert launched.lines == ["first\n", "second\n", "last\n"]
        assert launched.lines_at_end == 3


def test_a_last_line_without_its_end_is_not_lost(launcher: Launcher) -> None:
    launched = run(launcher, sh("echo first; printf last"))
    assert (launched.lines, launched.lines_at_end) == (["first\n", "last"], 2)


def test_a_child_s_own_child_that_keeps_its_output_open_delays_nothing(launcher: Launcher) -> None:
    launched = run(launcher, sh("sleep 60 & echo $!"))
    assert launched.lines_at_end == 1
    os.kill(int(launched.lines[0]), signal.SIGKILL)


def test_an_endless_line_is_given_in_parts(launcher: Launcher) -> None:
    launched = run(launcher, python("print('x' * 3_000_000)"))
    assert len(launched.lines) > 1
    assert "".join(line.strip() for line in launched.lines) == "x" * 3_000_000


def test_many_lines_come_whole_in_order_and_before_the_end(launcher: Launcher) -> None:
    launched = run(launcher, python("for number in range(20000): print(f'line {number} ' + 'x' * 50)"))
    assert launched.lines == [f"line {number} {'x' * 50}\n" for number in range(20_000)]
    assert launched.lines_at_end == 20_000
    assert list(launched.child.output) == launched.lines[-KEPT_LINES:]


def test_output_that_is_not_utf_8_stops_nothing(launcher: Launcher) -> None:
    launched = run(launcher, sh(r"printf 'M\374ller\n\000\377\nstill here\n'"))
    assert launched.lines == ["M\ufffdller\n", "\x00\ufffd\n", "still here\n"]


def test_a_line_comes_while_the_child_runs(launcher: Launcher) -> None:
    launched = launch(launcher, python(WAIT))
    dispatch_until(launcher, lambda: launched.lines == ["ready\n"])
    assert launched.codes == []
    assert launched.child in launcher.children


@pytest.mark.parametrize("kind", ["missing", "not executable", "a folder", "not a program"])
def test_a_program_that_cannot_be_run_is_unavailable(launcher: Launcher, tmp_path: Path, kind: str) -> None:
    program = tmp_path / "movescu"
    match kind:
        case "not executable":
            program.write_text("#!/bin/sh\n")
        case "a folder":
            program.mkdir()
        case "not a program":
            program.write_bytes(b"\x00\x01")
            program.chmod(0o700)
        case _:
            pass
    with pytest.raises(UnavailableError, match="movescu: cannot be started"):
        launch(launcher, [str(program)])
    assert launcher.children == set()


def test_a_missing_interpreter_is_unavailable_too(launcher: Launcher, tmp_path: Path) -> None:
    program = tmp_path / "movescu"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o700)
    with pytest.raises(UnavailableError, match="cannot be started"):
        launch(launcher, [str(program)])


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOMEM])
def test_a_machine_that_has_no_process_left_says_so_and_costs_nothing(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def none_left() -> int:
        raise OSError(code, os.strerror(code))

    run(launcher, sh("exit 0"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", none_left)
        before = open_files()
        for _ in range(20):
            with pytest.raises(ExhaustedError, match=r"sh: cannot be started \(.*\)"):
                launch(launcher, sh("exit 0"))
    assert open_files() <= before
    assert launcher.children == set()
    assert run(launcher, sh("exit 0")).codes == [0]


@pytest.mark.parametrize("name", ["background thread for pid", "movescu-"])
def test_a_child_that_no_thread_is_left_for_is_ended(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start = threading.Thread.start

    def none_left(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise RuntimeError("can't start new thread")
        start(thread)

    run(launcher, sh("exit 0"))
    children = psutil.Process().children()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        for _ in range(5):
            with pytest.raises(ExhaustedError, match="no thread is left"):
                launch(launcher, python(WAIT))
    wait_until(
        lambda: set(psutil.Process().children()) <= set(children), "the end of those that were started"
    )
    assert launcher.children == set()


def test_an_end_is_told_though_no_thread_is_left_to_tell_it(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    launched = launch(launcher, python(WAIT))
    dispatch_until(launcher, lambda: launched.lines)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    os.kill(launched.child.pid, signal.SIGKILL)
    dispatch_until(launcher, lambda: launched.codes)
    assert launched.codes == [-signal.SIGKILL]


def test_a_child_has_our_environment_and_its_own_variables(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "ours")
    monkeypatch.setenv("BOTH", "ours")
    launched = run(launcher, sh('echo "$OURS $BOTH $ITS"'), BOTH="its", ITS="its")
    assert launched.lines == ["ours its its\n"]


def test_a_child_leads_its_own_session_reads_nothing_and_has_no_terminal(launcher: Launcher) -> None:
    code = """
        import os, sys
        print(os.getsid(0) == os.getpgid(0) == os.getpid(), repr(sys.stdin.read()), sys.stdout.isatty())
    """
    assert run(launcher, python(code)).lines == ["True '' False\n"]


def test_a_child_inherits_no_open_file_but_its_output(launcher: Launcher, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)  # noqa: FBT003 - a positional parameter of os
        launched = run(launcher, sh("ls /proc/self/fd"))
    assert [line.strip() for line in launched.lines] == ["0", "1", "2", "3"]  # 3 is ls's own


def test_terminate_and_kill_reach_the_child_and_what_it_started(launcher: Launcher) -> None:
    asked = launch(launcher, sh("sleep 60 & echo $!; wait"))
    deaf = launch(launcher, sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    dispatch_until(launcher, lambda: asked.lines and deaf.lines)
    asked.child.terminate()
    deaf.child.terminate()
    dispatch_until(launcher, lambda: asked.codes)
    wait_until(lambda: not is_running(int(asked.lines[0])), "the end of the child's child")
    assert (asked.codes, deaf.codes) == ([-signal.SIGTERM], [])
    deaf.child.kill()
    dispatch_until(launcher, lambda: deaf.codes)
    assert deaf.codes == [-signal.SIGKILL]


def test_signals_to_a_child_that_has_ended_reach_nobody(launcher: Launcher) -> None:
    launched = run(launcher, sh("exit 0"))
    launched.child.terminate()
    launched.child.kill()
    assert launched.codes == [0]


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"boot_id": "another boot"}])
def test_a_child_whose_pid_was_given_to_another_process_is_never_signalled(change: dict[str, object]) -> None:
    with running_python(WAIT) as stranger:
        identity = identify(stranger.pid)
        assert identity is not None
        child = Child("movescu")
        child.identity = replace(identity, **change)  # type: ignore[arg-type]
        child.kill()
        child.terminate()
        assert stranger.poll() is None
        child.identity = identity  # the same signals do end the process that is meant
        child.kill()
        assert stranger.wait(PATIENCE) == -signal.SIGKILL


def held() -> set[object]:
    """Every process, thread and open file of this process: what others left behind may end meanwhile."""
    files: set[object] = set()
    for file in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder's own
            files.add((file, file.readlink()))
    return {*files, *psutil.Process().children(), *threading.enumerate()}


def test_fifty_launches_leave_no_process_thread_or_open_file(launcher: Launcher) -> None:
    run(launcher, sh("exit 0"))
    before = held()
    for _ in range(5):
        batch = [launch(launcher, sh("echo some output")) for _ in range(10)]
        dispatch_until(launcher, lambda batch=batch: all(launched.codes for launched in batch))
    wait_until(lambda: held() <= before, "the end of every process, thread and open file of the children")


def test_a_child_that_closes_its_output_is_noticed_when_it_ends(launcher: Launcher) -> None:
    launched = launch(launcher, sh("exec >&- 2>&-; read line"))
    assert launched.codes == []
    dispatch_until(launcher, lambda: launched.codes)


def test_the_end_of_a_child_is_noticed_when_its_own_child_has_ended_too(launcher: Launcher) -> None:
    launched = launch(launcher, sh("sleep 60 & echo $!"))
    dispatch_until(launcher, lambda: launched.lines)
    end(int(launched.lines[0]))
    dispatch_until(launcher, lambda: launched.codes)
    assert launched.codes == [0]


def test_events_of_other_threads_are_handled_by_dispatch_in_their_order(launcher: Launcher) -> None:
    seen: list[int] = []

    def post_all() -> None:
        for number in range(100):
            launcher.post(partial(seen.append, number))

    thread = threading.Thread(target=post_all)
    thread.start()
    thread.join()
    assert seen == []
    assert launcher.dispatch(0)
    assert seen == list(range(100))
    assert not launcher.dispatch(0)


def test_an_event_that_fails_loses_no_other(launcher: Launcher) -> None:
    seen: list[str] = []
    launcher.post(lambda: seen.append("first"))
    launcher.post(lambda: sys.exit("the second fails"))
    launcher.post(lambda: seen.append("third"))
    with pytest.raises(SystemExit):
        launcher.dispatch(0)
    launcher.dispatch(0)
    assert seen == ["first", "third"]


SIGNALLED = """
    import os, signal, threading, time
    from niffler_ops.processes.launcher import Launcher

    TIMEOUT, asked = 0.2, []

    def ask(_number, _frame):
        time.sleep(2 * TIMEOUT)  # as a busy machine makes it
        asked.append(True)

    signal.signal(signal.SIGTERM, ask)
    launcher = Launcher()
    threading.Timer(0.5 * TIMEOUT, os.kill, (os.getpid(), signal.SIGTERM)).start()
    while not asked:
        launcher.dispatch(TIMEOUT)
"""


def test_a_signal_that_takes_longer_than_what_is_left_of_a_turn_does_not_make_it_endless() -> None:
    assert run_python(SIGNALLED).returncode == 0
