"""What a user would pick instead: PACSIFIER 1.0.0 over DCMTK, the same list from the same Orthanc.

It is installed into an environment of its own in the user's cache, because it needs other versions than ours.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks import archives
from benchmarks.cold import Cold
from benchmarks.retrieval import LANES
from benchmarks.rows import Row, alternately, by_ratio
from benchmarks.running import ENVIRONMENT, measured
from benchmarks.setting import Setting, settle
from niffler_ops.demo.corpus import Corpus, write_csv
from niffler_ops.model import LocalEntity, Peer

NAME = "pacsifier"
TITLE = "niffler-cold against PACSIFIER, from Orthanc"
VERSION = "1.0.0"
STUDIES = 40
INSTALL_SECONDS = 300
TOOLS = ("echoscu", "findscu", "movescu")


def missing(_setting: Setting) -> str:
    """Orthanc and DCMTK, packages of Debian, and an index of Python packages."""
    if not archives.orthanc_program():
        return "Orthanc is not installed"
    if not all(map(shutil.which, TOOLS)):
        return "DCMTK is not installed"
    return "" if _program() else f"pacsifier {VERSION} cannot be installed"


@cache
def _program() -> Path | None:
    """Its command, installed where it is not yet."""
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache_folder / "niffler-ops" / f"pacsifier-{VERSION}"
    program = folder / "bin" / "pacsifier"
    if not program.exists():
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"pacsifier=={VERSION}"]
        try:
            for command in ([sys.executable, "-m", "venv", str(folder)], pip):
                subprocess.run(command, check=True, timeout=INSTALL_SECONDS, capture_output=True)
        except (subprocess.SubprocessError, OSError):
            return None
    return program


def measure(setting: Setting) -> Iterator[Row]:
    """40 rows of ten instances, from command to exit."""
    studies = setting.studies(STUDIES)
    instances = len(studies.paths)
    with archives.orthanc(setting, studies) as (archive, local):
        cold = Cold(toolkit="embedded", archive=archive, local=local)

        def ours() -> float:
            """Seconds."""
            folder = setting.new_folder("cold")
            settle()
            return cold.retrieve(studies.corpus, LANES, folder).usage.seconds

        def theirs() -> tuple[float, int]:
            """The same, and how many files it brought."""
            folder = setting.new_folder("pacsifier")
            settle()
            return _retrieve(studies.corpus, archive, local, folder)

        pairs = alternately(1, ours, theirs)
    size = f"{STUDIES} x {instances // STUDIES}, command to exit"
    asked = [(instances / own, instances / seconds) for own, (seconds, _) in pairs]
    brought = [(instances / own, files / seconds) for own, (seconds, files) in pairs]
    yield by_ratio(f"{size}, of what the list asks for", "instances/s", asked, at_least=10)
    yield by_ratio(f"{size}, of what came, also twice", "instances/s", brought)


def _retrieve(corpus: Corpus, archive: Peer, local: LocalEntity, folder: Path) -> tuple[float, int]:
    """Seconds from command to exit, and files: it asks by patient for each series, so some come twice."""
    write_csv(corpus, folder / "list.csv")
    configuration = {
        "server_address": archive.host,
        "port": archive.port,
        "server_AET": archive.aet,
        "AET": local.aet,
        "move_AET": local.aet,
        "move_port": local.port,
        "batch_size": 1_000_000,
        "batch_wait_time": 0.0,
    }
    (folder / "config.json").write_text(json.dumps(configuration))
    command = [str(_program()), "--save", "--config", str(folder / "config.json")]
    command += ["--queryfile", str(folder / "list.csv"), "--out_directory", str(folder / "data")]
    begun = time.perf_counter()
    usage = measured(command, folder / "log", ENVIRONMENT)
    spent = time.perf_counter() - begun
    expected = sum(len(study.instances) for study in corpus.studies)
    files = sum(1 for path in (folder / "data").rglob("*") if path.is_file() and "logs" not in path.parts)
    if usage.status or files < expected:
        raise RuntimeError(f"PACSIFIER brought {files} of {expected} files: see {folder}")
    return spent, files
