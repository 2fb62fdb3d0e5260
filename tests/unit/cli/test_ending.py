"""A command ends with its own exit status, whatever comes when that is known."""

import signal
import subprocess
import sys

import pytest

AT_THE_END = """
    import os, signal, sys, types
    from niffler_ops.cli import cold
    sys.modules["niffler_ops.cli.extracting"] = types.SimpleNamespace(main=lambda argv: 3)
    status = cold.main([])
    os.kill(os.getpid(), int(sys.argv[1]))
    sys.exit(status)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_after_the_end_changes_nothing(number: signal.Signals) -> None:
    code = "\n".join(line.strip() for line in AT_THE_END.splitlines())
    ended = subprocess.run(
        [sys.executable, "-c", code, str(int(number))], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", "")
