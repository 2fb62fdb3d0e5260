"""Our storescp as a service keeps it: whatever ends it or keeps it from starting, it is tried again."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from niffler_ops.embedded.echo import Echo
from niffler_ops.errors import ExhaustedError, StoppedError, UnavailableError
from niffler_ops.model import LocalEntity
from niffler_ops.processes.launcher import Child, Launcher
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.receiver import RESTARTS, Receiver
from tests.support.archives import Ports
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from niffler_ops.stages.tools import Tools


class Toolbox:
    """Starts what is no storescp, where it can; a child ends when a test says so."""

    def __init__(self) -> None:
        self.launcher = Launcher()
        self.unable: UnavailableError | None = None
        self.cannot_run = False
        self.children: list[tuple[Child, Callable[[Child, int], None]]] = []

    def run(self, role: str, _arguments: object, *, on_line: object, on_exit: Any) -> Child:  # noqa: ARG002
        if self.unable is not None:
            raise self.unable
        child = Child(role)
        self.children.append((child, on_exit))
        return child

    def end(self, code: int = -9) -> None:
        child, on_exit = self.children.pop()
        on_exit(child, code)

    def require_running(self, _child: Child, code: int) -> None:
        if code > 2:
            raise UnavailableError("it cannot run")

    def keep_output(self, _child: Child) -> None:
        pass


class Bench:
    def __init__(self, port: int, *, gives_up: bool) -> None:
        self.tools, self.clock, self.port = Toolbox(), FakeClock(), port
        self.receiver = Receiver(
            LocalEntity(aet="NIFFLER", port=port),
            Path(),
            cast("Tools", self.tools),
            self.clock,
            Progress(0.0),
            gives_up=gives_up,
        )

    def turns(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.pass_time(1)
            self.receiver.advance()

    def answer(self) -> None:
        """It is asked by C-ECHO, and answers."""
        self.receiver._echoed(self.tools.children[-1][0], Echo.ANSWERED)

    def lives(self) -> bool:
        return bool(self.tools.children)


@pytest.fixture
def port() -> Iterator[int]:
    with Ports() as ports:
        yield ports.take()


@pytest.fixture(autouse=True)
def no_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """C-ECHOs stay without an answer; tests answer themselves."""
    monkeypatch.setattr(Receiver, "_begin_echo", lambda *_: None)


EXHAUSTED = ExhaustedError("storescp: cannot be started (Resource temporarily unavailable)")
MISSING = UnavailableError("storescp: cannot be started (No such file or directory)")


def test_a_machine_without_a_process_left_is_waited_for_and_told_of(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(port, gives_up=False)
    bench.tools.unable = EXHAUSTED
    bench.turns(60)
    assert "cannot be started (Resource temporarily unavailable)" in bench.receiver.trouble
    assert caplog.text.count("is tried again") == 1
    bench.tools.unable = None
    bench.turns(6)
    assert bench.lives()
    bench.answer()
    assert bench.receiver.ready
    assert bench.receiver.trouble == ""


def test_an_extraction_gives_up_after_a_while(port: int) -> None:
    bench = Bench(port, gives_up=True)
    bench.tools.unable = EXHAUSTED
    with pytest.raises(StoppedError, match=f"{RESTARTS} times"):
        bench.turns(60)


def test_a_toolkit_that_cannot_run_ends_an_extraction(port: int) -> None:
    bench = Bench(port, gives_up=True)
    bench.tools.unable = MISSING
    with pytest.raises(UnavailableError, match="No such file"):
        bench.turns(1)
    bench = Bench(port, gives_up=True)
    bench.turns(1)
    with pytest.raises(UnavailableError, match="cannot run"):
        bench.tools.end(code=3)


def test_what_bars_a_service_from_listening_is_told_until_it_does(port: int) -> None:
    bench = Bench(port, gives_up=False)
    bench.tools.unable = MISSING
    bench.turns(1)
    assert "No such file" in str(bench.receiver.barred)
    bench.tools.unable = None
    bench.turns(6)
    bench.tools.end(code=3)
    assert "cannot run" in str(bench.receiver.barred)
    bench.turns(6)
    bench.answer()
    assert bench.receiver.barred is None
    bench.tools.end(code=3)
    assert bench.receiver.barred is None, "it has listened, and is waited for"


def test_once_it_has_listened_a_service_goes_on_whatever_happens(port: int) -> None:
    bench = Bench(port, gives_up=False)
    bench.turns(1)
    bench.answer()
    bench.tools.end(code=3)  # as Java without memory
    bench.turns(6)
    assert bench.lives()
    bench.tools.end()
    bench.tools.unable = MISSING  # as while the toolkit is being replaced
    bench.turns(30)
    assert "No such file" in bench.receiver.trouble
    bench.tools.unable = None
    with socket.create_server(("127.0.0.1", port)):
        bench.turns(30)
        assert f"port {port} is taken by" in bench.receiver.trouble
        assert not bench.lives()
    bench.turns(6)
    assert bench.lives()


def test_a_stranger_on_the_port_at_the_start_ends_an_extraction_and_bars_a_service(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(UnavailableError, match="is taken by"):
            Bench(port, gives_up=True).turns(1)
        service = Bench(port, gives_up=False)
        service.turns(10)
        assert "is taken by" in str(service.receiver.barred)


def test_ends_of_long_ago_are_no_trouble(port: int) -> None:
    bench = Bench(port, gives_up=False)
    for _ in range(RESTARTS):
        bench.turns(6)
        bench.answer()
        bench.tools.end()
    assert "keeps ending" in bench.receiver.trouble
    bench.turns(6)
    bench.clock.pass_time(3600)
    bench.answer()
    bench.tools.end()
    assert bench.receiver.trouble == ""
    bench.turns(1)
    assert bench.lives(), "the delay is short again"


def test_an_echo_without_a_thread_left_tells_nothing_of_storescp(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    def none_left(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    bench = Bench(port, gives_up=False)
    bench.turns(1)
    monkeypatch.setattr("threading.Thread.start", none_left)
    bench.turns(60)
    assert bench.lives()
