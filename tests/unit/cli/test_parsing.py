"""A command ends with one message and its exit status, never with a traceback."""

import io
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from niffler_ops.cli.parsing import ArgumentParser, positive, run, show, whole
from niffler_ops.errors import ConfigurationError, MissingInputError, UsageError

PIPE_STATUS = 141


def raising(error: BaseException) -> int:
    raise error


def parser() -> ArgumentParser:
    made = ArgumentParser(prog="niffler-test")
    made.add_argument("--config")
    return made


def test_wrong_usage_is_an_error_of_ours_that_names_the_help() -> None:
    with pytest.raises(UsageError, match=r"unrecognized arguments: --wrong\. `niffler-test --help`") as error:
        parser().parse_args(["--wrong"])
    assert error.value.exit_status == 64


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "", "\u0661"])
def test_a_number_that_is_none_is_told_with_what_is_allowed(text: str) -> None:
    made = parser()
    made.add_argument("--first", type=whole)
    made.add_argument("--rate", type=positive)
    with pytest.raises(UsageError, match=r"--first.* allowed: a whole number from 1 on"):
        made.parse_args([f"--first={text}"])
    if text not in {"1.5", "\u0661"}:
        with pytest.raises(UsageError, match=r"--rate.* allowed: a number above 0"):
            made.parse_args([f"--rate={text}"])


def test_options_are_not_abbreviated() -> None:
    with pytest.raises(UsageError):
        parser().parse_args(["--conf", "x"])


def test_each_command_tells_its_version_and_its_subcommands_leave_that_to_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = parser()
    made.add_subparsers().add_parser("part")
    with pytest.raises(SystemExit) as ended:
        made.parse_args(["--version"])
    assert ended.value.code == 0
    told = re.fullmatch(r"niffler-test (\S+), Python (\S+)\n", capsys.readouterr().out)
    assert told is not None
    assert told.groups() == (version("niffler-ops"), platform.python_version())
    with pytest.raises(UsageError, match="unrecognized arguments: --version"):
        made.parse_args(["part", "--version"])


def test_the_status_of_a_command_is_given_on() -> None:
    assert run(lambda: 3) == 3


def test_an_expected_failure_is_one_message_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/niffler-test"])
    assert run(lambda: raising(MissingInputError("there is none"))) == 66
    assert capsys.readouterr() == ("", "niffler-test: there is none\n")


def test_every_error_of_a_configuration_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: raising(ConfigurationError("first", "second"))) == 78
    assert capsys.readouterr().err.endswith("first\nsecond\n")


def test_ctrl_c_ends_a_command_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_text_is_shown_whatever_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    show("M\u00fcller \u2026\n")
    stream.seek(0)
    assert stream.read() == "M\\xfcller \\u2026\n"


def ended_by_its_reader(code: str) -> tuple[int, str]:
    """Run code whose stdout nobody reads; gives exit status and stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", f"import sys\nfrom niffler_ops.cli.parsing import run, show\n{code}"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    return ended.returncode, ended.stderr


def test_a_command_whose_reader_left_in_the_middle_ends_as_by_sigpipe() -> None:
    assert ended_by_its_reader("sys.exit(run(lambda: print('text') or 0))") == (PIPE_STATUS, "")


def test_a_reader_that_left_has_seen_enough_of_a_text() -> None:
    assert ended_by_its_reader("sys.exit(run(lambda: show('text') or 0))") == (0, "")


def test_a_defect_is_told_without_its_text_which_may_hold_an_identifier(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIFFLER_TRACEBACK", raising=False)
    assert run(lambda: raising(KeyError("NIFFLER-0001"))) == 70
    told = capsys.readouterr().err
    assert "KeyError at test_parsing.py:" in told
    assert "NIFFLER-0001" not in told


def test_a_defect_is_shown_whole_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIFFLER_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run(lambda: raising(KeyError("x")))


def test_nothing_that_is_told_commands_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: raising(UsageError("one\x1b]0;x\x07\ntwo"))) == 64
    show("three\x9b2J\t\N{RIGHT-TO-LEFT OVERRIDE}four\nMüller\n")
    told = capsys.readouterr()
    assert told.err.endswith(": one ]0;x \ntwo\n")
    assert told.out == "three 2J\t four\nMüller\n"


def test_a_command_whose_standard_streams_are_closed_writes_into_no_file_instead(tmp_path: Path) -> None:
    code = "import sys; from niffler_ops.cli.parsing import run; sys.exit(run(work))"
    work = (
        "def work():\n"
        "    with open('file', 'w') as file:\n"
        "        assert file.fileno() > 2\n"
        "        print('text', flush=True)\n"
        "        sys.stderr.write('text')\n"
        "    return 3\n"
    )
    without = "import os, sys; os.closerange(0, 3); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-c", f"{work}{code}"]
    ended = subprocess.run([sys.executable, "-c", without, *command], cwd=tmp_path, check=False)
    assert ended.returncode == 3
    assert (tmp_path / "file").read_text() == ""
