"""What to do about rows with problems is told in every state, and is the same wherever it is told."""

from dataclasses import replace

import pytest

from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.page.headline import advice
from niffler_ops.reporting.remedy import STORY, remedy
from niffler_ops.reporting.status import ExtractionState
from niffler_ops.reporting.status_text import WIDTH, status_text
from niffler_ops.reporting.watch.trouble import what_to_do
from tests.unit.reporting.test_status_text import BASE

TROUBLED = replace(BASE, rows=Counts(pending=3, done=4, failed=1, rejected=2))


@pytest.mark.parametrize("state", list(ExtractionState))
def test_text_page_and_watch_tell_it_in_every_state(state: ExtractionState) -> None:
    status = replace(TROUBLED, state=state)
    told = remedy(status)
    assert "--retry-failed" in told
    assert "Correct the rejected lines in the CSV" in told
    assert told.endswith(STORY)
    text = status_text(status)
    assert " ".join(text.split("\n\n")[-1].split()).endswith(told)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert advice(status).endswith(told)
    lines = [line.plain for line in what_to_do(status, WIDTH).lines]
    assert " ".join(" ".join(lines).split()) == told
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("state", list(ExtractionState))
def test_a_run_at_work_is_not_to_be_started_a_second_time(state: ExtractionState) -> None:
    at_work = state in {ExtractionState.RUNNING, ExtractionState.PAUSED}
    for rows in (Counts(failed=1), Counts(rejected=1)):
        assert ("when it has ended" in remedy(replace(TROUBLED, state=state, rows=rows)).lower()) == at_work


def test_only_what_helps_is_told() -> None:
    assert "--retry-failed" not in remedy(replace(TROUBLED, rows=Counts(rejected=1)))
    assert "CSV" not in remedy(replace(TROUBLED, rows=Counts(failed=1)))
    assert remedy(replace(TROUBLED, rows=Counts(done=1))) == ""
    assert not what_to_do(replace(TROUBLED, rows=Counts(done=1)), WIDTH).lines
