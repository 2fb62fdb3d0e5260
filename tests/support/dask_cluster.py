"""A real Dask scheduler with worker processes, and a real Slurm of one machine, on loopback."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.processes import ROOT, wait_until

SLURM = ("munged", "slurmctld", "slurmd", "sbatch")
NO_SLURM = "Slurm is not installed: apt-get install slurmctld slurmd slurm-client munge"
BEGINS = 30.0


def has_slurm() -> bool:
    """Whether all of it is here; Debian has some of it in /usr/sbin."""
    return all(_program(name) is not None for name in SLURM)


@dataclass(kw_only=True)
class Dask:
    """A scheduler and its workers; `logs` is all that they write."""

    folder: Path
    port: int
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As --executor takes it."""
        return f"dask://127.0.0.1:{self.port}"

    def logs(self) -> str:
        """What scheduler and workers have written so far."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def at_work(self) -> subprocess.Popen[bytes] | None:
        """A worker that does a batch just now."""
        for worker in self.workers:
            if worker.poll() is None and working(worker.pid):
                return worker
        return None


def working(pid: int) -> list[psutil.Process]:
    """The processes below this one that do jobs."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            if "niffler_ops.postprocess.worker" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[Dask]:
    """A scheduler with so many workers of one thread each."""
    port = _free_port()
    dask = [sys.executable, "-m", "dask"]
    with ExitStack() as stack:
        address = ["--host", "127.0.0.1", "--port", str(port), "--dashboard-address", "127.0.0.1:0"]
        scheduler = stack.enter_context(_running([*dask, "scheduler", *address], folder / "scheduler.log"))
        made = Dask(folder=folder, port=port, scheduler=scheduler)
        wait_until(lambda: _listens(port), "the scheduler", seconds=BEGINS)
        told = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
        for number in range(workers):
            command = [*dask, "worker", f"tcp://127.0.0.1:{port}", *told]
            made.workers.append(stack.enter_context(_running(command, folder / f"worker-{number}.log")))
        joined = "Starting established connection"
        wait_until(lambda: made.logs().count(joined) >= 2 * workers, "the workers", seconds=BEGINS)
        yield made


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Slurm with the partition `main` on this machine; gives the environment that finds it."""
    host, key = socket.gethostname().partition(".")[0], folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    configuration = folder / "slurm.conf"
    user = psutil.Process().username()
    configuration.write_text(f"""
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmctldPort={_free_port()}
SlurmdPort={_free_port()}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=100000
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
""")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    environment = {"SLURM_CONF": str(configuration)}
    munge = ["--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.sock"]
    munge += [f"--{kind}-file={folder}/munged.{kind}" for kind in ("pid", "log", "seed")]
    with ExitStack() as stack:
        for name, options in (
            ("munged", munge),
            ("slurmctld", ["-D", "-f", str(configuration)]),
            ("slurmd", ["-D", "-f", str(configuration)]),
        ):
            command = [str(_program(name)), *options]
            stack.enter_context(_running(command, folder / f"{name}.log", **environment))
            if name == "munged":
                wait_until((folder / "munge.sock").exists, "munged", seconds=BEGINS)
        asked = ["sinfo", "--noheader", "--format=%t"]
        wait_until(lambda: "idle" in _output(asked, environment), "an idle node", seconds=BEGINS)
        yield environment


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _output(command: Sequence[str], environment: dict[str, str]) -> str:
    ran = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, timeout=20, check=False
    )
    return ran.stdout


@contextmanager
def _running(command: Sequence[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            start_new_session=True,
        )
    children: list[psutil.Process] = []
    try:
        yield process
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(10)
        for child in children:
            try:
                child.kill()
            except psutil.Error:
                continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
