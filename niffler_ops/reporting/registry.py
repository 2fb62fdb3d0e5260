"""The extractions and receivers of this machine: one small file for each, made when it is started."""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from niffler_ops.clock import Clock, timestamp
from niffler_ops.errors import MissingInputError
from niffler_ops.files import make_private_folder, read_plain, write_private
from niffler_ops.layout import Layout
from niffler_ops.processes.holders import EXTRACTION, RECEIVER, lock_folder, running
from niffler_ops.reporting.snapshot import look
from niffler_ops.reporting.status import ExtractionState, Status

REGISTRY_VARIABLE = "NIFFLER_REGISTRY"
SYSTEM_STATE = Path("/var/lib/niffler")
FOLDER = "extractions"
FORGOTTEN_AFTER = timedelta(days=30)
PATIENCE_SECONDS = 3.0
LONGEST_ENTRY = 65536  # bytes
GONE, UNKNOWN = "gone", "unknown"
NO_ANSWER = "its disk does not answer"
NOT_OURS = "what is there was not written by this program"
ORDER = (
    ExtractionState.RUNNING,
    ExtractionState.PAUSED,
    ExtractionState.CRASHED,
    ExtractionState.STOPPED,
    ExtractionState.FINISHED,
    UNKNOWN,
    GONE,
)

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

_left: dict[object, Thread] = {}  # those that were not waited for, by what they look at


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """An extraction of this machine; `state` is that of its status, else `gone` or `unknown`, and `note` why.

    `registered_at` (ISO 8601) is when it was last started; None where only its lock tells of it.
    """

    storage_folder: str
    state: str
    registered_at: str | None = None
    status: Status | None = None
    note: str = ""


class _Entry(NamedTuple):
    folder: str
    registered_at: str | None
    kind: str = EXTRACTION


def registry_folder() -> Path:
    """Where extractions are registered: NIFFLER_REGISTRY, else where programs of this user keep their state.

    That is /var/lib/niffler/extractions for whoever may write in /var/lib/niffler, such as root or a service
    account, and $XDG_STATE_HOME/niffler/extractions, by default below ~/.local/state, for everybody else.
    Raises RuntimeError where the user has no home.
    """
    named = os.environ.get(REGISTRY_VARIABLE)
    if named:
        return Path(named)
    if os.geteuid() == 0 or os.access(SYSTEM_STATE, os.W_OK | os.X_OK):
        return SYSTEM_STATE / FOLDER
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else Path.home() / ".local" / "state") / "niffler" / FOLDER


def register(storage_folder: Path, clock: Clock, kind: str = EXTRACTION) -> None:
    """Note that the extraction or receiver in this folder was started; what cannot be noted never stops it.

    Forgets the folders that are gone and were not started for FORGOTTEN_AFTER.
    """
    now = clock.now()
    try:
        registry = registry_folder()
        make_private_folder(registry)
        _forget(registry, now)
        path = registry / _name(storage_folder)
        temporary = path.with_suffix(f".{os.getpid()}.part")
        content = {"storage_folder": str(storage_folder), "registered_at": timestamp(now)}
        content |= {"kind": kind} if kind != EXTRACTION else {}
        write_private(temporary, json.dumps(content).encode("utf-8", "surrogateescape"))
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        log.info("`niffler-status` without a folder will not list this %s: %s", kind, error)


def extractions(clock: Clock) -> list[Extraction]:
    """The extractions that are registered for us or for the machine, and those that hold a lock just now.

    Those at work come first, those that are gone last. One on a disk that does not answer within
    PATIENCE_SECONDS is `unknown`; the others do not wait for it.
    """
    return _all_examined(_known(EXTRACTION), clock)


def receivers() -> list[str]:
    """The folders of the receivers that are registered, and of those that hold a lock just now."""
    return [entry.folder for entry in _known(RECEIVER)]


def examine(folders: Iterable[Path], clock: Clock) -> list[Extraction]:
    """The extractions in these folders, in the order and with the patience of `extractions`."""
    return _all_examined([_Entry(str(folder), None) for folder in folders], clock)


