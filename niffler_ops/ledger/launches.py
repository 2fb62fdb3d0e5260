"""Processes: the intent before a launch, the identity right after, the end."""

import json
import os
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.ledger.connection import LedgerConnection


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """A process that was to be launched; pid, start_ticks and boot_id are None where it never was."""

    token: str
    role: str
    command: tuple[str, ...]
    user_id: int
    pid: int | None
    start_ticks: int | None
    boot_id: str | None
    launched_at: str | None
    ended_at: str | None


def _launch(row: sqlite3.Row) -> Launch:
    return Launch(
        token=row["token"],
        role=row["role"],
        command=tuple(json.loads(row["command"])),
        user_id=row["user_id"],
        pid=row["pid"],
        start_ticks=row["start_ticks"],
        boot_id=row["boot_id"],
        launched_at=row["launched_at"],
        ended_at=row["ended_at"],
    )


class Launches:
    """The table of processes; callers hold the transaction."""

    def __init__(self, ledger: LedgerConnection) -> None:
        self._ledger = ledger

    def intend(self, role: str, command: Sequence[str]) -> str:
        """Record that a process is about to be launched; gives the launch token."""
        token = secrets.token_hex(8)
        self._ledger.run(
            "intend_process",
            token=token,
            role=role,
            command=json.dumps(list(command)),
            user_id=os.getuid(),
            now=self._ledger.now_text(),
        )
        return token

    def launched(self, token: str, *, pid: int, start_ticks: int, boot_id: str) -> None:
        """Record which process it became."""
        self._ledger.one_changed(
            "process_launched",
            token=token,
            pid=pid,
            start_ticks=start_ticks,
            boot_id=boot_id,
            now=self._ledger.now_text(),
        )

    def ended(self, token: str, exit_code: int | None) -> None:
        """Record its end; the code is negative for a signal, None where nobody saw it."""
        self._ledger.run("process_ended", token=token, exit_code=exit_code, now=self._ledger.now_text())

    def open(self) -> list[Launch]:
        """Processes whose end is not recorded."""
        return [_launch(row) for row in self._ledger.all("open_processes")]

    def shown(self) -> list[Launch]:
        """Of the latest run: its supervisor first, every storescp, and the tools that have not ended."""
        return [_launch(row) for row in self._ledger.all("shown_processes")]
