"""A server of MongoDB's protocol: MONGO_URL's, mongod, or FerretDB built from tests/mongodb."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.support.embedded import free_port
from tests.support.processes import PATIENCE, wait_until

SOURCE = Path(__file__).resolve().parents[1] / "mongodb"
GIVEN_URL = os.environ.get("MONGO_URL", "").rstrip("/")
MONGOD, GO = shutil.which("mongod"), shutil.which("go")
NO_MONGODB = (
    "no server of MongoDB's protocol: install mongod (mongodb.com/docs/manual/installation) or Go 1.24 or"
    " later (go.dev/dl), of which FerretDB is built, or name a server with MONGO_URL=mongodb://HOST:PORT"
)
BUILD_SECONDS = 1200

needs_mongodb = [
    pytest.mark.mongodb,
    pytest.mark.skipif(not (GIVEN_URL or MONGOD or GO), reason=NO_MONGODB),
    pytest.mark.timeout(BUILD_SECONDS + 300),  # whoever comes first builds the server
]


@dataclass(kw_only=True, eq=False)
class Server:
    """A server of the test's own, which it may kill and start again with the same data."""

    command: list[str]
    url: str
    log: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Run it, until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: answers(self.url), f"an answer of {self.url}; see {self.log}")

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = None


def answers(url: str) -> bool:
    """Whether a server is there."""
    with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=300, timeoutMS=2000) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        return True


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A running server of our own, with its data in a folder."""
    port = free_port()
    data = folder / "mongodb"
    data.mkdir()
    if MONGOD is not None:
        command = [MONGOD, "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1"]
    else:
        command = [str(_ferretdb()), f"127.0.0.1:{port}", str(data)]
    made = Server(command=command, url=f"mongodb://127.0.0.1:{port}", log=folder / "mongodb.log")
    try:
        made.start()
        yield made
    finally:
        made.kill()


@contextmanager
def database_url(folder: Path) -> Iterator[str]:
    """The URL of an empty database on MONGO_URL's server, where it is dropped at the end, or our own."""
    name = f"niffler_test_{uuid.uuid4().hex[:12]}"
    if not GIVEN_URL:
        with server(folder) as own:
            yield f"{own.url}/{name}"
        return
    yield f"{GIVEN_URL}/{name}"
    with MongoClient[dict[str, object]](GIVEN_URL, timeoutMS=10_000) as client:
        client.drop_database(name)


def _ferretdb() -> Path:
    """The program, built once for each state of its source, by whichever test run comes first."""
    sources = [SOURCE / name for name in ("go.mod", "go.sum", "main.go")]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "niffler-ops"
    cache.mkdir(parents=True, exist_ok=True)
    program = cache / f"ferretdb-{digest}"
    with (cache / "ferretdb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(program)
    return program


def _build(program: Path) -> None:
    print("Building FerretDB, once; this takes some minutes", file=sys.stderr, flush=True)
    partial = program.with_suffix(".part")
    built = subprocess.run(
        ["nice", "-n", "10", str(GO), "build", "-o", str(partial), "."],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if built.returncode:
        lines = built.stderr.strip().splitlines() or ["no message"]
        pytest.skip(f"FerretDB could not be built, which needs the network once: {lines[-1]}")
    partial.rename(program)
