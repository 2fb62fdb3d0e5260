"""What rows want of a study: all of it, or series; more may be wanted when it is on its way or at its end."""

import json
import sqlite3
from dataclasses import dataclass

from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.states import STUDY_ENDS, StudyState, check_study_transition


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundSeries:
    """A series that is wanted; `promised_count` None where the archive did not tell."""

    series_instance_uid: str
    promised_count: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundStudy:
    """What C-FIND answers told of a study; `promised_count` None where the archive did not tell.

    `series` are those that are wanted of it; None: all of it. `attributes` is what else was told, where that
    is to be kept.
    """

    study_instance_uid: str
    promised_count: int | None
    series: tuple[FoundSeries, ...] | None = None
    attributes: dict[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A study that a row wants; `reopened` where it was at its end: its rows follow it from there."""

    study_id: int
    reopened: bool


def want(ledger: LedgerConnection, found: FoundStudy, *, archive: str) -> Wanted:
    """Record a study that a row wants, or that it wants more of one. The caller holds the transaction."""
    inserted = ledger.run(
        "insert_study",
        study_instance_uid=found.study_instance_uid,
        archive=archive,
        whole=int(found.series is None),
        promised_count=found.promised_count,
    ).rowcount
    study = ledger.one("study_by_uid", found.study_instance_uid)
    assert study is not None  # noqa: S101 - inserted above
    widened = not study["whole"] and _widen(ledger, study, found) and not inserted
    reopened = widened and _take_up(ledger, study, archive)
    if found.attributes is not None:
        ledger.run(
            "keep_answer",
            study_id=study["id"],
            series_instance_uid="",
            attributes=json.dumps(found.attributes, ensure_ascii=False),
        )
    return Wanted(study_id=int(study["id"]), reopened=reopened)


def reopen(ledger: LedgerConnection, study_id: int, end: StudyState, *, archive: str) -> None:
    """More of a study is wanted than it ended with: this archive is asked, and what is filed stays."""
    check_study_transition(end, StudyState.FOUND)
    reason = "more of its series are wanted"
    ledger.one_changed("study_transition", id=study_id, before=end, after=StudyState.FOUND, reason=reason)
    ledger.run("study_taken_up", id=study_id, archive=archive)


def _widen(ledger: LedgerConnection, study: sqlite3.Row, found: FoundStudy) -> bool:
    """Whether this wants more than was wanted."""
    if found.series is None:
        ledger.run("want_all_series", id=study["id"], promised_count=found.promised_count)
        ledger.run("study_recount", study["id"])
        return True
    series = (
        {
            "study_id": study["id"],
            "series_instance_uid": series.series_instance_uid,
            "promised_count": series.promised_count,
        }
        for series in found.series
    )
    added = ledger.run_many("want_series", series)
    if added:
        ledger.run("count_wanted_series", study["id"])
        ledger.run("study_recount", study["id"])
    return bool(added)


def _take_up(ledger: LedgerConnection, study: sqlite3.Row, archive: str) -> bool:
    """Whether the study was at its end; one that has been asked for is looked for again when it is there."""
    state = StudyState(study["state"])
    if state in STUDY_ENDS:
        reopen(ledger, study["id"], state, archive=archive)
        return True
    passed_on = ledger.one("passed_by", subject="study", subject_id=study["id"]) is not None
    if state is not StudyState.FOUND or passed_on:
        ledger.run("study_widened", study["id"])
    return False
