"""The archives that are retrieved from: the embedded one, and Orthanc where it is installed."""

import http.client
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.running import running, wait_for_port
from benchmarks.setting import Setting, Studies, free_ports
from niffler_ops.model import LocalEntity, Peer

ARCHIVE_AET, OUR_AET = "ARCHIVE", "BENCH"
LOOPBACK = "127.0.0.1"


def orthanc_program() -> str | None:
    """Debian puts it where ordinary users' PATH does not lead."""
    return shutil.which("Orthanc", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))


@contextmanager
def embedded(
    setting: Setting,
    studies: Studies,
    *,
    program: Sequence[str] = ("-m", "niffler_ops.cli.archive"),
    options: Sequence[str] = (),
) -> Iterator[tuple[Peer, LocalEntity]]:
    """niffler-archive over these studies, or one like it: who it is, and whom it sends to."""
    archive_port, our_port = free_ports(2)
    archive = Peer(aet=ARCHIVE_AET, host=LOOPBACK, port=archive_port)
    command = [
        *(sys.executable, *program, str(studies.folder)),
        *("--bind", str(archive), "--destination", f"{OUR_AET}@{LOOPBACK}:{our_port}"),
        *options,
    ]
    with running(command, setting.new_folder("archive") / "log") as process:
        wait_for_port(archive_port, process)
        yield archive, LocalEntity(aet=OUR_AET, port=our_port)


@contextmanager
def orthanc(setting: Setting, studies: Studies) -> Iterator[tuple[Peer, LocalEntity]]:
    """Orthanc with these studies loaded: who it is, and whom it sends to."""
    program = orthanc_program()
    assert program is not None
    folder = setting.new_folder("orthanc")
    archive_port, our_port, http_port = free_ports(3)
    configuration = folder / "orthanc.json"
    configuration.write_text(
        json.dumps(_configuration(folder, archive_port, our_port, http_port)), encoding="utf-8"
    )
    with running([program, str(configuration)], folder / "log") as process:
        wait_for_port(http_port, process)
        wait_for_port(archive_port, process)
        _load(http_port, studies.paths)
        archive = Peer(aet=ARCHIVE_AET, host=LOOPBACK, port=archive_port)
        yield archive, LocalEntity(aet=OUR_AET, port=our_port)


def _configuration(folder: Path, archive_port: int, our_port: int, http_port: int) -> dict[str, object]:
    allowed = {f"DicomAlwaysAllow{service}": True for service in ("Echo", "Store", "Find", "Get", "Move")}
    return {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "Plugins": [],
        "DicomAet": ARCHIVE_AET,
        "DicomPort": archive_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "DicomModalities": {"bench": [OUR_AET, LOOPBACK, our_port]},
        "SynchronousCMove": True,
        "ConcurrentJobs": 4,
        **allowed,
    }


def _load(port: int, paths: list[Path]) -> None:
    """Over HTTP, which is faster than C-STORE and not what is measured."""
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=30)) as connection:
        for path in paths:
            connection.request("POST", "/instances", path.read_bytes())
            response = connection.getresponse()
            response.read()
            if response.status != http.HTTPStatus.OK:
                raise RuntimeError(f"Orthanc refused an instance: {response.status}")
