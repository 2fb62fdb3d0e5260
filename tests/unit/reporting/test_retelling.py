"""Which attempt a retrieve was, as MaxAttempts counts them."""

from dataclasses import replace

import pytest

from niffler_ops.ledger.tracing import TracedAttempt
from niffler_ops.reporting.prospects import Prospect
from niffler_ops.reporting.retelling import Teller
from tests.unit.reporting.test_prospects import RUNNING, STUDY

ATTEMPT = TracedAttempt(
    archive="PACS@archive:104",
    lane=1,
    level="STUDY",
    started_at="2024-03-01T12:00:00.000+00:00",
    ended_at="2024-03-01T12:00:01.000+00:00",
    status=0,
    completed=None,
    failed=None,
    warning=None,
    charged=True,
    reason="",
)
FREE = replace(ATTEMPT, charged=False)
UNDER_WAY = replace(ATTEMPT, ended_at=None)


def told(prospect: Prospect, attempts: int, *attempted: TracedAttempt) -> list[str]:
    study = replace(STUDY, attempts=attempts, attempted=attempted)
    moments = Teller(prospect, most=3, identifiers=False).study(study, [], "").moments
    return [moment.text.rpartition("; ")[2].rpartition(": ")[2] for moment in moments]


@pytest.mark.parametrize(
    ("attempts", "attempted", "expected"),
    [
        (2, [ATTEMPT, FREE, ATTEMPT], ["attempt 1 of 3", "not counted as an attempt", "attempt 2 of 3"]),
        (1, [ATTEMPT, ATTEMPT, UNDER_WAY], ["took 1 s", "attempt 1 of 3", "under way"]),
        (0, [ATTEMPT], ["took 1 s"]),
    ],
)
def test_attempts_are_counted_since_the_study_was_taken_up(
    attempts: int, attempted: list[TracedAttempt], expected: list[str]
) -> None:
    assert told(RUNNING, attempts, *attempted) == expected
