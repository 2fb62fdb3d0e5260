"""What the image is made of installs from verified files alone; where containers run, the image is built."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "conf" / "container"
OFFLINE = ("Failed to fetch", "dns error", "error sending request")
IMAGE = "niffler_ops_under_test"


def install(source: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    """What the build stage does, with the uv of the environment that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        ["sh", source / "conf/container/install.sh", source, target],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env=environment | {"UV": str(Path(sys.executable).with_name("uv"))},
    )
    if any(text in done.stderr for text in OFFLINE):
        pytest.skip("the package index cannot be reached")
    return done


def copied_as_the_build_sees_it(folder: Path) -> Path:
    """The files that .dockerignore lets through."""
    first, *let_through = (ROOT / ".dockerignore").read_text().splitlines()
    assert first == "*"
    for line in let_through:
        source = ROOT / line.removeprefix("!")
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


@pytest.fixture
def engine() -> Iterator[str]:
    """podman or docker, whichever runs; the image that is made is removed."""
    for name in ("podman", "docker"):
        found = shutil.which(name)
        if found and subprocess.run([found, "info"], check=False, capture_output=True).returncode == 0:
            yield found
            subprocess.run([found, "rmi", "--force", IMAGE], check=False, capture_output=True, timeout=60)
            return
    pytest.skip("neither podman nor docker runs here: install Debian's package podman")


def test_what_the_image_is_made_of_installs_with_digests_and_runs(tmp_path: Path) -> None:
    source = copied_as_the_build_sees_it(tmp_path)
    target = tmp_path / "opt" / ".venv"
    done = install(source, target)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(
        [target / "bin/niffler-cold", "--help"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert told.stdout.startswith("usage: niffler-cold")
    packages = {path.name.partition("-")[0] for path in target.glob("lib/python*/site-packages/*.dist-info")}
    assert "niffler_ops" in packages
    assert packages.isdisjoint({"pytest", "mypy", "ruff", "uv"})


def test_a_file_with_another_digest_is_not_installed(tmp_path: Path) -> None:
    source = copied_as_the_build_sees_it(tmp_path)
    lock = source / "requirements.lock"
    lock.write_text(re.sub(r"(?<=sha256:)[0-9a-f]{64}", "0" * 64, lock.read_text()))
    done = install(source, tmp_path / "opt")
    assert done.returncode != 0
    assert "Hash mismatch" in done.stderr
    assert not list(tmp_path.glob("opt/lib/python*/site-packages/pydicom"))


def test_the_image_is_built_and_runs_as_nobody_in_particular(engine: str) -> None:
    base = re.search(r"^ARG PYTHON=(\S+)", (CONTAINER / "Containerfile").read_text(), re.MULTILINE)
    assert base is not None
    pulled = subprocess.run([engine, "pull", base[1]], check=False, capture_output=True, timeout=200)
    if pulled.returncode:
        pytest.skip(f"{engine} cannot pull {base[1]}: let it reach the registry")
    build = [engine, "build", "-f", str(CONTAINER / "Containerfile"), "-t", IMAGE, str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=280)
    for command in (["niffler-cold", "--help"], ["sh", "-c", "test $(id -u) -ne 0 && test -w ."]):
        subprocess.run(
            [engine, "run", "--rm", "--network=none", IMAGE, *command],
            check=True,
            capture_output=True,
            timeout=60,
        )


def test_the_image_does_not_run_as_root_and_keeps_data_in_a_volume() -> None:
    lines = (CONTAINER / "Containerfile").read_text().splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert {"USER niffler", "VOLUME /var/lib/niffler", "STOPSIGNAL SIGTERM"} <= set(last_stage)
