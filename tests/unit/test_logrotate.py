"""The entry for logrotate keeps every audit trail, for its owner alone."""

import grp
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from niffler_ops.reporting.audit_trail import FILE

ENTRY = Path(__file__).resolve().parents[2] / "conf" / "logrotate" / "niffler"
PATH = f"{os.environ['PATH']}:/usr/sbin"


def logrotate(place: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run it for StorageFolders in a place of one's own, as whoever runs the tests."""
    program = shutil.which("logrotate", path=PATH)
    if program is None:
        pytest.skip("logrotate is absent: install Debian's package logrotate")
    account = f"{pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name}"
    entry = place / "entry"
    entry.write_text(
        ENTRY.read_text().replace("/var/lib/niffler", str(place)).replace("niffler niffler", account)
    )
    entry.chmod(0o644)
    return subprocess.run(
        [program, *options, f"--state={place / 'state'}", entry],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    path = tmp_path / "study" / ".niffler" / FILE
    path.parent.mkdir(parents=True)
    path.write_text("a message\n")
    path.chmod(0o600)
    return path


def test_it_is_understood_and_finds_the_trails(trail: Path) -> None:
    done = logrotate(trail.parents[2], "--debug")
    assert done.returncode == 0, done
    assert "error" not in done.stderr
    assert f"considering log {trail}" in done.stderr


def test_what_was_told_is_kept_and_a_new_file_begun(trail: Path) -> None:
    done = logrotate(trail.parents[2], "--force")
    assert (done.returncode, done.stderr) == (0, "")
    (kept,) = trail.parent.glob(f"{FILE}-*")
    assert kept.read_text() == "a message\n"
    assert trail.read_text() == ""
    assert {oct(path.stat().st_mode & 0o777) for path in (kept, trail)} == {"0o600"}


def test_it_is_no_fault_that_there_is_none(tmp_path: Path) -> None:
    done = logrotate(tmp_path, "--force")
    assert (done.returncode, done.stderr) == (0, "")
