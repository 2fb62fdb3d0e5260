"""Dask's scheduler: one that runs somewhere, one of this machine, or one with workers on Slurm."""

import logging
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
import sh
from distributed import Client, LocalCluster
from distributed.security import Security

from niffler_ops.config.executor import LOCAL, Executor
from niffler_ops.errors import ConfigurationError, UnavailableError
from niffler_ops.executor.dask_pool import DaskPool
from niffler_ops.files import make_private_folder

CONNECT_SECONDS = 5.0
FIRST_WORKER_SECONDS = 10.0
CLOSE_SECONDS = 5.0
MEMORY = "4GB"  # of a worker on Slurm, where neither the URL nor Dask's configuration says
SLURM_FOLDER = "slurm"
_SIMPLE = re.compile(r"[\w/.,+@%=:-]+")

# Nobody but us has to look at them, and they would name keys and addresses.
_QUIET: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
_NOWHERE = "127.0.0.1:0"


@contextmanager
def connect(executor: Executor, *, workers: int, shared: Path) -> Iterator[DaskPool]:
    """The workers of an executor; without a number in its URL, `workers` of this machine for `dask://local`.

    Raises UnavailableError where nobody is there, ConfigurationError where Slurm is not.
    """
    _quieten()
    with dask.config.set(_QUIET):
        if executor.system == "slurm":
            with _slurm(executor, shared) as cluster, _client(cluster, executor) as client:
                yield DaskPool(client, executor, cluster=cluster)
        elif executor.place == LOCAL:
            number = executor.workers or workers
            with _local(number) as cluster, _client(cluster, executor) as client:
                yield DaskPool(client, executor, cluster=None)
        else:
            with _client(_address(executor), executor) as client:
                _wait_for_one(client, executor)
                yield DaskPool(client, executor, cluster=None)


def _quieten() -> None:
    """What is wrong is told by us, in one sentence; Dask has given each of its loggers a level."""
    for name in ("asyncio", "tornado", "distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in {"asyncio", "tornado", "distributed", "dask_jobqueue"}:
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _address(executor: Executor) -> str:
    """By TLS where Dask's own configuration names the certificates."""
    secured = dask.config.get("distributed.comm.tls.ca-file", None)
    return f"{'tls' if secured else 'tcp'}://{executor.place}"


@contextmanager
def _client(target: Any, executor: Executor) -> Iterator[Client]:
    try:
        client = Client(target, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, RuntimeError, ValueError):
        raise UnavailableError(
            f"Executor {executor.url}: no Dask scheduler answers there. Start one with `dask scheduler`, or"
            " correct the address; where it wants TLS, Dask's configuration has to name the certificates."
        ) from None
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(CLOSE_SECONDS)


def _wait_for_one(client: Client, executor: Executor) -> None:
    try:
        client.wait_for_workers(1, timeout=FIRST_WORKER_SECONDS)
    except TimeoutError:
        raise UnavailableError(
            f"Executor {executor.url}: the scheduler has no workers. Start some, as with `dask worker"
            f" {executor.place}` on each machine, in the environment that niffler-ops is installed in."
        ) from None


@contextmanager
def _local(workers: int) -> Iterator[LocalCluster]:
    """A scheduler and workers of this machine. By TLS, or everybody here could have them run anything."""
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=_NOWHERE,
        worker_dashboard_address=_NOWHERE,
        security=Security.temporary(),
        protocol="tls://",
        memory_limit=None,  # the jobs run in processes of their own
        silence_logs=logging.CRITICAL,
    )
    with _closing(cluster):
        yield cluster


@contextmanager
def _slurm(executor: Executor, shared: Path) -> Iterator[Any]:
    """A scheduler here, with workers that are jobs of Slurm: one core and one study at a time each."""
    if shutil.which("sbatch") is None:
        raise ConfigurationError(
            f"Executor {executor.url}: there is no sbatch here; run the command on a machine that submits to"
            " Slurm"
        )
    from dask_jobqueue.slurm import SLURMCluster  # noqa: PLC0415 - it is not needed for Dask alone

    folder = shared / SLURM_FOLDER
    if not _SIMPLE.fullmatch(str(folder)):
        raise ConfigurationError(
            f"Executor {executor.url}: {folder} has characters that a job script cannot name; choose another"
            " folder"
        )
    make_private_folder(folder)
    cluster = SLURMCluster(
        queue=executor.place,
        cores=1,
        processes=1,
        memory=executor.memory or dask.config.get("jobqueue.slurm.memory") or MEMORY,
        walltime=executor.walltime or None,
        account=executor.account or None,
        python=sys.executable,
        job_name="niffler",
        job_script_prologue=["umask 077", *dask.config.get("jobqueue.slurm.job-script-prologue")],
        log_directory=str(folder),
        shared_temp_directory=str(folder),
        security=Security.temporary(),
        protocol="tls://",
        scheduler_options={"dashboard_address": _NOWHERE}
        | dask.config.get("jobqueue.slurm.scheduler-options"),
        worker_extra_args=["--no-dashboard", *dask.config.get("jobqueue.slurm.worker-extra-args")],
        silence_logs="critical",
    )
    with _closing(cluster):
        _ask_slurm(cluster.job_script(), executor)
        yield cluster


def _ask_slurm(script: str, executor: Executor) -> None:
    """Raise ConfigurationError where Slurm would not take such a job, as without such a partition."""
    try:
        sh.Command("sbatch")("--test-only", _in=script, _tty_out=False)
    except sh.ErrorReturnCode as error:
        said = " ".join(error.stderr.decode("utf-8", "replace").split())
        raise ConfigurationError(f"Executor {executor.url}: Slurm does not take such a job: {said}") from None


@contextmanager
def _closing(cluster: Any) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(Exception):
            cluster.close(CLOSE_SECONDS)
