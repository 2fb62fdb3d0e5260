"""One extraction at a time, as an operator runs it: bin/, separate processes, associations on loopback.

A rig has a folder, ports and locks of its own, knows every process that it caused by a variable in their
environment, and ends them all. What holds for every run, whatever was tested, is asserted at its end.
"""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from niffler_ops.demo.corpus import Corpus, CorpusStudy
from niffler_ops.embedded.dataset import read_file_head
from tests.support.archives import AET, ArchiveProcess, Ports, embedded_archive, listens, orthanc, upload
from tests.support.processes import ROOT, wait_until

OUR_AET, OTHER_AET = "NIFFLER", "SECOND"
MARK = "NIFFLER_TEST_RIG"
BIN = ROOT / "bin"
END_SECONDS = 120.0
SHORTEST_IDENTIFIER = 6  # shorter ones may stand anywhere by chance
QUICK: Mapping[str, object] = {
    "IdleTimeout": 2.5,
    "FirstInstanceTimeout": 15,
    "QuietTime": 0.5,
    "QueryTimeout": 15,
    "RetryDelay": 0.2,
    "MaxAttempts": 2,
}
SYSTEM_KEYS = {
    *("DCM4CHEBin", "SrcAet", "QueryAet", "DestAet", "NightlyOnly", "StartHour", "EndHour"),
    "MaxNifflerProcesses",
}
UNBORN = re.compile(
    r"Traceback \(most recent call last\):\n(?:  .*\n)*?.*in spawn_main\n(?:  .*\n)*"
    r"EOFError: Ran out of input\n"
)
"""What Python says of a reader that was beginning when the supervisor was killed: nothing of ours ran yet."""
Table = dict[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return f"exit status {self.status} after {self.seconds:.1f} s\n{self.out}\n{self.err}"


class Running:
    """A command that runs beside the test, its output in files."""

    def __init__(
        self, command: Sequence[str], folder: Path, name: str, environment: Mapping[str, str]
    ) -> None:
        self._files = (folder / f"{name}.out", folder / f"{name}.err")
        self._began = time.monotonic()
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, env=dict(environment)
            )
        self.pid = self.process.pid

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def output(self) -> str:
        return "".join(file.read_text() for file in self._files)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and nothing else."""
        self.process.kill()
        self.process.wait()

    def end(self, seconds: float = END_SECONDS) -> Ended:
        """Wait for the end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # with faulthandler: it says where each thread is
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            raise AssertionError(f"it did not end within {seconds:g} s:\n{self.output()}") from None
        return Ended(
            status=self.process.returncode,
            out=self._files[0].read_text(),
            err=self._files[1].read_text(),
            seconds=time.monotonic() - self._began,
        )


