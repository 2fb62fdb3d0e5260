"""Which workforce a URL means; Dask is asked for only where it is needed."""

import sys
from pathlib import Path

import pytest

from niffler_ops.errors import ConfigurationError, UnavailableError
from niffler_ops.executor import hiring
from niffler_ops.executor.hiring import PACKAGES
from niffler_ops.postprocess.crew import Crew, Site, locally
from niffler_ops.processes.launcher import Launcher
from tests.support.clock import FakeClock
from tests.support.processes import run_python


def site(folder: Path) -> Site:
    launcher = Launcher()
    return Site(
        launch=locally(launcher),
        post=launcher.post,
        clock=FakeClock(),
        folder=folder / "requests",
        shared=folder / "private",
        timeout=60.0,
        died=lambda _child: None,
    )


def test_without_a_url_it_is_this_machine(tmp_path: Path) -> None:
    left = tmp_path / "private" / "executor" / "batch"
    left.mkdir(parents=True)
    with hiring("", workers=3, one_machine=True) as hire:
        crew = hire(site(tmp_path))
    assert isinstance(crew, Crew)
    assert crew.size == 3
    assert not left.exists(), "workers of a run that was killed on other machines see that they may stop"


def test_this_machine_needs_no_dask() -> None:
    ran = run_python(
        """
        import sys
        from niffler_ops.cli import cold, deidentify, extracting, metadata, png
        from niffler_ops.executor import hiring
        with hiring("", workers=1, one_machine=False):
            print([name for name in ("dask", "distributed", "dask_jobqueue") if name in sys.modules])
        """
    )
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize("package", PACKAGES)
def test_without_dask_the_remedy_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    remedy = rf"^Executor dask://local: .* {package}, .* pip install 'niffler-ops\[dask\]'"
    with (
        pytest.raises(ConfigurationError, match=remedy),
        hiring("dask://local", workers=1, one_machine=False),
    ):
        pass


def test_a_wrong_url_is_named_with_what_is_allowed() -> None:
    with (
        pytest.raises(ConfigurationError, match=r"^Executor 'dask:/local': allowed: `dask://HOST:PORT`"),
        hiring("dask:/local", workers=1, one_machine=False),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("niffler_ops.executor.connecting.CONNECT_SECONDS", 0.5)
    with (
        hiring("dask://127.0.0.1:1", workers=1, one_machine=False) as hire,
        pytest.raises(UnavailableError, match=r"^Executor dask://127\.0\.0\.1:1: no Dask scheduler answers"),
    ):
        hire(site(tmp_path))


def test_without_slurm_the_machine_is_the_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        hiring("slurm://main?workers=2", workers=1, one_machine=False) as hire,
        pytest.raises(ConfigurationError, match=r"^Executor slurm://main: there is no sbatch here"),
    ):
        hire(site(tmp_path))
