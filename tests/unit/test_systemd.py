"""The units of conf/systemd do what the commands need; systemd and docs/deployment.md agree with them."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conf" / "systemd"
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
TELLING = FOLDER / "niffler-failed@.service"
SERVICES = sorted({*FOLDER.glob("*.service")} - {TELLING})
UNITS = sorted([*SERVICES, TELLING, *FOLDER.glob("*.timer")])
MOST_EXPOSED = 2.0  # of systemd-analyze's 10; both services get less
ABSENT = "{} is absent: install Debian's package systemd"


def tool(name: str) -> str:
    """A tool of systemd, or the test is skipped with its name."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(ABSENT.format(name))
    return found


def settings(path: Path) -> set[str]:
    return {line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")}


def installed(folder: Path) -> list[Path]:
    """Copies under the names of instances, with a program that is there on any machine."""
    copies = []
    for unit in UNITS:
        copy = folder / unit.name.replace("@.", "@study.")
        copy.write_text(re.sub(r"/opt/niffler_ops/bin/niffler-\w+", "/bin/true", unit.read_text()))
        copies.append(copy)
    return copies


def test_the_receiver_notifies_is_watched_and_ends_its_children_itself() -> None:
    found = settings(FOLDER / "niffler-meta.service")
    assert {"Type=notify", "NotifyAccess=main", "KillMode=mixed", "Restart=always"} <= found
    assert {"RestartPreventExitStatus=64 78", "UMask=0077", "NoNewPrivileges=yes"} <= found
    assert any(line.startswith("WatchdogSec=") for line in found)


def test_an_extraction_that_ended_with_open_rows_or_was_stopped_is_no_failed_unit() -> None:
    assert {"SuccessExitStatus=3 75", "KillMode=mixed"} <= settings(FOLDER / "niffler-cold@.service")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_runs_a_command_that_there_is(unit: Path) -> None:
    (line,) = (line for line in settings(unit) if line.startswith("ExecStart="))
    program = line.removeprefix("ExecStart=").split()[0]
    assert (ROOT / Path(program).relative_to("/opt/niffler_ops")).is_file()


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_sees_other_processes_and_may_run_java(unit: Path) -> None:
    """Whose a storescp is can be told only by who sees it; Java makes code while it runs."""
    keys = {line.partition("=")[0] for line in settings(unit)}
    assert keys.isdisjoint({"ProtectProc", "ProcSubset", "PrivateUsers", "MemoryDenyWriteExecute"})


def test_the_services_are_hardened_alike() -> None:
    """What may differ stands before the first of these lines."""
    hardening = [unit.read_text().partition("NoNewPrivileges=yes\n")[2] for unit in SERVICES]
    assert hardening[0] == hardening[1] != ""


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    units = installed(tmp_path)
    assert len(units) == 4
    found = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_little_of_the_machine_is_exposed_and_the_page_says_how_little(unit: Path, tmp_path: Path) -> None:
    name = next(copy for copy in installed(tmp_path) if copy.name.replace("@study.", "@.") == unit.name)
    found = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", found.stdout)
    assert score, found.stderr
    assert float(score[1]) <= MOST_EXPOSED
    assert f"exposure level of {MOST_EXPOSED}" in PAGE


def test_the_unit_for_an_account_without_root_is_sound(tmp_path: Path) -> None:
    (unit,) = re.findall(r"^```ini\n(\[Service\]\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "niffler-cold@study.service").write_text(re.sub("=%h/.*/niffler-cold", "=/bin/true", unit))
    found = subprocess.run(
        [tool("systemd-analyze"), "verify", "--user", "--man=no", tmp_path / "niffler-cold@study.service"],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_what_failed_is_mailed_with_its_last_lines(tmp_path: Path) -> None:
    (line,) = (line for line in settings(TELLING) if line.startswith("ExecStart="))
    for name, script in (("journalctl", 'echo "lines of $1"'), ("mail", 'printf "%s|" "$@"; cat')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    unit = "niffler-cold@new-study.service"
    told = subprocess.run(
        shlex.split(line.removeprefix("ExecStart=").replace("$$", "$").replace("%i", unit)),
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "MAILTO": "somebody"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout == f"-s|{unit} failed|somebody|lines of --unit={unit}\n"
    assert f"OnFailure={TELLING.name.replace('@', '@%n')}" in PAGE


def test_what_the_page_installs_is_there_and_goes_where_systemd_and_logrotate_look(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[:2]
    lines = [line for line in "".join(blocks).splitlines() if re.match("cd|mkdir|install", line)]
    script = re.sub(" /etc/", f" {tmp_path}/etc/", "\n".join(lines))
    script = script.replace("/opt/niffler_ops", str(ROOT)).replace("-g niffler", f"-g {os.getgid()}")
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/niffler").mkdir()
    script = script.replace(" list.csv", f" {ROOT}/conf/example.csv")
    subprocess.run(["sh", "-euc", script], check=True, timeout=60)
    there = {path.relative_to(tmp_path / "etc") for path in (tmp_path / "etc").rglob("*") if path.is_file()}
    assert {str(path) for path in there} == {
        *(f"systemd/system/{unit.name}" for unit in UNITS),
        *("sysusers.d/niffler.conf", "tmpfiles.d/niffler.conf", "logrotate.d/niffler"),
        *("niffler/system.json", "niffler/new-study/config.json", "niffler/new-study/list.csv"),
    }


def test_the_account_is_made_and_nobody_can_log_in_with_it(tmp_path: Path) -> None:
    program = tool("systemd-sysusers")
    (tmp_path / "etc").mkdir()
    subprocess.run(
        [program, f"--root={tmp_path}", FOLDER / "niffler.sysusers"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (account,) = (
        line.split(":")
        for line in (tmp_path / "etc/passwd").read_text().splitlines()
        if line.startswith("niffler:")
    )
    assert account[5:] == ["/var/lib/niffler", "/usr/sbin/nologin"]
    assert account[2] != "0"


def test_the_folders_are_those_that_the_services_use(tmp_path: Path) -> None:
    program = tool("systemd-tmpfiles")
    if os.geteuid():
        pytest.skip("only root may give folders to another account")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nniffler:x:991:991::/:/bin/false\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nniffler:x:991:\n")
    subprocess.run(
        [program, "--create", f"--root={tmp_path}", FOLDER / "niffler.tmpfiles"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    made = {
        name: (oct((tmp_path / name).stat().st_mode & 0o777), (tmp_path / name).stat().st_uid)
        for name in ("etc/niffler", "var/lib/niffler", "var/lib/niffler/extractions", "run/niffler")
    }
    assert made == {
        "etc/niffler": ("0o750", 0),
        "var/lib/niffler": ("0o700", 991),
        "var/lib/niffler/extractions": ("0o700", 991),
        "run/niffler": ("0o755", 991),
    }


def test_the_timer_starts_its_own_extraction_where_nights_are_kept_by_the_extraction_itself() -> None:
    timer = configparser.ConfigParser(strict=False)
    timer.read(FOLDER / "niffler-cold@.timer")
    assert "Unit" not in timer["Timer"]  # then systemd takes niffler-cold@NAME.service
    assert timer["Timer"]["OnCalendar"].endswith(" 21:00")  # StartHour's default
