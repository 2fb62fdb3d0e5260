"""The site's own command: what it is told, what its exit status means, and that it never outlives us."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.postprocess.crew import worker_command
from niffler_ops.postprocess.job import Job, Outcome, Processor, Verdict
from niffler_ops.postprocess.running import run
from niffler_ops.processes.launcher import Launcher
from tests.support.processes import end, is_running, running, wait_until
from tests.unit.postprocess.workplace import Workplace

MANY = 20_000  # more than a pipe holds

Make = Callable[..., Job]


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a command of this shell script."""

    def write(text: str) -> Path:
        path = tmp_path / "convert"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return path

    return write


@pytest.fixture
def job(place: Workplace, script: Callable[[str], Path]) -> Make:
    """A job for such a command."""

    def make(text: str, *files: str, arguments: tuple[str, ...] = ()) -> Job:
        command = (str(script(text)), *arguments)
        return place.job(Processor.COMMAND, *(files or ("/a/1.dcm", "/a/2.dcm")), command=command)

    return make


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ("exit 0", Verdict.DONE, ""),
        ("exit 75", Verdict.LATER, "Command: {} asks to be run again later"),
        ("exit 1", Verdict.FAILED, "Command: {} ended with exit status 1"),
        ("exit 73", Verdict.FAILED, "Command: {} ended with exit status 73"),
        ("exit 255", Verdict.FAILED, "Command: {} ended with exit status 255"),
        ("kill -KILL $$", Verdict.FAILED, "Command: {} was ended by signal 9"),
        ("kill -TERM $$", Verdict.FAILED, "Command: {} was ended by signal 15"),
    ],
)
def test_the_exit_status_decides(job: Make, text: str, verdict: Verdict, reason: str) -> None:
    made = job(text)
    files = len(made.files) if verdict is Verdict.DONE else 0
    program = made.settings.command[0]
    assert run(made) == Outcome(verdict=verdict, files=files, reason=reason.format(program))


def test_it_is_told_everything_as_json_on_its_standard_input(
    job: Make, place: Workplace, tmp_path: Path
) -> None:
    files = ("/a/b/c/1.dcm", "/a/b/d/2.dcm")
    run(job(f"cat > {tmp_path}/told", *files))
    assert json.loads((tmp_path / "told").read_text()) == {
        "study": "study",
        "folder": "/a/b",
        "files": list(files),
        "storage_folder": str(place.root),
        "output_folder": str(place.output),
    }


def test_names_that_are_no_utf_8_reach_it(job: Make, tmp_path: Path) -> None:
    name = os.fsdecode(b"/a/M\xfcller.dcm")
    run(job(f"cat > {tmp_path}/told", name))
    assert json.loads((tmp_path / "told").read_text())["files"] == [name]


def test_its_arguments_are_words_and_no_shell_reads_them(job: Make, tmp_path: Path) -> None:
    words = ("$HOME", "a b", "*", "", "'; exit 1")
    run(job(f'for word; do printf "%s\\n" "$word"; done > {tmp_path}/words', arguments=words))
    assert (tmp_path / "words").read_text() == "".join(f"{word}\n" for word in words)


def test_a_command_need_not_read_what_it_is_told(job: Make) -> None:
    assert run(job("exec 0<&-; exit 0", *(f"/a/{n}.dcm" for n in range(MANY)))).verdict is Verdict.DONE
    assert run(job("exit 0", *(f"/a/{n}.dcm" for n in range(MANY)))).verdict is Verdict.DONE


def test_what_it_prints_goes_nowhere_however_much_it_is(job: Make, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = run(job("head -c 1000000 /dev/zero; echo P1 >&2; exit 4"))
    assert outcome.verdict is Verdict.FAILED
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mode", [None, 0o600], ids=["absent", "not executable"])
def test_a_command_that_is_not_there_is_named(job: Make, mode: int | None) -> None:
    made = job("exit 0")
    program = Path(made.settings.command[0])
    if mode is None:
        program.unlink()
    else:
        program.chmod(mode)
    reason = f"Command: {program} is not there, or may not be run"
    assert run(made) == Outcome(verdict=Verdict.FAILED, reason=reason)


@pytest.mark.parametrize("content", ["#!/not/there\n", "no program"])
def test_a_command_that_the_system_cannot_run_is_named(job: Make, content: str) -> None:
    made = job("")
    Path(made.settings.command[0]).write_text(content)
    outcome = run(made)
    assert outcome.verdict is Verdict.FAILED
    assert made.settings.command[0] in outcome.reason


def test_a_command_that_the_system_cannot_run_does_not_end_its_worker(job: Make, tmp_path: Path) -> None:
    made = job("")
    Path(made.settings.command[0]).write_text("no program")
    code, _ = by_a_worker(made, tmp_path)
    assert code == 0


def test_a_study_without_files_has_no_folder(place: Workplace, script: Callable[[str], Path]) -> None:
    command = (str(script('grep -q \'"folder": ""\'')),)
    assert run(place.job(Processor.COMMAND, command=command)).verdict is Verdict.DONE


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_worker(job: Make, tmp_path: Path, number: int) -> None:
    made = job(f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60")
    (tmp_path / "1.job").write_bytes(made.written())
    pid_file = tmp_path / "pid"
    watch = '"$@" & echo $!; while kill -0 $!; do sleep 0.01; done'
    command = ["/bin/sh", "-c", watch, "sh", *worker_command([tmp_path / "1.job"])]
    with running(command):
        wait_until(pid_file.exists, "the command")
        pid = int(pid_file.read_text())
        assert is_running(pid)
        worker = _parent(pid)
        os.kill(worker, number)
        try:
            wait_until(lambda: not is_running(pid), "the end of the command")
        finally:
            end(pid)


def test_what_it_has_started_dies_with_a_worker_that_is_killed(job: Make, tmp_path: Path) -> None:
    background = f"sleep 60 & echo $! > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; wait"
    (tmp_path / "1.job").write_bytes(job(background).written())
    pid_file = tmp_path / "pid"
    launcher = Launcher()
    child = launcher.launch(
        "postprocess",
        worker_command([tmp_path / "1.job"]),
        environment={},
        on_line=lambda _line: None,
        on_exit=lambda _code: None,
    )
    wait_until(pid_file.exists, "the command")
    pid = int(pid_file.read_text())
    assert is_running(pid)
    os.kill(child.pid, signal.SIGKILL)
    try:
        wait_until(lambda: not is_running(pid), "the end of what the command has started")
    finally:
        end(pid)
    while launcher.children:
        launcher.dispatch(0.1)


def test_what_it_leaves_running_in_the_end_is_its_own_affair(job: Make, tmp_path: Path) -> None:
    _, lines = by_a_worker(job(f"sleep 60 > /dev/null 2>&1 & echo $! > {tmp_path}/pid"), tmp_path)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert any('"done"' in line for line in lines)
        assert is_running(pid)
    finally:
        end(pid)


def by_a_worker(job: Job, folder: Path) -> tuple[int, list[str]]:
    """Have it done by a worker of its own; gives that one's exit status and output."""
    (folder / "1.job").write_bytes(job.written())
    codes: list[int] = []
    lines: list[str] = []
    launcher = Launcher()
    launcher.launch(
        "postprocess",
        worker_command([folder / "1.job"]),
        environment={},
        on_line=lines.append,
        on_exit=codes.append,
    )
    while launcher.children:
        launcher.dispatch(0.1)
    return codes[0], lines


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
