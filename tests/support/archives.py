"""Archives as processes on loopback: the embedded one, with faults where a test wants them, and Orthanc."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.processes import ROOT, python, wait_until

AET = "ARCHIVE"
FAULTY_ARCHIVE = Path(__file__).with_name("faulty_archive.py")
PIXELLESS = """
    import runpy, sys
    from niffler_ops.pixelless import forgo_pixels
    forgo_pixels()
    runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""
ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
NO_ORTHANC = "Orthanc is missing: apt-get install orthanc"
FIRST_PORT, PORTS = 20_000, 12_000  # below the ports that the kernel gives to outgoing connections


class Ports:
    """Free TCP ports that no other test on this machine has, also not in another copy of the tests."""

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []
        self._next = FIRST_PORT + int.from_bytes(os.urandom(2)) % PORTS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.release()

    def take(self) -> int:
        while True:
            self._next = FIRST_PORT + (self._next + 1 - FIRST_PORT) % PORTS
            if self._claim(self._next):
                return self._next

    def release(self) -> None:
        for claim in self._claims:
            claim.close()

    def _claim(self, port: int) -> bool:
        """An abstract socket's name is as machine-wide as the port, and goes with its process."""
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0niffler-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", port))
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


@dataclass(kw_only=True)
class ArchiveProcess:
    """An archive that can be killed and started again at the same port."""

    command: list[str]
    environment: Mapping[str, str]
    output: Path
    port: int
    log: Path | None = None  # one JSON line for each C-FIND, C-MOVE and C-STORE
    said_when_ready: str | None = None
    process: "subprocess.Popen[bytes] | None" = None
    _starts: int = 0

    @property
    def address(self) -> str:
        return f"{AET}@127.0.0.1:{self.port}"

    def start(self) -> None:
        told = self.said_when_ready
        self._starts = self.output.read_text().count(told) if told and self.output.exists() else 0
        with self.output.open("ab") as stream:
            self.process = subprocess.Popen(
                self.command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.output.parent,
            )
        process = self.process
        wait_until(lambda: process.poll() is not None or self._is_ready(), "the archive")
        assert process.poll() is None, self.output.read_text()

    def _is_ready(self) -> bool:
        """Ours says so when it has read its folder; Orthanc listens then."""
        told = self.said_when_ready
        if told is None:
            return listens(self.port)
        return self.output.read_text().count(told) > self._starts

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def restart_mended(self) -> None:
        """Without its faults."""
        if self.log is not None:
            head = self.command[: self.command.index("--fault")]
            self.command = [*head, "--fault", f"log={self.log}"]
        self.restart()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the archive noted of one kind: find, move or store."""
        if self.log is None or not self.log.exists():
            return []
        lines = self.log.read_text().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if event["event"] == kind]

    def delivered(self) -> Counter[str]:
        """How often each SOP instance was sent and accepted."""
        return Counter(event["sop_instance"] for event in self.events("store") if event["status"] == 0)


def embedded_archive(
    folder: Path,
    *,
    destinations: Mapping[str, int],
    port: int,
    work: Path,
    environment: Mapping[str, str],
    faults: Iterable[str] = (),
    noted: bool = True,
) -> ArchiveProcess:
    """bin/niffler-archive where nothing is to be noted, else the faulty one, perhaps without a fault."""
    log = work / f"archive-{port}.jsonl"
    program = python(PIXELLESS, FAULTY_ARCHIVE) if noted else [str(ROOT / "bin" / "niffler-archive")]
    command = [*program, str(folder), "--bind", f"{AET}@127.0.0.1:{port}"]
    for aet, destination in destinations.items():
        command += ["--destination", f"{aet}@127.0.0.1:{destination}"]
    for fault in (f"log={log}", *faults) if noted else ():
        command += ["--fault", fault]
    return ArchiveProcess(
        command=command,
        environment=environment,
        output=work / f"archive-{port}.log",
        port=port,
        log=log if noted else None,
        said_when_ready=f" as {AET}@",
    )


def orthanc(
    *, destinations: Mapping[str, int], port: int, http_port: int, work: Path, environment: Mapping[str, str]
) -> ArchiveProcess:
    """Debian's Orthanc, empty."""
    assert ORTHANC is not None, NO_ORTHANC
    storage = work / f"orthanc-{port}"
    configuration = work / f"orthanc-{port}.json"
    settings = {
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "Plugins": [],
        "DicomAet": AET,
        "DicomPort": port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "UnknownSopClassAccepted": True,
        "DicomModalities": {
            aet: {"AET": aet, "Host": "127.0.0.1", "Port": destination}
            for aet, destination in destinations.items()
        },
        "SynchronousCMove": True,
        "StorageCompression": False,
        "SyncStorageArea": False,
        "OverwriteInstances": True,
        "ConcurrentJobs": 4,
    }
    for service in ("Echo", "Store", "Find", "Get", "Move"):
        settings[f"DicomAlwaysAllow{service}"] = True
    configuration.write_text(json.dumps(settings))
    return ArchiveProcess(
        command=[ORTHANC, str(configuration)],
        environment=environment,
        output=work / f"orthanc-{port}.log",
        port=port,
    )


def upload(http_port: int, files: Iterable[Path]) -> None:
    """Put files into Orthanc by its REST interface, several times as fast as by C-STORE."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", http_port, timeout=60)) as connection:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for file in files:
            connection.request("POST", "/instances", file.read_bytes())
            response = connection.getresponse()
            text = response.read()
            assert response.status == http.HTTPStatus.OK, f"{file}: {text!r}"


def listens(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def squatting(port: int) -> Iterator[None]:
    """Somebody else on a port."""
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("0.0.0.0", port))
        squatter.listen()
        yield
