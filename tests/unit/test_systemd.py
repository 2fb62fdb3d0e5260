"""The systemd unit says what the receiver does."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[3] / "conf" / "systemd" / "niffler-meta.service"
ANALYZE = shutil.which("systemd-analyze")


def settings() -> set[str]:
    return {line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")}


def test_it_notifies_is_watched_and_ends_its_children_itself() -> None:
    assert {"Type=notify", "NotifyAccess=main", "KillMode=mixed", "Restart=always"} <= settings()
    assert {"RestartPreventExitStatus=64 78", "UMask=0077", "NoNewPrivileges=yes"} <= settings()
    assert any(line.startswith("WatchdogSec=") for line in settings())
    assert any(line.startswith("ExecStart=") and "niffler-meta --config " in line for line in settings())


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is absent: install Debian's package systemd")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/niffler_ops/bin/niffler-meta", "/bin/true"))
    found = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
