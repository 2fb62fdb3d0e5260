"""What a page says first: the state in words, what to do, and the numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.page.headline import advice, figures, state_words
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.standing import ArchiveStanding, Standing
from niffler_ops.reporting.status import ExtractionState, Status
from niffler_ops.stages.windows import Window

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


def test_the_time_to_go_knows_the_hours_in_which_archives_may_be_asked() -> None:
    running = status(state=ExtractionState.RUNNING, eta_seconds=4000)
    night = replace(running, night=Window(start_hour=19, end_hour=7))
    by_night = {figure.label: figure.detail for figure in figures(night)}
    at_any_time = {figure.label: figure.detail for figure in figures(running)}
    assert ", from 19" in by_night["to go, about"]
    assert at_any_time["to go, about"].startswith("at the present rate, until about ")


def test_the_speed_is_of_late_and_overall_while_at_work_and_overall_at_the_end() -> None:
    begun = (NOW - timedelta(hours=2)).isoformat()
    running = status(
        state=ExtractionState.RUNNING,
        created_at=begun,
        rate=Rate(studies_per_hour=90, instances_per_second=2.5),
    )
    at_work = {figure.label: figure for figure in figures(running)}["studies an hour"]
    assert (at_work.value, at_work.detail) == ("90", "2.5 instances a second; 6.0 studies an hour overall")
    ended = {figure.label: figure for figure in figures(status(created_at=begun))}["studies an hour"]
    assert (ended.value, ended.detail) == ("6.0", "0.2 instances a second, in 2 h 0 min")


def test_lanes_are_told_with_their_number_and_why() -> None:
    archive = ArchiveStanding(
        name="A@h:1", state="answers", reason="", seconds=0, lanes=3, tuning="4 was no faster"
    )
    assert Standing(archives=(archive,)).lanes_words(2) == "2 of 3 at work: 4 was no faster"
    assert Standing().lanes_words(2) == "", "nobody has told it yet"
