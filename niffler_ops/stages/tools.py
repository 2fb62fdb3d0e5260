"""Runs a tool of the toolkit with its launch in the ledger: the intent before, the identity right after."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from niffler_ops.dicomtools.failures import failure_reason
from niffler_ops.dicomtools.toolkit import EMBEDDED, Toolkit
from niffler_ops.errors import UnavailableError
from niffler_ops.files import write_private
from niffler_ops.ledger.launches import Launches
from niffler_ops.postprocess.crew import worker_command
from niffler_ops.processes.calling import call
from niffler_ops.processes.launcher import Child, Launcher

KEPT_OUTPUTS = 200
ENDED_IN_ORDER = frozenset({0, 2, 130, 143})  # dcm4che's: done, refused or lost, SIGINT, SIGTERM
VERSION_SECONDS = 30.0  # a first Java on a cold disk


def require_runnable(toolkit: Toolkit) -> None:
    """Raise UnavailableError where the tools of a folder cannot run, as without Java; one stands for all."""
    if toolkit.kind == EMBEDDED:
        return
    command = (*toolkit.commands["storescp"], "--version")
    called = call(command, environment=toolkit.environments["storescp"], seconds=VERSION_SECONDS)
    if called.code is not None and _cannot_run(called.code):
        raise UnavailableError(
            f"DCM4CHEBin: storescp cannot run (exit status {called.code}): {failure_reason(called.lines)}."
            f" Nothing was started. `{' '.join(command)}` shows what it says; set DCM4CHEBin to"
            f" `{EMBEDDED}` to do without Java."
        )


def _cannot_run(code: int) -> bool:
    return code >= 0 and code not in ENDED_IN_ORDER


class Record(Protocol):
    """Where launches are recorded: the ledger of an extraction, or the record of a receiver."""

    @property
    def launches(self) -> Launches:
        """The table of processes."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """One durable unit of changes."""
        ...


class Tools:
    """What every stage launches its tools with; the output of failed calls is kept in `logs`."""

    def __init__(self, launcher: Launcher, toolkit: Toolkit, record: Record, logs: Path) -> None:
        self.launcher = launcher
        self._toolkit = toolkit
        self._record = record
        self._logs = logs
        self._kept = itertools.count(1)

    def run(
        self,
        role: str,
        arguments: Sequence[str],
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[Child, int], None],
    ) -> Child:
        """Launch `storescp`, `movescu` or `findscu`; both callbacks come on the main thread."""
        command = (*self._toolkit.commands[role], *arguments)
        return self._launch(role, command, self._toolkit.environments[role], on_line=on_line, on_exit=on_exit)

    def run_worker(
        self,
        job_files: Sequence[Path],
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[Child, int], None],
    ) -> Child:
        """Launch a worker of the post-processors with these job files."""
        command = worker_command(job_files)
        return self._launch("postprocess", command, {}, on_line=on_line, on_exit=on_exit)

    def _launch(
        self,
        role: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_line: Callable[[str], None],
        on_exit: Callable[[Child, int], None],
    ) -> Child:
        with self._record.transaction():
            token = self._record.launches.intend(role, command)

        def ended(code: int) -> None:
            with self._record.transaction():
                self._record.launches.ended(token, code)
            on_exit(child, code)

        try:
            child = self.launcher.launch(
                role, command, environment=environment, on_line=on_line, on_exit=ended
            )
        except UnavailableError as error:
            with self._record.transaction():
                self._record.launches.ended(token, error.exit_status)
            raise
        identity = child.identity
        if identity is not None:
            with self._record.transaction():
                self._record.launches.launched(
                    token, pid=identity.pid, start_ticks=identity.start_ticks, boot_id=identity.boot_id
                )
        return child

    def require_running(self, child: Child, code: int) -> None:
        """Raise UnavailableError where the exit status says that the tool cannot run, as without Java."""
        if _cannot_run(code):
            self.keep_output(child)
            raise UnavailableError(
                f"DCM4CHEBin: {child.name} cannot run (exit status {code}): {failure_reason(child.output)}."
                f" Its output is in {self._logs}. Nothing is lost; run the same command again when it"
                " works."
            )

    def keep_output(self, child: Child) -> None:
        """Keep the latest output of a failed call below logs/, as private as an identifier."""
        number = next(self._kept)
        if number <= KEPT_OUTPUTS:
            name = f"{child.name}-{child.pid}-{number}.log"
            write_private(self._logs / name, "".join(child.output).encode("utf-8", "replace"))
