"""Several archives: which of them did not give a row or a study, and who is asked next."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.ledger.rows import up_to

Subject = Literal["row", "study"]


class Why(StrEnum):
    """Why an archive did not give what it was asked for."""

    ABSENT = "absent"  # it does not have it
    FAILED = "failed"  # it was asked as often as MaxAttempts says
    UNAVAILABLE = "unavailable"  # it does not answer, or does not know us; it may have it


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What came of asking one archive."""

    why: Why
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """Who is asked next; `waits`: it was passed over before, and every other one was asked."""

    archive: str
    waits: bool = False


def choose(
    archives: Sequence[str], passed: Mapping[str, Passed], *, reachable: Collection[str] = ()
) -> Next | None:
    """The first archive that was not asked, else the first that was passed over unasked; None: all were.

    Of those that were passed over one that is `reachable` by now comes before the others.
    """
    for archive in archives:
        if archive not in passed:
            return Next(archive=archive)
    unasked = [archive for archive in archives if passed[archive].why is Why.UNAVAILABLE]
    unasked.sort(key=lambda archive: archive not in reachable)
    return Next(archive=unasked[0], waits=True) if unasked else None


class Passing:
    """The table of passed archives; callers hold the transaction."""

    def __init__(self, ledger: LedgerConnection) -> None:
        self._ledger = ledger

    def note(self, subject: Subject, subject_id: int, archive: str, passed: Passed) -> None:
        """An archive did not give it."""
        self._ledger.run(
            "pass",
            subject=subject,
            subject_id=subject_id,
            archive=archive,
            why=passed.why,
            reason=passed.reason,
        )

    def of(self, subject: Subject, subject_id: int) -> dict[str, Passed]:
        """What came of the archives that were asked or passed over."""
        rows = self._ledger.all("passed_by", subject=subject, subject_id=subject_id)
        return {row["archive"]: Passed(why=Why(row["why"]), reason=row["reason"]) for row in rows}

    def retract(self, subject: Subject, subject_id: int, archive: str) -> None:
        """It waits for this archive after all."""
        self._ledger.run("unpass", subject=subject, subject_id=subject_id, archive=archive)

    def forget(self, subject: Subject, subject_id: int) -> None:
        """It is at its end."""
        self._ledger.run("forget_passed", subject=subject, subject_id=subject_id)

    def came_back(self, archive: str) -> None:
        """An archive that was passed over answers: what waits for another one may be asked of it."""
        self._ledger.run("rows_may_move", archive=archive)
        self._ledger.run("studies_may_move", archive=archive)

    def rows_at(self, archive: str, *, last_line: int | None) -> bool:
        """Whether a row is still to be asked of an archive ("": the first)."""
        if last_line is not None and self._ledger.one("pending_up_to", last_line) is None:
            return False  # rather than look at every row beyond
        line = up_to(last_line)
        return self._ledger.one("row_at", archive=archive, last_line=line) is not None

    def studies_at(self, archive: str) -> bool:
        """Whether a study is still to be had from an archive."""
        return self._ledger.one("study_at", archive=archive) is not None

    def adopt(self, archives: Sequence[str]) -> None:
        """At the start of a run: SrcAet is what it is now, and what was unavailable may answer again."""
        names = json.dumps(list(archives))
        self._ledger.run("rows_adopted", archives=names, first=archives[0])
        self._ledger.run("studies_adopted", archives=names, first=archives[0])
        self._ledger.run("forget_unavailable", archives=names)
        self._ledger.run("rows_wait_no_more")
        self._ledger.run("studies_wait_no_more")
