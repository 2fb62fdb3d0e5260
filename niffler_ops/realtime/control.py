"""What a running receiver is asked to do: files in control/, answered beside."""

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from niffler_ops.files import write_durable, write_private

SWEEP, ASKED, ANSWERED = "sweep", ".asked", ".answered"
LOOK_SECONDS = 0.2


def ask(control: Path, *, seconds: float, is_alive: Callable[[], bool]) -> int | None:
    """Ask for a sweep, and wait for its exit status; None where nobody answers."""
    name = f"{SWEEP}-{secrets.token_hex(8)}"
    asked, answered = control / f"{name}{ASKED}", control / f"{name}{ANSWERED}"
    write_private(asked, b"")
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and is_alive():
            if answered.exists():
                return int(json.loads(answered.read_bytes())["status"])
            if not asked.exists():  # a receiver has begun that knows nothing of it
                return None
            time.sleep(LOOK_SECONDS)
        return None
    finally:
        asked.unlink(missing_ok=True)
        answered.unlink(missing_ok=True)


def clear(control: Path) -> None:
    """Drop what a receiver that is gone was asked for."""
    for left in control.glob(f"{SWEEP}-*"):
        left.unlink(missing_ok=True)


def pending(control: Path) -> list[Path]:
    """What is asked for and not answered."""
    return [path for path in sorted(control.glob(f"{SWEEP}-*{ASKED}")) if not _answer_of(path).exists()]


def answer(asked: Path, status: int) -> None:
    """Say that it is done."""
    if asked.exists():
        write_durable(_answer_of(asked), [json.dumps({"status": status}).encode()])


def _answer_of(asked: Path) -> Path:
    return asked.with_suffix(ANSWERED)
