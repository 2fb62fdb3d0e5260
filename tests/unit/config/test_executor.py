"""What may stand in Executor, and what it means."""

import pytest

from niffler_ops.config.executor import Executor, ExecutorUrl, parse_executor


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("dask://local", Executor(system="dask", place="local")),
        ("dask://local?workers=4", Executor(system="dask", place="local", workers=4)),
        ("dask://host.example.org:8786", Executor(system="dask", place="host.example.org:8786")),
        ("dask://[::1]:8786/?workers=2", Executor(system="dask", place="[::1]:8786", workers=2)),
        ("slurm://long", Executor(system="slurm", place="long", workers=1)),
        (
            "slurm://long?workers=8&memory=4GB&walltime=1-12:00:00&account=radiology",
            Executor(
                system="slurm",
                place="long",
                workers=8,
                memory="4GB",
                walltime="1-12:00:00",
                account="radiology",
            ),
        ),
    ],
)
def test_a_url_names_a_system_and_a_place_in_it(url: str, meant: Executor) -> None:
    assert parse_executor(url) == meant


@pytest.mark.parametrize(
    "url",
    [
        "",
        "local",
        "tcp://host:8786",
        "dask://",
        "dask://host",
        "dask://host:port",
        "dask://host:8786/path",
        "dask://user@host:8786",
        "dask://host:8786?memory=4GB",
        "dask://local?workers=0",
        "dask://local?workers=99999",
        "slurm://",
        "slurm://a%20b",
        "slurm://long?workers=8&account=a;b",
        "slurm://long?memory=4",
        "slurm://long?nodes=4",
        "slurm://long?walltime=tomorrow",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="dask://HOST:PORT"):
        parse_executor(url)


def test_a_key_that_is_empty_means_this_machine_and_one_of_another_type_is_refused() -> None:
    assert ExecutorUrl().read(" ") == ""
    assert ExecutorUrl().read(" dask://local ") == "dask://local"
    with pytest.raises(ValueError, match="dask://HOST:PORT"):
        ExecutorUrl().read(8786)