class Rig:
    """A folder with config.json and system.json, an archive, and the commands."""

    def __init__(self, folder: Path, toolkit: str) -> None:
        self.folder = folder
        self.toolkit = toolkit
        self.storage = folder / "extraction"
        self.ports = Ports()
        self.port = self.ports.take()
        self.other_port = self.ports.take()  # of a second extraction, which the archive knows as well
        self.archive_port = self.ports.take()
        self.next_archive_port = self.ports.take()  # of a second archive
        self.identifiers: set[str] = set()
        self.runtime = folder / "locks"
        self.environment = os.environ | {
            "NIFFLER_RUNTIME": str(self.runtime),
            "NIFFLER_REGISTRY": str(folder / "registry"),
            "TCP_NODELAY": "1",
            "PYTHONFAULTHANDLER": "1",
            MARK: str(folder),
        }
        self._archives: list[ArchiveProcess] = []
        self._commands: list[Running] = []
        self._storages = {self.storage}
        self.configure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        try:
            if failure[0] is None:
                self.check_conduct()
        finally:
            for archive in self._archives:
                archive.kill()
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for command in self._commands:
                command.process.wait()
            self.ports.release()

    # What it works with

    def configure(self, **keys: object) -> None:
        """Write both files; a key that is None is left out."""
        given: dict[str, object] = {
            "DCM4CHEBin": self.toolkit,
            "SrcAet": f"ARCHIVE@127.0.0.1:{self.archive_port}",
            "QueryAet": f"{OUR_AET}:{self.port}",
            "StorageFolder": self.storage.name,
            "CsvFile": "list.csv",
            "ExtractionType": "empi_accession",
            "PatientIndex": 0,
            "AccessionIndex": 1,
            **QUICK,
            **keys,
        }
        written = {name: value for name, value in given.items() if value is not None}
        for file, mine in (("system.json", True), ("config.json", False)):
            content = {name: value for name, value in written.items() if (name in SYSTEM_KEYS) is mine}
            (self.folder / file).write_text(json.dumps(content, indent=1))
        self.storage = self.folder / str(given["StorageFolder"])
        self._storages.add(self.storage)

    def write_csv(
        self, lines: Iterable[Sequence[str]], header: Sequence[str] = ("EMPI", "Accession")
    ) -> None:
        """The list that is asked for; what stands in it is secret from then on."""
        with (self.folder / "list.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header)
            for line in lines:
                writer.writerow(line)
                self.keep_secret(*line)

    def ask_for(self, studies: Iterable[CorpusStudy]) -> None:
        """A list of patient ids and accession numbers."""
        self.write_csv((study.patient_id, study.accession_number) for study in studies)

    def keep_secret(self, *identifiers: str) -> None:
        self.identifiers |= {text for text in identifiers if len(text) >= SHORTEST_IDENTIFIER}

    @property
    def both_archives(self) -> list[str]:
        """SrcAet with the second archive after the first."""
        return [f"{AET}@127.0.0.1:{port}" for port in (self.archive_port, self.next_archive_port)]

    def serve(
        self,
        folder: Path,
        *faults: str,
        noted: bool = True,
        second: bool = False,
        destinations: Iterable[str] = (OUR_AET, OTHER_AET),
    ) -> ArchiveProcess:
        """The embedded archive over a folder, the first or the second; `destinations` are whom it knows."""
        ports = {OUR_AET: self.port, OTHER_AET: self.other_port}
        archive = embedded_archive(
            folder,
            destinations={aet: ports[aet] for aet in destinations},
            port=self.next_archive_port if second else self.archive_port,
            work=self.folder,
            environment=self.environment,
            faults=faults,
            noted=noted,
        )
        return self._start(archive)

    def serve_orthanc(self, files: Iterable[Path], *, second: bool = False) -> ArchiveProcess:
        """Orthanc with these files, the first or the second archive."""
        http_port = self.ports.take()
        archive = orthanc(
            destinations={OUR_AET: self.port, OTHER_AET: self.other_port},
            port=self.next_archive_port if second else self.archive_port,
            http_port=http_port,
            work=self.folder,
            environment=self.environment,
        )
        self._start(archive)
        wait_until(lambda: listens(http_port), "Orthanc's REST interface")
        upload(http_port, files)
        return archive

    def serve_kind(self, kind: str, corpus: Corpus) -> ArchiveProcess:
        """The embedded archive or Orthanc, with a corpus."""
        if kind == "orthanc":
            return self.serve_orthanc(
                instance.path for study in corpus.studies for instance in study.instances
            )
        return self.serve(corpus_folder(corpus))

    def serve_files(self, kind: str, folder: Path, *, second: bool = False) -> ArchiveProcess:
        """The embedded archive or Orthanc, with the files of a folder."""
        if kind == "orthanc":
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            return self.serve_orthanc(files, second=second)
        return self.serve(folder, second=second)

    def _start(self, archive: ArchiveProcess) -> ArchiveProcess:
        self._archives.append(archive)
        archive.start()
        return archive

    # The commands

    def start(
        self,
        *options: object,
        command: str = "niffler-cold",
        config: bool = True,
        before: Sequence[str] = (),
    ) -> Running:
        """A command of bin/ that goes on beside the test; with `config` as --config, `before` it another."""
        configuration = ("--config", self.folder / "config.json") if config else ()
        argv = [*before, str(BIN / command), *map(str, (*configuration, *options))]
        running = Running(argv, self.folder, f"{command}-{len(self._commands) + 1}", self.environment)
        self._commands.append(running)
        return running

    def cold(self, *options: object, config: bool = True, seconds: float = END_SECONDS) -> Ended:
        """niffler-cold to its end."""
        return self.start(*options, config=config).end(seconds)

    def status(self, storage: Path | None = None) -> dict[str, Any]:
        """What niffler-status --json says."""
        ended = self.start(storage or self.storage, "--json", command="niffler-status", config=False).end()
        assert ended.status == 0, ended
        status: dict[str, Any] = json.loads(ended.out)
        return status

    def forget_storages(self) -> None:
        """Do not check at the end who may read what: the test opened it on purpose."""
        self._storages.clear()

    def status_text(self) -> str:
        ended = self.start(self.storage, command="niffler-status", config=False).end()
        assert ended.status == 0, ended
        return ended.out

    # What it left

    @property
    def private(self) -> Path:
        return self.storage / ".niffler"

    def log(self) -> str:
        return (self.private / "niffler.log").read_text()

    def report(self, storage: Path | None = None) -> list[dict[str, str]]:
        """The lines of report.csv."""
        path = (storage or self.storage) / ".niffler" / "report.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def states(self) -> list[str]:
        """The state of each line of the CSV."""
        return [line["state"] for line in self.report()]

    def ledger(self, query: str, *parameters: object, storage: Path | None = None) -> list[tuple[Any, ...]]:
        """What the ledger answers, also while it is written."""
        file = (storage or self.storage) / ".niffler" / "ledger.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return connection.execute(query, parameters).fetchall()

    def received(self, storage: Path | None = None) -> int:
        """How many instances the ledger has, 0 while there is none."""
        try:
            rows = self.ledger("SELECT number FROM tallies WHERE name = 'received'", storage=storage)
        except sqlite3.OperationalError:
            return 0
        return int(rows[0][0]) if rows else 0

    def staged(self) -> int:
        """How many files stand in staging."""
        return sum(1 for _ in (self.private / "incoming").glob("*/*.dcm"))

    def unexpected(self) -> list[Path]:
        return sorted((self.private / "unexpected").iterdir())

    def processes(self) -> list[int]:
        """Every process that this rig caused and that is no archive of the test."""
        return [pid for pid in marked(self.folder) if pid not in self._archive_pids()]

    def _archive_pids(self) -> set[int]:
        return {archive.process.pid for archive in self._archives if archive.process is not None}

    def wait_for_no_process(self, seconds: float = 5.0) -> None:
        wait_until(lambda: not self.processes(), "the end of every process", seconds=seconds)

    # What always holds

    def check_conduct(self) -> None:
        """No traceback, no identifier where it does not belong, private files, and no process left."""
        for command in self._commands:
            output = command.output()
            if command.process.poll() == -signal.SIGKILL:
                output = UNBORN.sub("", output)
            assert "Traceback" not in output, output
            assert "defect of this program" not in output, output
        self.check_secrets()
        for storage in self._storages:
            assert not unprotected(storage), unprotected(storage)
            self._check_requests(storage)
        if all(command.ended for command in self._commands):
            self.wait_for_no_process()

    def _check_requests(self, storage: Path) -> None:
        """Of an extraction that has come to its end, no query file is left."""
        with contextlib.suppress(sqlite3.OperationalError):  # there is no ledger, or it lies elsewhere
            if self.ledger("SELECT run_state FROM extraction", storage=storage) == [("finished",)]:
                left = [path for path in (storage / ".niffler" / "requests").rglob("*") if path.is_file()]
                assert not left, left

    def check_secrets(self) -> None:
        texts = {str(command.process.args): command.output() for command in self._commands}
        for storage in self._storages:
            private = storage / ".niffler"
            kept = [path for folder in ("logs", "notices") for path in private.glob(f"{folder}/*")]
            for path in (private / "niffler.log", private / "supervisor.lock", *kept):
                if path.is_file():
                    texts[str(path)] = path.read_text(errors="replace")
        for name, text in texts.items():
            told = sorted(secret for secret in self.identifiers if secret in text)
            assert not told, f"{name} tells {told}:\n{text}"


# Trees of files


def corpus_folder(corpus: Corpus) -> Path:
    """The folder that holds a corpus."""
    return Path(os.path.commonpath([study.instances[0].path.parent.parent for study in corpus.studies]))


def data_set(path: Path) -> bytes:
    """The bytes of a file without preamble and file meta information, which name the receiver's software."""
    with path.open("rb") as stream:
        head = read_file_head(stream)
        assert head is not None, f"{path} is no DICOM file"
        stream.seek(head.offset)
        return stream.read()


def filed(storage: Path) -> list[Path]:
    """Every file at its final path."""
    return sorted(path for path in storage.rglob("*") if path.is_file() and ".niffler" not in path.parts)


def tree(storage: Path) -> dict[str, bytes]:
    """Every file at its final path, byte for byte."""
    return {str(path.relative_to(storage)): path.read_bytes() for path in filed(storage)}


def everything(folder: Path) -> dict[str, tuple[int, int, int]]:
    """All that stands below a folder, and whether it was touched: mode, size, time."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted([folder, *folder.rglob("*")])
    }


def data_sets(storage: Path) -> list[bytes]:
    """The data sets at their final paths, in an order of their own."""
    return sorted(data_set(path) for path in filed(storage))


def data_sets_of(studies: Iterable[CorpusStudy]) -> list[bytes]:
    """The data sets that the corpus has."""
    return sorted(data_set(instance.path) for study in studies for instance in study.instances)


def unprotected(folder: Path) -> list[str]:
    """Files below a folder, and folders, that others than their owner may read."""
    open_to_others = []
    for place, _, names in os.walk(folder):  # which passes over what vanishes meanwhile
        for path, private in [(place, 0o700), *((f"{place}/{name}", 0o600) for name in names)]:
            with contextlib.suppress(FileNotFoundError):
                mode = stat.S_IMODE(os.lstat(path).st_mode)
                if mode != private:
                    open_to_others.append(f"{path}: {mode:o}")
    return open_to_others


def marked(folder: Path) -> list[int]:
    """The living processes with this rig's mark in their environment."""
    mark = f"{MARK}={folder}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
    return found


def kill_when(running: Running, condition: Callable[[], bool]) -> bool:
    """SIGKILL at the instant at which a condition holds; False where the command ended before."""
    wait_until(lambda: running.ended or condition(), "the instant to kill", seconds=END_SECONDS)
    if running.ended:
        return False
    running.kill()
    return True


def copy_studies(corpus: Corpus, folder: Path) -> Path:
    """A copy of a corpus that a test may damage."""
    for study in corpus.studies:
        source = study.instances[0].path.parent
        shutil.copytree(source, folder / source.name)
    return folder
