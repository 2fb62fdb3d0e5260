"""The reference for retrieval: the same tools with the same options, driven by a script of a few lines.

One storescp, one findscu for all rows, movescu in lanes; nothing is recorded, nothing verified, nothing
filed, nothing synced. Nobody who uses these tools gets the files faster.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from benchmarks.running import ENVIRONMENT, PATIENCE, running, wait_for_port
from niffler_ops.dicomtools.findscu import findscu_arguments
from niffler_ops.dicomtools.movescu import movescu_arguments
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.storescp import storescp_arguments
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.model import LocalEntity, Peer

RETURNED = ("StudyInstanceUID", "NumberOfStudyRelatedInstances")


@dataclass(frozen=True, kw_only=True, slots=True)
class BareRun:
    """`seconds` for everything; `retrieving` from the first movescu's launch to the last file."""

    seconds: float
    retrieving: float
    instances: int


@dataclass(frozen=True, kw_only=True)
class BareTools:
    """The tools of one toolkit, between one archive and ourselves."""

    toolkit: Toolkit
    archive: Peer
    local: LocalEntity

    def retrieve(self, rows: Sequence[dict[str, str]], lanes: int, folder: Path) -> BareRun:
        """Ask for all rows in one findscu, retrieve what they match in so many movescus."""
        begun = time.perf_counter()
        with self._storescp(folder) as incoming:
            queries = self._query_files(rows, folder / "queries")
            self._wait("findscu", [self._findscu(queries, folder / "answers")], folder)
            uids = [_study_uid(path) for path in sorted((folder / "answers").iterdir())]
            moves = self._query_files([{"StudyInstanceUID": uid} for uid in uids], folder / "moves")
            started = time.time()
            self._wait("movescu", [self._movescu(moves[lane::lanes]) for lane in range(lanes)], folder)
            arrived = [path.stat().st_mtime for path in incoming.rglob("*.dcm")]
        return BareRun(
            seconds=time.perf_counter() - begun,
            retrieving=max(arrived) - started,
            instances=len(arrived),
        )

    def one_process_a_row(self, study_uids: Sequence[str], folder: Path) -> BareRun:
        """A movescu for each study, one after another."""
        begun = time.perf_counter()
        with self._storescp(folder) as incoming:
            started = time.time()
            for file in self._query_files(
                [{"StudyInstanceUID": uid} for uid in study_uids], folder / "moves"
            ):
                self._wait("movescu", [self._movescu([file])], folder)
            arrived = [path.stat().st_mtime for path in incoming.rglob("*.dcm")]
        return BareRun(
            seconds=time.perf_counter() - begun,
            retrieving=max(arrived) - started,
            instances=len(arrived),
        )

    @contextmanager
    def _storescp(self, folder: Path) -> Iterator[Path]:
        incoming = folder / "incoming"
        incoming.mkdir()
        command = self._command("storescp", storescp_arguments(local=self.local, directory=incoming))
        with running(command, folder / "storescp.log", self._environment("storescp")) as process:
            wait_for_port(self.local.port, process)
            yield incoming

    def _findscu(self, files: Sequence[Path], output: Path) -> list[str]:
        output.mkdir()
        arguments = findscu_arguments(
            archive=self.archive,
            calling_aet=self.local.aet,
            level="STUDY",
            output=output,
            query_files=files,
            timeouts=Timeouts(),
        )
        return self._command("findscu", arguments)

    def _movescu(self, files: Sequence[Path]) -> list[str]:
        arguments = movescu_arguments(
            archive=self.archive,
            calling_aet=self.local.aet,
            destination=self.local.aet,
            level="STUDY",
            query_files=files,
            timeouts=Timeouts(),
        )
        return self._command("movescu", arguments)

    def _query_files(self, queries: Sequence[dict[str, str]], folder: Path) -> list[Path]:
        folder.mkdir()
        paths = []
        for number, keys in enumerate(queries, start=1):
            paths.append(folder / f"{number}.query")
            paths[-1].write_bytes(query_file(keys, returned=RETURNED))
        return paths

    def _wait(self, tool: str, commands: Sequence[list[str]], folder: Path) -> None:
        """Run commands side by side to their end."""
        with (folder / "tools.log").open("ab") as log:
            processes = [
                subprocess.Popen(command, stdout=log, stderr=log, env=self._environment(tool))
                for command in commands
            ]
            try:
                statuses = [process.wait(PATIENCE) for process in processes]
            finally:
                for process in processes:
                    process.kill()
        if any(statuses):
            raise RuntimeError(f"a bare tool failed: exit statuses {statuses}")

    def _command(self, tool: str, arguments: list[str]) -> list[str]:
        return [*self.toolkit.commands[tool], *arguments]

    def _environment(self, tool: str) -> dict[str, str]:
        return {**ENVIRONMENT, **self.toolkit.environments[tool]}


def _study_uid(path: Path) -> str:
    return str(dcmread(path, force=True).StudyInstanceUID)
