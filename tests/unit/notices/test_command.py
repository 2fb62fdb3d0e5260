"""NotifyCommand gets the details as JSON, has a time limit, and its exit status decides."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from niffler_ops.notices.command import NotifyCommand
from niffler_ops.notices.notice import DeliveryError
from niffler_ops.processes.identity import identify, is_alive
from tests.support.mailing import mail_client, make_notice, script
from tests.support.processes import wait_until


def test_it_gets_its_own_arguments_and_the_details_as_json(tmp_path: Path) -> None:
    program = mail_client(tmp_path / "tell", tmp_path / "told")
    notice = make_notice(body="Größe\n")
    command = NotifyCommand([str(program), "--room", "imaging; touch x"])
    command.deliver(notice)
    assert (tmp_path / "told.argv").read_text().splitlines() == ["--room", "imaging; touch x"]
    told = json.loads((tmp_path / "told.stdin").read_bytes())
    assert told == {"id": notice.id, "text": "Größe\n", **notice.details}
    assert command.problem() is None


def test_another_exit_status_than_0_is_an_error(tmp_path: Path) -> None:
    program = script(tmp_path / "tell", "echo the chat is away; exit 3")
    with pytest.raises(DeliveryError, match="ended with exit status 3: the chat is away"):
        NotifyCommand([str(program)]).deliver(make_notice())


def test_it_is_ended_after_its_time(tmp_path: Path) -> None:
    program = script(tmp_path / "tell", "exec sleep 100")
    started = time.monotonic()
    with pytest.raises(DeliveryError, match="did not end within 1 s"):
        NotifyCommand([str(program)], seconds=1).deliver(make_notice())
    assert time.monotonic() - started < 10


def test_it_dies_with_a_run_that_is_killed(tmp_path: Path) -> None:
    program = script(tmp_path / "tell", f"echo $$ > {tmp_path}/pid; exec sleep 100")
    code = f"from niffler_ops.notices.running import run; run([{str(program)!r}], b'', seconds=99)"
    supervisor = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the command")
        identity = identify(int((tmp_path / "pid").read_text()))
        assert identity is not None
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_until(lambda: not is_alive(identity), "its end")


def test_one_that_is_not_there_or_may_not_be_run_is_named(tmp_path: Path) -> None:
    absent = NotifyCommand([str(tmp_path / "absent")])
    assert str(absent.problem()) == f"NotifyCommand: {tmp_path}/absent is not there"
    with pytest.raises(DeliveryError, match="No such file"):
        absent.deliver(make_notice())
    (tmp_path / "text").write_text("no program", encoding="utf-8")
    assert "may not be run" in str(NotifyCommand([str(tmp_path / "text")]).problem())
