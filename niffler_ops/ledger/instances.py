"""Instances: what the archive promised, what came, and where it stands."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from niffler_ops.errors import LedgerConflictError
from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.model import InstanceFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One instance; what is known only of received files is None before."""

    study_id: int
    sop_instance_uid: str
    series_instance_uid: str
    promised: bool
    state: str
    path: PurePosixPath | None
    size: int | None
    sha256: bytes | None
    inode: int | None
    modified_ns: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledInstance:
    """What a filed file has to be; `path` below StorageFolder, `size` in bytes."""

    study_id: int
    sop_instance_uid: str
    path: str
    size: int
    sha256: bytes


def _below(text: str) -> PurePosixPath:
    """A path below StorageFolder; a ledger from elsewhere may have been made to say another one."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise LedgerConflictError(
            "the ledger names a path outside of StorageFolder: it was changed by others"
        )
    return path


def _instance(row: sqlite3.Row) -> Instance:
    return Instance(
        study_id=row["study_id"],
        sop_instance_uid=row["sop_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        promised=bool(row["promised"]),
        state=row["state"],
        path=None if row["path"] is None else _below(row["path"]),
        size=row["size"],
        sha256=row["sha256"],
        inode=row["inode"],
        modified_ns=row["modified_ns"],
    )


class Instances:
    """The table of instances; callers hold the transaction."""

    def __init__(self, ledger: LedgerConnection) -> None:
        self._ledger = ledger

    def promise(self, study_id: int, instances: Iterable[tuple[str, str]], *, further: bool = False) -> None:
        """Replace the archive's promise: pairs of Series and SOP Instance UID.

        `further`: it is another archive's, and what was promised before is missing all the same.
        """
        if not further:
            self._ledger.run("forget_promise", study_id)
        self._ledger.run_many(
            "promise",
            (
                {"study_id": study_id, "series_instance_uid": series, "sop_instance_uid": sop}
                for series, sop in instances
            ),
        )
        self._ledger.run("drop_unpromised", study_id)

    def receive(self, study_id: int, file: InstanceFile, path: PurePosixPath, *, promised: bool) -> None:
        """A whole instance of the study is in staging; one that is filed already stays as it is."""
        self._ledger.run(
            "receive",
            study_id=study_id,
            sop_instance_uid=file.sop_instance_uid,
            series_instance_uid=file.series_instance_uid,
            promised=int(promised),
            path=str(path),
            size=file.size,
            sha256=file.sha256,
            inode=file.inode,
            modified_ns=file.modified_ns,
        )

    def get(self, study_id: int, sop_instance_uid: str) -> Instance | None:
        """One instance of a study."""
        row = self._ledger.one("instance", study_id, sop_instance_uid)
        return None if row is None else _instance(row)

    def of_study(self, study_id: int) -> list[Instance]:
        """All that was promised or came of a study."""
        return [_instance(row) for row in self._ledger.all("instances_of_study", study_id)]

    def filed_after(self, study_id: int, sop_instance_uid: str, *, limit: int) -> list[FiledInstance]:
        """The next filed instances in the order of study and SOP Instance UID."""
        rows = self._ledger.all(
            "filed_after", study_id=study_id, sop_instance_uid=sop_instance_uid, limit=limit
        )
        return [FiledInstance(**dict(row)) for row in rows]

    def missing(self, study_id: int) -> list[str]:
        """SOP Instance UIDs that were promised and are not on disk."""
        return [row[0] for row in self._ledger.all("missing_of_study", study_id)]

    def name_missing(self, study_id: int) -> None:
        """What is still awaited is missing from now on."""
        self._ledger.run("name_missing", study_id)

    def accept_surplus(self, study_id: int) -> None:
        """The study grew: what came beyond the promise counts as promised."""
        self._ledger.run("promise_surplus", study_id)

    def set_state(self, study_id: int, sop_instance_uid: str, state: str) -> None:
        """An instance is `filed`, or `awaited` again."""
        self._ledger.run("instance_state", study_id=study_id, sop_instance_uid=sop_instance_uid, after=state)

    def read_again(self, study_id: int, file: InstanceFile) -> None:
        """A file was replaced by one with other bytes after it was read first."""
        self._ledger.run(
            "instance_read_again",
            study_id=study_id,
            sop_instance_uid=file.sop_instance_uid,
            size=file.size,
            sha256=file.sha256,
            inode=file.inode,
            modified_ns=file.modified_ns,
        )

    def drop_surplus(self, study_id: int) -> list[Instance]:
        """Forget what came and was not promised; gives what it was."""
        surplus = [
            instance
            for instance in self.of_study(study_id)
            if not instance.promised and instance.state == "received"
        ]
        self._ledger.run("drop_surplus", study_id)
        return surplus
