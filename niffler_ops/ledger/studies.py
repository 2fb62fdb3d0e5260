"""Studies: claims for listing and retrieval, what the archive promised, and how each ended."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.ledger.rows import Rows
from niffler_ops.ledger.wanting import reopen
from niffler_ops.states import STUDY_REWINDS, StudyState, check_study_transition


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """One study as the ledger has it; the columns are described in the schema."""

    id: int
    study_instance_uid: str
    found_at: str
    archive: str
    waits: bool
    exhausted: bool
    whole: bool
    widened: bool
    state: StudyState
    reason: str
    promised_count: int | None
    promised_by: str | None
    expected: int
    received: int
    surplus: int
    bytes: int
    listings: int
    relisted: bool
    asked: int
    attempts: int
    last_status: int | None
    last_completed: int | None
    grace: float
    outcome: str | None
    verified: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveOutcome:
    """What a C-MOVE came to; counters as the archive counts, None where it did not say."""

    status: int | None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    reason: str = ""

    @property
    def sent(self) -> int | None:
        """Instances that were sent; by PS3.4 C.4.2.1.5 one with a warning was taken."""
        told = [counter for counter in (self.completed, self.warning) if counter is not None]
        return sum(told) if told else None


def _study(row: sqlite3.Row) -> Study:
    return Study(
        id=row["id"],
        study_instance_uid=row["study_instance_uid"],
        found_at=row["found_at"],
        archive=row["archive"],
        waits=bool(row["waits"]),
        exhausted=bool(row["exhausted"]),
        whole=bool(row["whole"]),
        widened=bool(row["widened"]),
        state=StudyState(row["state"]),
        reason=row["reason"],
        promised_count=row["promised_count"],
        promised_by=row["promised_by"],
        expected=row["expected"],
        received=row["received"],
        surplus=row["surplus"],
        bytes=row["bytes"],
        listings=row["listings"],
        relisted=bool(row["relisted"]),
        asked=row["asked"],
        attempts=row["attempts"],
        last_status=row["last_status"],
        last_completed=row["last_completed"],
        grace=row["grace"],
        outcome=row["outcome"],
        verified=row["verified"],
    )


class Studies:
    """The table of studies; callers hold the transaction."""

    def __init__(self, ledger: LedgerConnection, rows: Rows) -> None:
        self._ledger = ledger
        self._rows = rows

    def get(self, study_id: int) -> Study:
        """The study with this id."""
        row = self._ledger.one("study", study_id)
        if row is None:
            raise KeyError(study_id)
        return _study(row)

    def by_uid(self, study_instance_uid: str) -> Study | None:
        """The study with this Study Instance UID; None where no row matched it."""
        row = self._ledger.one("study_by_uid", study_instance_uid)
        return None if row is None else _study(row)

    def wanted_series(self, study_id: int) -> list[str]:
        """The Series Instance UIDs that are wanted of a study which is not wanted as a whole."""
        return [row[0] for row in self._ledger.all("wanted_series", study_id)]

    def claim_for_listing(self, limit: int, *, archive: str, last_line: int | None = None) -> list[Study]:
        """Take studies whose instances this archive is to be asked for."""
        claimed = self.due_for_listing(limit, archive=archive, last_line=last_line)
        for study in claimed:
            self._transition(study.id, study.state, StudyState.LISTING, study.reason)
        return claimed

    def due_for_listing(self, limit: int, *, archive: str, last_line: int | None = None) -> list[Study]:
        """Studies whose instances this archive may be asked for, none but of rows up to `last_line`."""
        return self._due("studies_found", limit, archive, last_line)

    def due_for_move(self, limit: int, *, archive: str, last_line: int | None = None) -> list[Study]:
        """Studies that are due for retrieval from this archive; `begin_move` takes them."""
        return self._due("studies_to_move", limit, archive, last_line)

    def waiting_at(self, archive: str, *, limit: int) -> int:
        """How many studies an archive still has to list or send, counted up to `limit`."""
        row = self._ledger.one("studies_waiting_at", archive=archive, limit=limit)
        return 0 if row is None else int(row[0])

    def to_pass_on(self, limit: int, *, archive: str) -> list[Study]:
        """Studies that another archive may be asked for while this one cannot give them."""
        names = ("found_to_pass_on", "listed_to_pass_on")
        rows = [row for name in names for row in self._ledger.all(name, archive=archive, limit=limit)]
        return [_study(row) for row in rows[:limit]]

    def pass_on(self, study: Study, *, archive: str, waits: bool, reason: str) -> None:
        """Another archive is asked for what is missing of the study; what came stays."""
        state = self.get(study.id).state
        if state is not StudyState.FOUND:
            self._transition(study.id, state, StudyState.FOUND, reason)
        self._ledger.run("study_passed_on", id=study.id, archive=archive, waits=int(waits))

    def exhausted(self, study_id: int, reason: str) -> None:
        """No archive is left that could have more of the study: what came of it is judged."""
        self._transition(study_id, StudyState.LISTING, StudyState.MOVED, reason)
        self._ledger.run("study_exhausted", study_id)

    def moved(self) -> list[Study]:
        """Studies whose instances may still be arriving."""
        return [_study(row) for row in self._ledger.all("studies_moved")]

    def verified(self, limit: int) -> list[Study]:
        """Studies whose files are on their way to their final path."""
        return [_study(row) for row in self._ledger.all("studies_verified", limit)]

    def listed(self, study_id: int, before: StudyState, promised_by: str) -> None:
        """What the archive promises is known: `uid`, `count` or `none`."""
        after = StudyState.MOVED if before is StudyState.RELISTING else StudyState.LISTED
        self._transition(study_id, before, after)
        self._ledger.run("study_promise", id=study_id, promised_by=promised_by)
        if before is StudyState.RELISTING:
            self._ledger.run("study_relisted", study_id)
        self._ledger.run("study_recount", study_id)

    def listed_without_promise(self, study_id: int) -> None:
        """It arrives unasked for by UID: nothing is promised, and nobody is asked."""
        self._transition(study_id, StudyState.FOUND, StudyState.LISTED)
        self._ledger.run("study_promise", id=study_id, promised_by="none")

    def listing_failed(
        self, study_id: int, before: StudyState, *, delay: float, charged: bool, reason: str
    ) -> None:
        """The archive did not tell this time; the study is asked about again after `delay` seconds."""
        self._transition(study_id, before, STUDY_REWINDS[before], reason)
        due = self._ledger.now_seconds() + delay
        self._ledger.run("study_listing_failed", id=study_id, charge=1 if charged else 0, not_before=due)

    def keep_answer(self, study_id: int, series_instance_uid: str, attributes: Mapping[str, str]) -> None:
        """Keep what the archive said of a series."""
        self._ledger.run(
            "keep_answer",
            study_id=study_id,
            series_instance_uid=series_instance_uid,
            attributes=json.dumps(dict(attributes), ensure_ascii=False),
        )

    def described(self, study_id: int, problem: str = "") -> None:
        """In the CFIND modes: all is known that was asked for, or `problem` says what is not."""
        after = StudyState.PARTIAL if problem else StudyState.DONE
        self._end(study_id, StudyState.LISTING, after, problem)

    def without_count(self) -> int:
        """Studies of which the archive did not tell the number of instances."""
        row = self._ledger.one("studies_without_count")
        return 0 if row is None else int(row[0])

    def relist(self, study_id: int) -> None:
        """Ask again what the study has, because arrival and promise differ."""
        self._transition(study_id, StudyState.MOVED, StudyState.RELISTING)

    def skip_move(self, study_id: int) -> None:
        """All that it promises is here already."""
        self._transition(study_id, StudyState.LISTED, StudyState.MOVED)

    def begin_move(self, study: Study, *, lane: int, level: str) -> int:
        """Give a study to a movescu; gives the attempt's id."""
        self._transition(study.id, StudyState.LISTED, StudyState.MOVING)
        self._ledger.run("study_asked", study.id)
        self._ledger.run("await_again", study.id)
        cursor = self._ledger.run(
            "begin_attempt",
            study_id=study.id,
            archive=study.archive,
            lane=lane,
            level=level,
            now=self._ledger.now_text(),
        )
        return int(cursor.lastrowid or 0)

    def end_move(self, study_id: int, attempt_id: int, outcome: MoveOutcome, *, grace: float) -> None:
        """The archive answered, or will not: what came is judged after `grace` quiet seconds."""
        self._transition(study_id, StudyState.MOVING, StudyState.MOVED)
        self._ledger.run(
            "study_answered",
            id=study_id,
            status=outcome.status,
            completed=outcome.sent,
            grace=grace,
        )
        self._end_attempt(attempt_id, outcome, charged=True)

    def give_back(self, study_id: int, attempt_id: int, reason: str) -> None:
        """The study was never asked for after all: back, free of charge."""
        self._transition(study_id, StudyState.MOVING, StudyState.LISTED, reason)
        self._ledger.run("study_refund", study_id)
        self._end_attempt(attempt_id, MoveOutcome(status=None, reason=reason), charged=False)

    def refund(self, study_id: int, attempt_id: int) -> None:
        """The archive itself was gone: the attempt does not count."""
        self._ledger.run("study_refund", study_id)
        self._ledger.run("uncharge_attempt", attempt_id)

    def retry(self, study_id: int, *, delay: float, reason: str) -> None:
        """Retrieve again, after `delay` seconds."""
        self._transition(study_id, StudyState.MOVED, StudyState.LISTED, reason)
        self._ledger.run("study_due", id=study_id, not_before=self._ledger.now_seconds() + delay)

    def decide(self, study_id: int, *, outcome: StudyState, verified: str | None, reason: str) -> None:
        """Record the verdict `done` or `partial`, which holds once the files are filed and durable."""
        if verified == "unverified":
            self._ledger.run("study_expects_what_came", study_id)
        self._transition(study_id, StudyState.MOVED, StudyState.VERIFIED, reason)
        self._ledger.run("study_outcome", id=study_id, outcome=outcome, verified=verified)

    def filed(self, study_id: int, *, conflicts: int = 0) -> None:
        """The files are durable at their final path: the verdict holds now.

        `conflicts` instances could not be filed because a different one has their path.
        """
        study = self.get(study_id)
        outcome, reason = StudyState(study.outcome or StudyState.PARTIAL), study.reason
        if conflicts:
            outcome = StudyState.PARTIAL
            reason = f"{conflicts} instances not filed: another one stands at their path"
            self._ledger.run("study_outcome", id=study_id, outcome=outcome, verified=None)
            self._ledger.run("study_recount", study_id)
        self._end(study_id, StudyState.VERIFIED, outcome, reason)

    def most_sent(self, study_id: int) -> int:
        """The largest number of instances that one retrieve of the study brought, as archives count."""
        row = self._ledger.one("most_sent", study_id)
        return 0 if row is None else int(row[0])

    def reported(self, study_id: int, outcome: StudyState, reason: str, *, sent: int) -> None:
        """Sent to another system: the archive's counters are all there is."""
        self._ledger.run("study_reported", id=study_id, outcome=outcome, sent=sent)
        self._end(study_id, StudyState.MOVED, outcome, reason)

    def unfile(self, study_id: int, *, grace: float, reason: str) -> None:
        """A file was lost or changed before it was durable: judge again."""
        self._transition(study_id, StudyState.VERIFIED, StudyState.MOVED, reason)
        self._ledger.run("study_outcome", id=study_id, outcome=None, verified=None)
        self._ledger.run("study_grace", id=study_id, grace=grace)
        self._ledger.run("study_recount", study_id)

    def fail(self, study_id: int, reason: str) -> None:
        """Nothing of the study could be had."""
        self._end(study_id, StudyState.MOVED, StudyState.FAILED, reason)

    def recount(self, study_ids: Iterable[int]) -> None:
        """Count again what of these studies is on disk."""
        self._ledger.run_many("study_recount", ((study_id,) for study_id in study_ids))

    def keep_modalities(self, found: Iterable[tuple[int, str]]) -> None:
        """Note of these studies which modalities they have, those that are known once more included."""
        self._ledger.run_many("keep_modality", found)

    def rewind(self, *, grace: float) -> int:
        """After a crash: studies in flight go back, at no cost in attempts; gives their number."""
        rows = self._ledger.all("studies_in_flight")
        for row in rows:
            before = StudyState(row["state"])
            self._transition(row["id"], before, STUDY_REWINDS[before], "")
            if before is StudyState.MOVING:
                self._ledger.run("study_refund", row["id"])
        for row in self._ledger.all("studies_moved"):
            self._ledger.run("study_grace", id=row["id"], grace=grace)
        self._ledger.run(
            "end_open_attempts", now=self._ledger.now_text(), reason="the extraction was interrupted"
        )
        return len(rows)

    def reread(self) -> int:
        """After a crash: forget what was received and not filed, for staging is read again."""
        studies = [row["id"] for row in self._ledger.all("studies_with_arrivals")]
        self._ledger.run_many("lost_from_staging", ((study_id,) for study_id in studies))
        self.recount(studies)
        return len(studies)

    def take_up(self, *, last_line: int | None = None) -> int:
        """For --retry-failed: studies that failed or are partial are looked for again."""
        rows = self._ledger.all("studies_ended_badly", last_line=last_line)
        for row in rows:
            self._transition(row["id"], StudyState(row["state"]), StudyState.FOUND)
            self._ledger.run("study_taken_up", id=row["id"], archive=row["found_at"])
        for row in rows:
            self._rows.settle_study(row["id"])
        return len(rows)

    def last_level(self, study_id: int) -> str | None:
        """The level of the latest C-MOVE of the study."""
        row = self._ledger.one("last_attempt", study_id)
        return None if row is None else str(row["level"])

    def last_failed(self, study_id: int) -> int | None:
        """How many instances the latest C-MOVE of the study could not send, as the archive counts."""
        row = self._ledger.one("last_attempt", study_id)
        return None if row is None else row["failed"]

    def _due(self, query: str, limit: int, archive: str, last_line: int | None) -> list[Study]:
        now = self._ledger.now_seconds()
        rows = self._ledger.all(query, archive=archive, now=now, limit=limit, last_line=last_line)
        return [_study(row) for row in rows]

    def _end(self, study_id: int, before: StudyState, end: StudyState, reason: str) -> None:
        """The study is at its end, unless more of it is wanted by now; its rows follow."""
        self._transition(study_id, before, end, reason)
        self._ledger.run("forget_passed", subject="study", subject_id=study_id)
        study = self.get(study_id)
        if study.widened:
            reopen(self._ledger, study_id, end, archive=study.archive)
        self._rows.settle_study(study_id)

    def _end_attempt(self, attempt_id: int, outcome: MoveOutcome, *, charged: bool) -> None:
        self._ledger.run(
            "end_attempt",
            id=attempt_id,
            now=self._ledger.now_text(),
            status=outcome.status,
            completed=outcome.completed,
            failed=outcome.failed,
            warning=outcome.warning,
            charged=int(charged),
            reason=outcome.reason,
        )

    def _transition(self, study_id: int, before: StudyState, after: StudyState, reason: str = "") -> None:
        check_study_transition(before, after)
        self._ledger.one_changed("study_transition", id=study_id, before=before, after=after, reason=reason)
