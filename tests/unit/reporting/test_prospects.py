"""Every state of a row, a study and a handover has its future in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from niffler_ops.ledger.tracing import TracedHandover, TracedRow, TracedStudy
from niffler_ops.reporting.prospects import CONTINUE, RETRY, Prospect
from niffler_ops.reporting.status import ExtractionState
from niffler_ops.states import HandoverState, RowState, StudyState

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
LATER = (NOW + timedelta(seconds=90)).timestamp()
RUNNING = Prospect(state=ExtractionState.RUNNING, pause_reason=None, now=NOW)
PAUSED = Prospect(state=ExtractionState.PAUSED, pause_reason="too little room", now=NOW)
CRASHED = Prospect(state=ExtractionState.CRASHED, pause_reason=None, now=NOW)

ROW = TracedRow(
    id=1,
    line=2,
    keys={},
    same_line=None,
    state=RowState.PENDING,
    reason="",
    attempts=0,
    mismatches=0,
    untold=0,
    not_before=0.0,
    archive="",
    unqueried=False,
    passed={},
)
STUDY = TracedStudy(
    id=1,
    study_instance_uid="1.2",
    archive="PACS@archive:104",
    whole=True,
    state=StudyState.LISTED,
    reason="",
    promised_by="uid",
    expected=1,
    received=0,
    surplus=0,
    bytes=0,
    attempts=0,
    not_before=0.0,
    verified=None,
    series=(),
    missing=(),
    attempted=(),
    handovers=(),
    passed={},
)
HANDOVER = TracedHandover(
    processor="png",
    state=HandoverState.WAITING,
    reason="",
    attempts=0,
    not_before=0.0,
    files=0,
    held=0,
)


@pytest.mark.parametrize("prospect", [RUNNING, PAUSED, CRASHED])
def test_every_state_is_told(prospect: Prospect) -> None:
    told = [
        *(prospect.row(replace(ROW, state=state)) for state in RowState),
        *(prospect.study(replace(STUDY, state=state)) for state in StudyState),
        *(
            prospect.handover(replace(HANDOVER, state=state))
            for state in HandoverState
            if state is not HandoverState.DONE
        ),
    ]
    assert all(text.endswith(".") for text in told)


def test_what_is_due_comes_as_soon_as_its_turn() -> None:
    assert RUNNING.row(ROW) == "The first archive of SrcAet is asked for it as soon as its turn comes."
    assert RUNNING.study(STUDY) == "It is retrieved from PACS@archive:104 as soon as its turn comes."


def test_what_is_not_due_says_when() -> None:
    assert RUNNING.row(replace(ROW, archive="B@b:1", not_before=LATER)).startswith(
        "B@b:1 is asked for it at "
    )
    assert RUNNING.study(replace(STUDY, not_before=LATER)).endswith(", in 1 min.")


def test_in_a_pause_the_pause_decides() -> None:
    assert PAUSED.study(STUDY).endswith("after the pause (too little room).")


@pytest.mark.parametrize(
    "state", [StudyState.FOUND, StudyState.LISTED, StudyState.MOVING, StudyState.VERIFIED]
)
def test_where_nobody_is_at_work_the_next_run_decides(state: StudyState) -> None:
    assert CRASHED.study(replace(STUDY, state=state)).endswith(f"{CONTINUE}.")


def test_what_ended_badly_is_taken_up_on_request_only() -> None:
    assert RUNNING.row(replace(ROW, state=RowState.NOT_FOUND)) == RETRY
    assert RUNNING.study(replace(STUDY, state=StudyState.PARTIAL)) == RETRY
    assert RUNNING.handover(replace(HANDOVER, state=HandoverState.FAILED)) == RETRY


def test_a_row_whose_query_is_refused_is_retrieved_by_its_keys() -> None:
    assert RUNNING.row(replace(ROW, unqueried=True)).startswith("It is retrieved by its own keys")


def test_a_study_that_is_only_listed_is_not_said_to_be_on_disk() -> None:
    assert "listed" in CRASHED.study(replace(STUDY, state=StudyState.DONE))
    assert "at its final path" in CRASHED.study(replace(STUDY, state=StudyState.DONE, verified="by_uid"))
