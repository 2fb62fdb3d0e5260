"""Ledgers of invented extractions, made through the ledger itself, as a supervisor would."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from niffler_ops.clock import Clock
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import CsvRow, InstanceFile
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.states import StudyState

HEADER = ("PatientID", "AccessionNumber")
ARCHIVE = "PACS@archive:104"
INSTANCE_BYTES = 1000
_opened = ExitStack()
GONE = Identity(pid=1, start_ticks=1, boot_id="another boot")


def asked(line: int, accession: str | None = None) -> CsvRow:
    """A line that can be asked for."""
    accession = accession or f"A{line}"
    return CsvRow(line=line, values=(f"P{line}", accession), keys={"AccessionNumber": accession})


def refused(line: int, reason: str, values: Sequence[str] = ("", "")) -> CsvRow:
    """A line that cannot."""
    return CsvRow(line=line, values=tuple(values), keys={}, refused=reason)


def make_ledger(
    folder: Path,
    rows: Iterable[CsvRow],
    *,
    header: Sequence[str] = HEADER,
    clock: Clock | None = None,
) -> Ledger:
    """The ledger of a new extraction with these rows, for its writer; closed at the end of the test."""
    layout = Layout(folder)
    layout.private.mkdir(parents=True, exist_ok=True)
    ledger = open_ledger(layout.ledger, clock)
    ledger.create(
        configuration={},
        storage_folder=folder,
        csv_file=folder / "list.csv",
        csv_digest="0" * 64,
        csv_header=tuple(header),
        rows=rows,
    )
    return ledger


def open_ledger(path: Path, clock: Clock | None = None) -> Ledger:
    """A ledger for its writer; closed at the end of the test."""
    ledger = Ledger.open(path, clock)
    _opened.callback(ledger.close)
    return ledger


def close_ledgers() -> None:
    """Close those that are open still."""
    _opened.close()


def studies_of_row(ledger: Ledger, row_id: int) -> list[Study]:
    """The studies that a row matched."""
    linked = "SELECT study_id FROM row_studies WHERE row_id = ? ORDER BY study_id"
    return [ledger.studies.get(row[0]) for row in ledger._connection.execute(linked, (row_id,))]


def launch(ledger: Ledger, role: str, identity: Identity) -> str:
    """Record a process; gives its token."""
    with ledger.transaction():
        token = ledger.launches.intend(role, [role])
        ledger.launches.launched(
            token, pid=identity.pid, start_ticks=identity.start_ticks, boot_id=identity.boot_id
        )
    return token


def start_run(ledger: Ledger, identity: Identity | None = None) -> str:
    """Begin a run with this process as its supervisor, by default the one that calls; gives its token."""
    identity = identity or identify(os.getpid())
    assert identity is not None
    token = launch(ledger, "supervisor", identity)
    with ledger.transaction():
        ledger.run_started()
    return token


def match(
    ledger: Ledger, studies: Mapping[int, Iterable[str]], *, mismatches: int = 0, count: int = 2
) -> None:
    """Ask for all rows: each line matches these studies of `count` instances, or nothing."""
    with ledger.transaction():
        for row in ledger.rows.claim(1000):
            found = [
                FoundStudy(study_instance_uid=uid, promised_count=count) for uid in studies.get(row.line, ())
            ]
            if found:
                ledger.rows.matched(row.id, found, archive=ARCHIVE, mismatches=mismatches)
            else:
                ledger.rows.not_found(row.id, "the archive has nothing that matches")


def move(ledger: Ledger, uid: str) -> Study:
    """List a study by its instances' UIDs and retrieve it: what the archive promised has not come yet."""
    with ledger.transaction():
        study = ledger.studies.by_uid(uid)
        assert study is not None
        instances = [(f"{uid}.1", f"{uid}.1.{number}") for number in range(study.promised_count or 0)]
        ledger.instances.promise(study.id, instances)
        ledger.studies.listed(study.id, StudyState.FOUND, "uid")
        attempt = ledger.studies.begin_move(ledger.studies.get(study.id), lane=0, level="STUDY")
        ledger.studies.end_move(study.id, attempt, MoveOutcome(status=0), grace=0.0)
    return study


def receive(ledger: Ledger, study: Study, instances: int) -> None:
    """The first instances of a study that was moved arrive."""
    uid = study.study_instance_uid
    with ledger.transaction():
        for number in range(instances):
            file = InstanceFile(
                path="",
                size=INSTANCE_BYTES,
                inode=number,
                modified_ns=0,
                sha256=bytes(32),
                study_instance_uid=uid,
                series_instance_uid=f"{uid}.1",
                sop_instance_uid=f"{uid}.1.{number}",
                attributes={},
            )
            ledger.instances.receive(study.id, file, PurePosixPath(f"{uid}/{number}.dcm"), promised=True)
        ledger.studies.recount([study.id])


def retrieve(ledger: Ledger, uid: str, *, missing: int = 0, verified: str = "by_uid") -> None:
    """Bring a study to its end, `missing` of its instances not having come."""
    study = move(ledger, uid)
    receive(ledger, study, (study.promised_count or 0) - missing)
    outcome = StudyState.PARTIAL if missing else StudyState.DONE
    with ledger.transaction():
        ledger.studies.decide(
            study.id,
            outcome=outcome,
            verified=None if missing else verified,
            reason=f"{missing} instances missing: {uid}.1.9" if missing else "",
        )
        ledger.studies.filed(study.id)


def fail(ledger: Ledger, uid: str, reason: str) -> None:
    """Nothing of a study comes."""
    study = move(ledger, uid)
    with ledger.transaction():
        ledger.studies.fail(study.id, reason)


def end_run(ledger: Ledger, run_state: str, *tokens: str) -> None:
    """End the run and its processes in order."""
    with ledger.transaction():
        for token in tokens:
            ledger.launches.ended(token, 0)
        ledger.run_ended(run_state)
