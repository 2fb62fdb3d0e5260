"""Who listens on a port, by real sockets, and the command that ends it."""

import os
import socket
from pathlib import Path

import psutil
import pytest

from niffler_ops.processes.ports import Listener, binding_error, kill_command, listener_on
from niffler_ops.processes.users import user_name
from tests.support.archives import Ports
from tests.support.lookalikes import NO_OTHER_USER, NOBODY, orphan, pretending


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_stranger_on_a_port_is_named_with_its_user(family: socket.AddressFamily) -> None:
    address = "127.0.0.1" if family is socket.AF_INET else "::1"
    try:
        listening = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening:
        port = listening.getsockname()[1]
        listener = listener_on(port)
        assert listener == Listener(port=port, pid=os.getpid(), uid=os.getuid())
        me = psutil.Process()
        assert str(listener) == f"pid {os.getpid()} ({me.name()}) of {me.username()}"
        assert listener.remedy == f"`kill {os.getpid()}`"
    assert listener_on(port) is None


@pytest.mark.skipif(os.getuid() != 0, reason=NO_OTHER_USER)
def test_another_users_is_ended_by_an_administrator(tmp_path: Path) -> None:
    with Ports() as free:
        port = free.take()
        with orphan(pretending("webserver"), tmp_path, LISTENS=port, BECOMES=NOBODY) as theirs:
            listener = listener_on(port)
            assert listener == Listener(port=port, pid=theirs.pid, uid=NOBODY)
            assert str(listener).endswith(" of nobody")
            assert listener.remedy == f"`sudo kill {theirs.pid}`"


def test_where_the_pid_is_hidden_the_user_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the processes of others are on machines that hide them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        seen = [one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port]
        hidden = [one._replace(pid=None) for one in seen]
        monkeypatch.setattr(psutil, "net_connections", lambda kind: hidden if kind == "tcp" else [])
        listener = listener_on(port)
    assert listener == Listener(port=port, pid=None, uid=os.getuid())
    assert str(listener) == f"a process of {user_name(os.getuid())}"
    assert f"sport = :{port}" in listener.remedy


def test_a_port_can_be_opened_or_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert isinstance(binding_error(listening.getsockname()[1]), OSError)
    with Ports() as free:
        assert binding_error(free.take()) is None


def test_our_own_process_needs_no_administrator() -> None:
    assert kill_command(4711, os.getuid()) == "kill 4711"
    assert kill_command(4711, os.getuid() + 1) == kill_command(4711, None) == "sudo kill 4711"
