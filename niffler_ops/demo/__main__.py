"""`python -m niffler_ops.demo`: an extraction that is killed midway, loses nothing, and what is made of it.

Everything happens in temporary folders, on loopback, with the embedded toolkit; the results are left.
"""

import contextlib
import csv
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.demo.corpus import Corpus, write_corpus, write_csv

STUDIES = 20
INSTANCES = 10
KILLED_AT = 0.4  # of all instances delivered
PATIENCE_SECONDS = 60.0
ARCHIVE_AET, OUR_AET = "DEMO-ARCHIVE", "DEMO-NIFFLER"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Where the demonstration plays."""

    folder: Path
    output: Path
    corpus: Corpus

    @property
    def delivered(self) -> Path:
        """Where the archive notes what it delivered."""
        return self.folder / "delivered.txt"

    @property
    def storage(self) -> Path:
        """The extraction's StorageFolder."""
        return self.folder / "extraction"


def main() -> int:
    """Play it; gives 0 when nothing was lost, nothing fetched twice, and no identity is left."""
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="niffler-demo-") as name:
        folder = Path(name)
        os.environ |= {"NIFFLER_RUNTIME": f"{folder}/locks", "NIFFLER_REGISTRY": f"{folder}/registry"}
        say(f"An archive of {STUDIES} invented studies, {INSTANCES} images each.")
        stage = Stage(
            folder=folder,
            output=Path(tempfile.mkdtemp(prefix="niffler-demo-output-")),
            corpus=write_corpus(folder / "archive", studies=STUDIES, instances=INSTANCES),
        )
        write_csv(stage.corpus, folder / "list.csv")
        with archive(stage):
            return play(stage)


def play(stage: Stage) -> int:
    """Start, kill, look, resume, look, count."""
    command = [program("niffler-cold"), "--config", str(stage.folder / "config.json")]
    total = sum(len(study.instances) for study in stage.corpus.studies)
    say("An extraction starts:", shown(command))
    supervisor = subprocess.Popen(command)
    wait_until(lambda: len(delivered(stage)) >= KILLED_AT * total, supervisor)
    say(f"Midway, everything is killed: kill -9 {supervisor.pid}")
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    look(stage)
    say("The same command again:", shown(command))
    status = subprocess.run(command, check=False, timeout=PATIENCE_SECONDS).returncode
    look(stage)
    lost = verdict(stage, status)
    say("Is anybody's identity in what was made of it?")
    command = [program("niffler-deidentify"), str(stage.storage), "--check", str(stage.output)]
    print(shown(command), flush=True)
    left = subprocess.run(command, check=False, timeout=PATIENCE_SECONDS).returncode
    say(
        f"Pictures:             {stage.output}/images",
        f"Tables:               {stage.output}/metadata.csv, mapping.csv, failures.csv",
        f"De-identified DICOM:  {stage.output}/dicom",
        "They are yours to look at, and to remove.",
    )
    return lost or left


def verdict(stage: Stage, status: int) -> int:
    """Compare what is on disk with what the archive has, and count what was delivered."""
    expected = {
        instance.sop_instance_uid: dataset_digest(instance.path)
        for study in stage.corpus.studies
        for instance in study.instances
    }
    found = {path.stem: dataset_digest(path) for path in stage.storage.glob("*/*/*/*.dcm")}
    twice = [uid for uid, times in Counter(delivered(stage)).items() if times > 1]
    with (stage.storage / ".niffler" / "report.csv").open(encoding="utf-8", newline="") as stream:
        states = Counter(row["state"] for row in csv.DictReader(stream))
    lost = expected.keys() - found.keys()
    changed = [uid for uid in expected.keys() & found.keys() if expected[uid] != found[uid]]
    say(
        f"Exit status {status}; rows: {dict(states)}. Of {len(expected)} images {len(found)} are on disk:",
        f"{len(lost)} lost, {len(changed)} changed, {len(twice)} fetched twice.",
    )
    return int(bool(status or lost or changed or twice))


@contextlib.contextmanager
def archive(stage: Stage) -> Iterator[None]:
    """The archive, and the configuration that names it."""
    archive_port, our_port = free_ports(2)
    here, there = f"{ARCHIVE_AET}@127.0.0.1:{archive_port}", f"{OUR_AET}@127.0.0.1:{our_port}"
    configuration = {
        "config.json": {
            "StorageFolder": "extraction",
            "CsvFile": "list.csv",
            "ExtractionType": "empi_accession",
            "PatientIndex": 0,
            "AccessionIndex": 1,
            "PostProcessors": ["metadata", "png", "deidentify"],
            "OutputFolder": str(stage.output),
        },
        "system.json": {"SrcAet": here, "QueryAet": f"{OUR_AET}:{our_port}", "QuietTime": 1},
    }
    for name, content in configuration.items():
        (stage.folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "niffler_ops.demo.archive", str(stage.folder / "archive")),
            *("--bind", here, "--destination", there),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        say(next(iter(process.stdout or ())).decode().strip())
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def look(stage: Stage) -> None:
    """Show what niffler-status says."""
    command = [program("niffler-status"), str(stage.storage)]
    say(shown(command))
    subprocess.run(command, check=True, timeout=PATIENCE_SECONDS)


def delivered(stage: Stage) -> list[str]:
    """SOP Instance UIDs in the order in which the archive delivered them."""
    return stage.delivered.read_text(encoding="ascii").split() if stage.delivered.exists() else []


def dataset_digest(path: Path) -> bytes:
    """A digest of a file's data set: the file meta information before it names the receiver's software."""
    content = path.read_bytes()
    group_length = int.from_bytes(content[140:144], "little")
    return hashlib.sha256(content[144 + group_length :]).digest()


def wait_until(condition: Callable[[], bool], supervisor: "subprocess.Popen[bytes]") -> None:
    """Wait for a condition while the supervisor runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if supervisor.poll() is not None or time.monotonic() > deadline:
            supervisor.kill()
            raise SystemExit("The extraction ended before it could be killed midway.")
        time.sleep(0.01)


def free_ports(number: int) -> list[int]:
    """Distinct TCP ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def program(name: str) -> str:
    """A command of the environment that runs the demonstration."""
    return str(Path(sys.executable).with_name(name))


def shown(command: Sequence[str]) -> str:
    """A command as a person would type it."""
    return "  $ " + " ".join([Path(command[0]).name, *command[1:]])


def say(*lines: str) -> None:
    """Tell what happens, set off from the commands' own output."""
    print("\n" + "\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
