"""What a page says first: the state in words, what to do, and the numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.page.headline import advice, figures, state_words
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.status import ExtractionState, Status

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BASE = Status(
    state=ExtractionState.FINISHED,
    storage_folder="/data/study",
    csv_file="/data/list.csv",
    started_at=(NOW - timedelta(hours=2)).isoformat(),
    updated_at=NOW.isoformat(),
    finished_at=NOW.isoformat(),
    pause_reason=None,
    resumes_at=None,
    gathered_at=NOW,
    rows=Counts(done=10),
    studies=Counts(done=12),
    unverified=0,
    expected=2000,
    received=1500,
    bytes_received=1_234_000_000,
    rate=Rate(),
    eta_seconds=None,
    processes=(),
    post={},
    problems=(),
    unexpected_files=0,
)


def status(**changes: Any) -> Status:
    return replace(BASE, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Every row is done."),
        ({"rows": Counts(done=1, failed=1)}, "with --retry-failed to take up"),
        ({"rows": Counts(done=1, rejected=1)}, "Correct the rejected lines in the CSV"),
        ({"post": {"png": PostCounts(done=1, failed=2)}}, "Post-processing failed: png of 2 studies"),
        ({"state": ExtractionState.CRASHED}, "fetches nothing twice"),
        (
            {"state": ExtractionState.RUNNING, "gathered_at": NOW + timedelta(hours=1)},
            "look into niffler.log",
        ),
    ],
)
def test_it_says_what_to_do(changes: dict[str, Any], told: str) -> None:
    assert told in advice(status(**changes))


def test_a_pause_says_why_and_until_when() -> None:
    told = state_words(
        status(
            state=ExtractionState.PAUSED, pause_reason="by day", resumes_at=(NOW + timedelta(1)).isoformat()
        )
    )
    assert told.startswith("waits until ")
    assert told.endswith(": by day")


def test_the_numbers_on_top_are_those_of_the_status() -> None:
    shown = {figure.label: (figure.value, figure.detail) for figure in figures(BASE)}
    assert shown["rows done"] == ("10", "of 10, 100 %")
    assert shown["instances"] == ("1,500", "of 2,000 expected, 1.2 GB")
    running = status(state=ExtractionState.RUNNING, eta_seconds=4000)
    assert ("to go, about", "1 h 6 min") in [(figure.label, figure.value) for figure in figures(running)]


def test_instances_that_are_only_listed_have_no_empty_bar() -> None:
    shown = {figure.label: figure for figure in figures(replace(BASE, lists_only=True, received=0))}
    assert shown["instances"].detail == "in the archive; listed, not retrieved"
    assert shown["instances"].whole == 0
