"""A soak: retrieval at full rate for SOAK_MINUTES, in which nothing may grow; `make soak` for ten minutes.

Between the second and the last third of the time, the median of what each process holds has to stay.
"""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from statistics import median

import psutil
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from niffler_ops.embedded.index import FILE_NAME, update
from tests.support.dicomfiles import image
from tests.support.rig import Rig, Running

MINUTES = float(os.environ.get("SOAK_MINUTES", "0.25"))
SECONDS = 60 * MINUTES
MOST_A_SECOND = 1_200  # instances, of which the archive must not run out
INSTANCES = 10
LOOK_SECONDS = 0.5
ROOT, FIRST = "1.2.826.0.1.3680043.8.498.66", 10_000_000
GROWTH = {  # the least that counts as such
    "memory": 8e6,
    "descriptors": 8,
    "threads": 4,
    "wal": 16e6,
    "studies": 2_000,
}
SHARE = 1.1
Holding = dict[str, list[float]]


@pytest.mark.timeout(600 + 3 * SECONDS)
def test_nothing_grows_while_it_retrieves_at_full_rate(plain_rig: Rig) -> None:
    rig, folder = plain_rig, plain_rig.folder / "archive"
    studies = 20 + int(SECONDS * MOST_A_SECOND / INSTANCES)
    rig.write_csv(_write_studies(folder, studies))
    update(folder / FILE_NAME, folder)
    rig.serve(folder, noted=False)
    running = rig.start()
    held = _watch(rig, running)
    received = rig.received()
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.status == 75, f"the archive ran out, or it failed: {ended}"
    [(done,)] = rig.ledger("SELECT number FROM tallies WHERE subject = 'study' AND name = 'done'")
    print(f"{received} instances in {MINUTES:g} minutes, {received / SECONDS:.0f}/s; {done} studies done")
    assert received > 100
    grown = []
    for (role, what), values in held.items():
        third = len(values) // 3
        before, after = median(values[third : 2 * third]), median(values[-third:])
        print(f"{role} {what}: {before:,.0f} then {after:,.0f}, at most {max(values):,.0f}")
        if after > max(SHARE * before, before + GROWTH[what]):
            grown.append(f"{role} {what}: {before:,.0f} then {after:,.0f}")
    assert not grown


def _write_studies(folder: Path, studies: int) -> Iterator[tuple[str, str]]:
    """Small images that differ in their identity only; gives the lines that ask for them."""
    buffer = BytesIO()
    example = image(
        SOPInstanceUID=f"{ROOT}.1.{FIRST}",
        SeriesInstanceUID=f"{ROOT}.2.{FIRST}",
        StudyInstanceUID=f"{ROOT}.3.{FIRST}",
        PatientID=f"P{FIRST}",
        AccessionNumber=f"A{FIRST}",
    )
    example.ensure_file_meta()
    example.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    example.save_as(buffer, enforce_file_format=True)
    sample = buffer.getvalue()
    for study in range(FIRST + 1, FIRST + studies + 1):
        (folder / str(study)).mkdir(parents=True)
        body = sample
        for prefix in (f"{ROOT}.2.", f"{ROOT}.3.", "P", "A"):
            body = body.replace(f"{prefix}{FIRST}".encode(), f"{prefix}{study}".encode())
        for number in range(INSTANCES):
            own = f"{ROOT}.1.{FIRST + (study - FIRST) * INSTANCES + number}"
            (folder / str(study) / f"{number}.dcm").write_bytes(
                body.replace(f"{ROOT}.1.{FIRST}".encode(), own.encode())
            )
        yield f"P{study}", f"A{study}"


def _watch(rig: Rig, running: Running) -> dict[tuple[str, str], list[float]]:
    """What supervisor, readers and storescp hold, the ledger's log, and what waits to be filed."""
    held: dict[tuple[str, str], list[float]] = defaultdict(list)
    wal, incoming = rig.private / "ledger.sqlite-wal", rig.private / "incoming"
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not running.ended:
        with suppress(psutil.Error, FileNotFoundError):
            for role, process in _processes(running):
                with process.oneshot():
                    held[role, "memory"].append(process.memory_info().rss)
                    held[role, "descriptors"].append(process.num_fds())
                    held[role, "threads"].append(process.num_threads())
            held["ledger", "wal"].append(wal.stat().st_size)
            held["staging", "studies"].append(sum(1 for _ in incoming.iterdir()))
        time.sleep(LOOK_SECONDS)  # the time itself is what is asked for
    return held


def _processes(running: Running) -> Iterator[tuple[str, psutil.Process]]:
    supervisor = psutil.Process(running.pid)
    yield "supervisor", supervisor
    for number, child in enumerate(supervisor.children()):
        command = child.cmdline()
        if "storescp" in command:
            yield "storescp", child
        elif any("spawn_main" in part for part in command):
            yield f"reader {number}", child
