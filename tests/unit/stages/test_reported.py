"""Studies that go elsewhere: an archive's counters are all there is, and the next is asked for all of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.model import Peer
from niffler_ops.stages.reported import ReportedStage
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

SUCCESS, SOME_FAILED = 0x0000, 0xB000


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Bench]:
    """Two archives; the first has named the study 1.1 of ten instances."""
    peers = [Peer(aet=aet, host="127.0.0.1", port=port) for port, aet in enumerate(("ONE", "TWO"), 1)]
    with bench(tmp_path, peers[0], further=peers[1:], MaxAttempts=1, VerifyBy="count") as made:
        made.studies("1.1", instances=10)
        yield made


def send(
    place: Bench, completed: int, status: int = SUCCESS, *, failed: int | None = None, warning: int = 0
) -> Study:
    """Let the archive that is to be asked send so many instances, and judge that."""
    studies = place.ledger.studies
    place.clock.pass_time(1000)
    with place.ledger.transaction():
        for study in studies.claim_for_listing(1, archive=place.study("1.1").archive):
            studies.listed(study.id, StudyState.LISTING, "count")
        attempt = studies.begin_move(place.study("1.1"), lane=1, level="STUDY")
        outcome = MoveOutcome(status=status, completed=completed, failed=failed, warning=warning)
        studies.end_move(place.study("1.1").id, attempt, outcome, grace=0)
    ReportedStage(place.place, place.succession).advance()
    return place.study("1.1")


def test_all_of_it_from_the_first_is_done(two: Bench) -> None:
    study = send(two, 10)
    assert (study.state, study.received, study.verified) == (StudyState.DONE, 10, "reported")


@pytest.mark.parametrize(("completed", "warning"), [(0, 10), (4, 6)])
def test_what_was_taken_with_a_warning_was_sent(two: Bench, completed: int, warning: int) -> None:
    study = send(two, completed, SOME_FAILED, failed=0, warning=warning)
    assert (study.state, study.received, study.verified) == (StudyState.DONE, 10, "reported")


@pytest.mark.parametrize(("completed", "failed", "warning"), [(10, 1, 1), (0, 0, 9), (0, 1, 10)])
def test_warnings_do_not_make_up_for_what_failed_or_is_missing(
    two: Bench, completed: int, failed: int, warning: int
) -> None:
    study = send(two, completed, SOME_FAILED, failed=failed, warning=warning)
    assert study.state is StudyState.FOUND
    assert two.ledger.studies.most_sent(study.id) == completed + warning


def test_the_next_has_to_send_all_of_it(two: Bench) -> None:
    study = send(two, 7, SOME_FAILED)
    assert (study.state, study.archive) == (StudyState.FOUND, two.place.contacts[1].name)
    study = send(two, 10)
    assert (study.state, study.received) == (StudyState.DONE, 10)


@pytest.mark.parametrize(("first", "second"), [(7, 0), (0, 7), (7, 3)])
def test_what_came_of_either_is_partial_and_never_added_up(two: Bench, first: int, second: int) -> None:
    send(two, first, SOME_FAILED)
    study = send(two, second)
    assert (study.state, study.received, study.expected) == (StudyState.PARTIAL, 7, 10)
    assert study.reason.endswith(
        f"{second} of 10 instances sent, as the archive reports; it answered success (0000)"
    )
    (row,) = two.ledger.report_rows()
    assert (row["state"], row["received"]) == ("partial", 7)


def test_nothing_from_either_has_failed(two: Bench) -> None:
    send(two, 0, SOME_FAILED)
    assert send(two, 0).state is StudyState.FAILED