def _known(kind: str) -> list[_Entry]:
    entries = [entry for entry in _entries() if entry.kind == kind]
    locked = {holder.folder for holder in running(lock_folder()) if holder.kind == kind}
    known = {entry.folder for entry in entries}
    return [*entries, *(_Entry(folder, None) for folder in sorted(locked - known))]


def _all_examined(entries: Sequence[_Entry], clock: Clock) -> list[Extraction]:
    calls = {(EXTRACTION, entry.folder): partial(_examined, entry, clock) for entry in entries}
    found = side_by_side(calls)
    examined = [
        one or Extraction(storage_folder=entry.folder, state=UNKNOWN, note=NO_ANSWER)
        for one, entry in zip(found, entries, strict=True)
    ]
    by_time = sorted(examined, key=lambda one: one.registered_at or "", reverse=True)
    return sorted(by_time, key=lambda one: ORDER.index(one.state))


def _name(storage_folder: Path) -> str:
    content = str(storage_folder).encode("utf-8", "surrogateescape")
    return f"{hashlib.sha256(content).hexdigest()[:16]}.json"


def _entries() -> list[_Entry]:
    """What is registered, each folder once; what cannot be read is left out."""
    places = []
    with suppress(RuntimeError):
        places.append(registry_folder())
    if REGISTRY_VARIABLE not in os.environ:
        places.append(SYSTEM_STATE / FOLDER)
    found: dict[str, _Entry] = {}
    for place in dict.fromkeys(places):
        for entry in _read(place):
            found.setdefault(entry.folder, entry)
    return list(found.values())


def _read(place: Path) -> Iterable[_Entry]:
    with suppress(OSError):
        for path in sorted(place.glob("*.json")):
            with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                content = json.loads(read_plain(path, LONGEST_ENTRY).decode("utf-8", "surrogateescape"))
                registered_at = datetime.fromisoformat(content["registered_at"])
                kind = str(content.get("kind", EXTRACTION))
                yield _Entry(str(content["storage_folder"]), timestamp(registered_at), kind)


def _forget(registry: Path, now: datetime) -> None:
    for entry in list(_read(registry)):
        folder, registered_at = Path(entry.folder), datetime.fromisoformat(entry.registered_at or "")
        if now - registered_at > FORGOTTEN_AFTER and not folder.exists():
            (registry / _name(folder)).unlink(missing_ok=True)


def _examined(entry: _Entry, clock: Clock) -> Extraction:
    status = None
    try:
        if Path(entry.folder).is_dir():
            seen = look(Layout.found(Path(entry.folder)), clock=clock)
            state, note, status = str(seen.status.state), seen.note, seen.status
        else:
            state, note = GONE, "the folder does not exist any more"
    except MissingInputError as error:
        state, note = UNKNOWN, str(error)
    except OSError as error:
        state, note = UNKNOWN, f"it cannot be read ({error.strerror})"
    except Exception:  # noqa: BLE001 - any account may name any folder, and have put there what it likes
        state, note = UNKNOWN, NOT_OURS
    return Extraction(
        storage_folder=entry.folder,
        state=state,
        registered_at=entry.registered_at,
        status=status,
        note=note,
    )


def side_by_side(calls: Mapping[Any, Callable[[], Answer]]) -> list[Answer | None]:
    """What each call gives, by what it looks at.

    None for those that take longer than PATIENCE_SECONDS, which are left alone: while one does not come back,
    nobody looks there again, or whoever looks every few seconds would have ever more threads.
    """
    answers: list[Answer | None] = [None] * len(calls)

    def answer(number: int, call: Callable[[], Answer]) -> None:
        answers[number] = call()

    hanging = {name for name, thread in _left.items() if thread.is_alive()}
    threads = {
        name: Thread(target=answer, args=(number, call), daemon=True)  # it must not hold up the command's end
        for number, (name, call) in enumerate(calls.items())
        if name not in hanging
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    for name, thread in threads.items():
        thread.join(max(deadline - time.monotonic(), 0.0))
        _left[name] = thread
        if not thread.is_alive():
            del _left[name]
    return answers.copy()
