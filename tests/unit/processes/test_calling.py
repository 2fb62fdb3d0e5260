"""Tools run to their end, or to the end of their time."""

import sys
import time

from niffler_ops.processes.calling import call, call_all
from tests.support.processes import is_running, python, wait_until

SECONDS = 30.0


def test_output_and_exit_status_are_given() -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    called = call(python(script), environment={}, seconds=SECONDS)
    assert called.code == 3
    assert sorted(called.lines) == ["err\n", "out\n"]


def test_the_environment_is_put_over_ours() -> None:
    called = call(python("import os; print(os.environ['A'])"), environment={"A": "b"}, seconds=SECONDS)
    assert called.text == "b\n"


def test_one_that_takes_too_long_is_ended_and_the_others_are_not_lost() -> None:
    slow = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    began = time.monotonic()
    called = call_all(
        {"slow": python(slow), "quick": [sys.executable, "-c", "print('quick')"]}, environment={}, seconds=2.0
    )
    assert time.monotonic() - began < SECONDS
    assert (called["quick"].code, called["quick"].text) == (0, "quick\n")
    assert called["slow"].code is None
    pid = int(called["slow"].text)
    wait_until(lambda: not is_running(pid), "the end of the slow one")


def test_a_program_that_is_missing_is_named() -> None:
    called = call(["/nowhere/at-all"], environment={}, seconds=SECONDS)
    assert called.code is None
    assert "/nowhere/at-all" in called.text
