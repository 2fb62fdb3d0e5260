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


def want(ledger: LedgerConnection, found: FoundStudy, *, archive: str) -> int:
    """Record a study that a row wants, or that it wants more of one; gives the study's id.

    The caller holds the transaction.
    """
    inserted = ledger.run(
        "insert_study",
        study_instance_uid=found.study_instance_uid,
        archive=archive,
        whole=int(found.series is None),
        promised_count=found.promised_count,
    ).rowcount
    study = ledger.one("study_by_uid", found.study_instance_uid)
    assert study is not None  # noqa: S101 - inserted above
    if not study["whole"] and _widen(ledger, study, found) and not inserted:
        _take_up(ledger, study)
    if found.attributes is not None:
        ledger.run(
            "keep_answer",
            study_id=study["id"],
            series_instance_uid="",
            attributes=json.dumps(found.attributes, ensure_ascii=False),
        )
    return int(study["id"])


def reopen(ledger: LedgerConnection, study_id: int, end: StudyState) -> None:
    """More of a study is wanted than it ended with: it is looked for again, what is filed stays."""
    check_study_transition(end, StudyState.FOUND)
    reason = "more of its series are wanted"
    ledger.one_changed("study_transition", id=study_id, before=end, after=StudyState.FOUND, reason=reason)
    ledger.run("study_taken_up", study_id)


def _widen(ledger: LedgerConnection, study: sqlite3.Row, found: FoundStudy) -> bool:
    """Whether this wants more than was wanted."""
    if found.series is None:
        ledger.run("want_all_series", id=study["id"], promised_count=found.promised_count)
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


def _take_up(ledger: LedgerConnection, study: sqlite3.Row) -> None:
    state = StudyState(study["state"])
    if state in STUDY_ENDS:
        reopen(ledger, study["id"], state)
    elif state is not StudyState.FOUND:
        ledger.run("study_widened", id=study["id"], widened=1)
