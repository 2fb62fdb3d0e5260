"""The text fits 80 columns, says what state it is in, and what to do next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.standing import ArchiveStanding, Standing
from niffler_ops.reporting.status import ExtractionState, Problem, ProcessStatus, Status
from niffler_ops.reporting.status_text import WIDTH, status_text
from niffler_ops.stages.windows import Window
from niffler_ops.states import RowState

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EARLIER = (NOW - timedelta(hours=2, minutes=5)).isoformat()
BASE = Status(
    state=ExtractionState.RUNNING,
    storage_folder="/data/study",
    csv_file="/data/list.csv",
    started_at=EARLIER,
    updated_at=(NOW - timedelta(seconds=3)).isoformat(),
    finished_at=None,
    pause_reason=None,
    resumes_at=None,
    gathered_at=NOW,
    rows=Counts(pending=3, active=2, done=10),
    studies=Counts(pending=1, active=4, done=12),
    unverified=0,
    expected=2000,
    received=1500,
    bytes_received=1_234_000_000,
    rate=Rate(studies_per_hour=1234.5, instances_per_second=42.04, ends_per_second=0.3),
    eta_seconds=4000,
    processes=(ProcessStatus(role="supervisor", pid=4711, alive=True, restarts=0),),
    post={},
    problems=(),
    unexpected_files=0,
)


def text(**changes: Any) -> str:
    return status_text(replace(BASE, **changes))


def paragraph(shown: str, number: int = -1) -> str:
    return " ".join(shown.split("\n\n")[number].split())


def problem(line: int, outcome: RowState = RowState.FAILED, reason: str = "the archive refused") -> Problem:
    return Problem(line=line, outcome=outcome, reason=reason)


def test_a_running_extraction_shows_how_far_and_how_fast_it_is() -> None:
    shown = text()
    assert "running for 2 h 5 min" in shown
    assert "1,500 of 2,000 expected, 1.2 GB" in shown
    assert "1,234 studies an hour, 42.0 instances a second" in shown
    assert "about 1 h 6 min" in shown
    assert "--stop stops it in order" in paragraph(shown)


def test_what_the_supervisor_knows_of_archives_lanes_and_hours_is_told() -> None:
    silent = ArchiveStanding(
        name="B@b:104", state="silent", reason="asked until it answers", seconds=9, lanes=2
    )
    good = ArchiveStanding(name="A@a:104", state="answers", reason="", seconds=0, lanes=3)
    standing, night = Standing(archives=(good, silent)), Window(start_hour=21, end_hour=9)
    tool = ProcessStatus(role="movescu", pid=4712, alive=True, restarts=0)
    shown = status_text(replace(BASE, processes=(*BASE.processes, tool), night=night), standing)
    assert "Lanes       1 of 5 at work" in shown
    assert "Archive     A@a:104 answers\n" in shown
    assert "Archive     B@b:104 silent for 9 s: asked until it answers" in shown
    assert f"about 1 h 6 min, from {night} only, until about" in shown
    assert "Lanes" not in text()


def test_the_rate_overall_counts_from_the_first_run_on() -> None:
    begun = (NOW - timedelta(hours=4)).isoformat()
    line = "Overall     3 studies an hour, 0.1 instances a second, in 4 h"
    assert line in text(created_at=begun)
    assert line in text(created_at=begun, state=ExtractionState.FINISHED, finished_at=NOW.isoformat())
    assert "Overall" not in text(created_at=begun, state=ExtractionState.CRASHED)


def test_instances_that_are_only_listed_are_not_said_to_be_missing() -> None:
    shown = text(lists_only=True, received=0, bytes_received=0)
    assert "Instances   2,000 in the archive; they are listed and not retrieved" in shown
    assert "expected" not in shown


def test_rows_and_studies_stand_in_columns_by_state() -> None:
    assert paragraph(text(), 1) == (
        "rows studies pending 3 1 active 2 4 done 10 12 partial 0 0 failed 0 0 not found 0 rejected 0"
        " withdrawn 0 total 15 17"
    )


def test_a_crashed_one_says_so_and_to_run_the_same_command_again() -> None:
    gone = (ProcessStatus(role="supervisor", pid=4711, alive=False, restarts=0),)
    shown = text(state=ExtractionState.CRASHED, processes=gone, eta_seconds=None)
    assert "crashed: its supervisor is gone" in shown
    assert "supervisor 4711 (gone)" in shown
    assert "run the same command again" in paragraph(shown)
    assert "an hour" not in shown


def test_a_stopped_one_continues_with_the_same_command() -> None:
    shown = text(state=ExtractionState.STOPPED)
    assert "stopped before the end" in shown
    assert "run the same command again" in paragraph(shown)


def test_one_that_was_only_made_is_not_started() -> None:
    assert "not started yet" in text(state=ExtractionState.STOPPED, started_at=None, updated_at=None)


def test_a_finished_one_without_problems_leaves_nothing_to_do() -> None:
    shown = text(state=ExtractionState.FINISHED, rows=Counts(done=15), finished_at=EARLIER)
    assert "finished 20" in shown
    assert paragraph(shown) == "Every row is done."


def test_post_processing_that_has_failed_is_told_where_every_row_is_done() -> None:
    post = {"metadata": PostCounts(done=15), "png": PostCounts(failed=15), "deidentify": PostCounts(failed=1)}
    shown = text(state=ExtractionState.FINISHED, rows=Counts(done=15), finished_at=EARLIER, post=post)
    told = "Post-processing failed: png of 15 studies, deidentify of 1 study; the log says why"
    assert f"Every row is done. {told}" in paragraph(shown)
    assert "--retry-failed" in paragraph(shown)


def test_a_finished_one_with_problems_names_retry_failed() -> None:
    shown = text(
        state=ExtractionState.FINISHED,
        rows=Counts(done=14, failed=1),
        problems=(problem(7),),
        finished_at=EARLIER,
    )
    assert "--retry-failed" in paragraph(shown)
    assert "line 7  failed     the archive refused" in shown


def test_rejected_lines_alone_are_nothing_to_try_again() -> None:
    rejected = (problem(3, RowState.REJECTED, "a wildcard"),)
    shown = text(state=ExtractionState.FINISHED, rows=Counts(done=14, rejected=1), problems=rejected)
    assert "--retry-failed" not in shown
    assert "Correct the rejected lines in the CSV and run the same command again." in paragraph(shown)


def test_ten_problems_are_shown_and_all_are_counted() -> None:
    many = tuple(problem(line) for line in range(2, 1002))
    shown = text(rows=Counts(failed=12_000), problems=many)
    assert "the first 10 of 12,000; --json has more" in shown
    assert shown.count("the archive refused") == 10
    finished = text(state=ExtractionState.FINISHED, rows=Counts(failed=12_000), problems=many)
    assert ".niffler/report.csv has all" in finished


def test_of_many_problems_the_newest_are_shown_by_line_where_they_are_known() -> None:
    many, newest = tuple(map(problem, range(2, 1002))), tuple(map(problem, range(1491, 1501)))
    shown = text(rows=Counts(failed=1500), problems=many, newest_problems=newest)
    assert "Rows with problems (the newest 10 of 1,500; --json has more)" in shown
    lines = [line for line in shown.splitlines() if line.startswith("line ")]
    assert [int(line.split()[1]) for line in lines] == list(range(1491, 1501))


def test_what_a_finished_run_left_alive_is_shown_and_what_is_gone_is_not() -> None:
    left = (
        ProcessStatus(role="supervisor", pid=4711, alive=False, restarts=0),
        ProcessStatus(role="storescp", pid=4712, alive=True, restarts=2),
    )
    shown = text(state=ExtractionState.FINISHED, processes=left)
    assert "storescp 4712 (restarted 2 times)" in shown
    assert "4711" not in shown


def test_what_nobody_asked_for_and_what_could_not_be_verified_is_mentioned() -> None:
    shown = text(unverified=1, unexpected_files=1204)
    assert "1 study done; the archive did not tell what is in them" in shown
    assert "1,204 files in .niffler/unexpected" in shown


def test_a_reason_cannot_command_the_terminal() -> None:
    shown = text(rows=Counts(failed=1), problems=(problem(2, reason="\x1b[2Jrefused\r\n\x9b31m"),))
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "refused" in shown


@pytest.mark.parametrize("state", list(ExtractionState))
def test_large_numbers_and_long_reasons_fit_eighty_columns(state: ExtractionState) -> None:
    reason = "200 instances missing: " + ", ".join(
        f"1.2.840.113619.2.55.3.{number:040}" for number in range(200)
    )
    lanes = tuple(
        ProcessStatus(role="movescu", pid=4_000_000 + lane, alive=True, restarts=0) for lane in range(9)
    )
    shown = text(
        state=state,
        rows=Counts(partial=99_999_999, done=99_999_999),
        studies=Counts(done=99_999_999),
        problems=(problem(99_999_999, RowState.PARTIAL, reason),),
        processes=BASE.processes + lanes,
        expected=9_999_999_999,
        received=9_999_999_999,
        rate=Rate(studies_per_hour=999_999.9, instances_per_second=99_999.9),
        unverified=99_999_999,
        unexpected_files=99_999_999,
    )
    assert max(len(line) for line in shown.splitlines()) <= WIDTH


@given(st.text())
def test_any_reason_can_be_shown(reason: str) -> None:
    shown = text(rows=Counts(failed=1), problems=(problem(2, reason=reason),))
    assert shown.isprintable() or all(letter.isprintable() or letter == "\n" for letter in shown)
    assert max(len(line) for line in shown.splitlines()) <= WIDTH


@pytest.mark.parametrize(
    ("seconds", "words"), [(59, "59 s"), (60, "1 min"), (3599, "59 min"), (90_061, "1 d 1 h"), (-5, "0 s")]
)
def test_a_duration_is_told_in_its_two_largest_units_at_most(seconds: int, words: str) -> None:
    updated = (NOW - timedelta(seconds=seconds)).isoformat()
    assert f", {words} ago" in text(updated_at=updated)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e15, "2,500.0 TB")]
)
def test_bytes_are_told_in_the_unit_that_fits(size: float, words: str) -> None:
    assert f"expected, {words}\n" in text(bytes_received=int(size))


def test_post_processors_show_what_is_done_failed_and_held_back() -> None:
    shown = text(post={"png": PostCounts(pending=1, done=1200, failed=2, files=9, held=4)})
    assert "Png         1,200 of 1,203 studies done, 2 failed; 4 files held back" in shown
    assert "Png" not in text()


def test_a_paused_extraction_is_not_to_be_started_again() -> None:
    paused = {"state": ExtractionState.PAUSED, "pause_reason": "too little room"}
    assert paragraph(text(**paused)) == (
        "Its supervisor is there and goes on when the cause of the pause is gone: nothing has to be run"
        " again."
    )
    assert "goes on at 2026-05-01" in paragraph(text(**paused, resumes_at=NOW.isoformat()))


def test_names_and_pauses_cannot_command_the_terminal() -> None:
    shown = text(
        state=ExtractionState.PAUSED,
        storage_folder="/data/\x1b]0;mine\x07",
        csv_file="/data/\x1b[31m.csv",
        pause_reason="no room in /data/\x1b[2J",
    )
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
