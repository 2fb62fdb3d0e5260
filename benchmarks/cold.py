"""Runs niffler-cold as a person would, and reads from its ledger when what happened."""

import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.running import ENVIRONMENT, Usage, measured
from niffler_ops.demo.corpus import Corpus, write_csv
from niffler_ops.layout import Layout
from niffler_ops.model import LocalEntity, Peer

MOVING = "SELECT min(at) FROM events WHERE subject = 'study' AND to_state = 'moving'"
DONE = "SELECT at FROM events WHERE subject = 'study' AND to_state = 'done' ORDER BY id"
TALLIES = "SELECT name, number FROM tallies WHERE subject = ?"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdRun:
    """`usage` from command to exit; `retrieving` from the first C-MOVE to the last study done.

    `settled`: instances a second from the study in the middle to the last one. `first` and `last` are when
    that began and ended, in seconds since 1970.
    """

    usage: Usage
    first: float
    last: float
    instances: int
    settled: float

    @property
    def retrieving(self) -> float:
        """Seconds of it."""
        return self.last - self.first


@dataclass(frozen=True, kw_only=True)
class Cold:
    """niffler-cold with one toolkit, between one archive and ourselves."""

    toolkit: str
    archive: Peer
    local: LocalEntity

    def retrieve(
        self, corpus: Corpus, lanes: int | str, folder: Path, *, program: Sequence[str] = ()
    ) -> ColdRun:
        """Extract all studies, by another program where one is given; each must be done."""
        write_csv(corpus, folder / "list.csv")
        configuration = self.write_configuration(folder, {"MoveLanes": lanes, "QuietTime": 1})
        usage = run(configuration, folder, program)
        ledger = Layout(folder / "extraction").ledger
        with closing(sqlite3.connect(ledger)) as connection:
            rows = dict(connection.execute(TALLIES, ("row",)))
            if usage.status != 0 or rows["done"] != len(corpus.studies):
                raise RuntimeError(f"niffler-cold ended with {usage.status}: see {folder}")
            instances = dict(connection.execute(TALLIES, ("instance",)))["received"]
            first = _seconds(connection.execute(MOVING).fetchone()[0])
            done = [_seconds(at) for (at,) in connection.execute(DONE)]
        half = len(done) // 2
        settled = instances * (len(done) - half) / len(done) / max(done[-1] - done[half - 1], 0.001)
        return ColdRun(usage=usage, first=first, last=done[-1], instances=instances, settled=settled)

    def write_configuration(self, folder: Path, more: Mapping[str, object]) -> Path:
        """Both files; gives the one for --config."""
        system = {
            "DCM4CHEBin": self.toolkit,
            "SrcAet": str(self.archive),
            "QueryAet": str(self.local),
            "MaxNifflerProcesses": 64,
            **more,
        }
        configuration = {
            "StorageFolder": "extraction",
            "CsvFile": "list.csv",
            "ExtractionType": "empi_accession",
            "PatientIndex": 0,
            "AccessionIndex": 1,
        }
        (folder / "system.json").write_text(json.dumps(system), encoding="utf-8")
        path = folder / "config.json"
        path.write_text(json.dumps(configuration), encoding="utf-8")
        return path


def _seconds(text: str) -> float:
    """A time of the ledger, in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def run(configuration: Path, folder: Path, program: Sequence[str] = ()) -> Usage:
    """Run niffler-cold, or the program in its place, to its end."""
    environment = {**ENVIRONMENT, "NIFFLER_RUNTIME": str(folder / "locks")}
    return measured(
        [*(program or _program()), "--config", str(configuration)], folder / "niffler-cold.log", environment
    )


def start(folder: Path) -> Usage:
    """Only start it: what every extraction pays once, however long it is."""
    return measured([*_program(), "--help"], folder / "help.log")


def _program() -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("niffler-cold")),)
