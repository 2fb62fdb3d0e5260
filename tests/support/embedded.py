"""Runs the embedded toolkit as processes, and makes the instances it sends and receives."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from niffler_ops.embedded import dataset

FAULTY_ARCHIVE = Path(__file__).with_name("faulty_archive.py")
PATTERN = "{0020000D,md5}/{00080018,md5}.dcm"
PATIENCE = 20.0
ENVIRONMENT = os.environ | {"TCP_NODELAY": "1", "PYTHONWARNINGS": "error"}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended."""

    status: int
    out: str
    err: str

    @property
    def messages(self) -> list[str]:
        """The log's requests and responses, without time and association."""
        lines = [line.split(" ", 6) for line in self.out.splitlines() if "->" in line]
        return [f"{words[5]} {words[6]}" for words in lines if len(words) > 6]

    @property
    def finals(self) -> list[str]:
        """The responses that are not pending."""
        return [line for line in self.messages if "-RSP[" in line and "status=ff0" not in line]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.02)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tool(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "niffler_ops.embedded", name, *map(str, arguments)]


def run(*command: object, cwd: Path | None = None) -> Ended:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, timeout=60, cwd=cwd, env=ENVIRONMENT, check=False
    )
    return Ended(status=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


@contextmanager
def started(command: Sequence[str], log: Path, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to a file; ended with the block."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, cwd=cwd, env=ENVIRONMENT)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A storescp: its process, port, folder and log."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    log: Path

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@contextmanager
def storescp(
    folder: Path, *arguments: object, pattern: str | None = PATTERN, aet: str = "DEST"
) -> Iterator[Receiver]:
    port = free_port()
    options: list[object] = ["-b", f"{aet}:{port}", "--accept-unknown", "--directory", folder]
    options += [] if pattern is None else ["--filepath", pattern]
    log = folder.with_name(f"{folder.name}.log")
    with started(tool("storescp", *options, *arguments), log) as process:
        wait_until(lambda: accepts(port) or process.poll() is not None, "storescp")
        assert process.poll() is None, log.read_text()
        yield Receiver(process=process, port=port, folder=folder, log=log)


@dataclass(frozen=True, kw_only=True)
class Served:
    """An archive: its process, port and log."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def name(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"


@contextmanager
def archive(folder: Path, destinations: dict[str, int], log: Path, *faults: str) -> Iterator[Served]:
    """The embedded archive, the faulty one where there are faults."""
    port = free_port()
    program = [str(FAULTY_ARCHIVE)] if faults else ["-m", "niffler_ops.cli.archive"]
    command = [sys.executable, *program, str(folder), "--bind", f"ARCHIVE@127.0.0.1:{port}"]
    for aet, destination in destinations.items():
        command += ["--destination", f"{aet}@127.0.0.1:{destination}"]
    for fault in faults:
        command += ["--fault", fault] if not fault.startswith("--state=") else fault.split("=", 1)
    with started(command, log) as process:
        wait_until(lambda: b" as ARCHIVE@" in log.read_bytes() or process.poll() is not None, "the archive")
        assert process.poll() is None, log.read_text()
        yield Served(process=process, port=port, log=log)


def instance(study: int = 1, series: int = 1, number: int = 1, **elements: object) -> Dataset:
    """A small instance; `elements` by keyword change it, None removes one."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = CTImageStorage
    made.StudyInstanceUID = f"1.2.3.{study}"
    made.SeriesInstanceUID = f"1.2.3.{study}.{series}"
    made.SOPInstanceUID = f"1.2.3.{study}.{series}.{number}"
    made.PatientID, made.PatientName = f"P{study}", f"Doe^Jane{study}"
    made.AccessionNumber, made.StudyDate = f"A{study}", f"202001{study:02d}"
    made.StudyDescription, made.Modality = "HEAD", "CT"
    made.SeriesNumber, made.InstanceNumber = series, number
    made.Rows, made.Columns, made.SamplesPerPixel, made.BitsAllocated = 16, 16, 1, 16
    made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 15, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelData = bytes(range(256)) * 2
    for keyword, value in elements.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def save(made: Dataset, path: Path) -> Path:
    """Write a file with preamble and file meta information."""
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, made, enforce_file_format=True)
    return path


def corpus(folder: Path, studies: int = 3, instances: int = 4) -> Path:
    """Studies of two series each."""
    for study in range(1, studies + 1):
        for number in range(1, instances + 1):
            save(instance(study, number % 2 + 1, number), folder / f"{study}" / f"{number}")
    return folder


def query_file(path: Path, **keys: object) -> Path:
    """A query file: a plain data set in implicit VR little endian."""
    made = Dataset()
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    dcmwrite(path, made, implicit_vr=True, little_endian=True)
    return path


def body(path: Path) -> bytes:
    """The data set of a file, without preamble and file meta information."""
    with path.open("rb") as stream:
        head = dataset.read_file_head(stream)
        assert head is not None
        stream.seek(head.offset)
        return stream.read()


def bodies(paths: list[Path]) -> list[bytes]:
    return sorted(body(path) for path in paths)
