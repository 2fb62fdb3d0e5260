"""A study is complete by its files: every combination of what was promised, came and was answered."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.embedded.echo import Echo
from niffler_ops.ledger.studies import Study
from niffler_ops.model import Peer
from niffler_ops.stages.verify import Step, VerifyStage, judge
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

SUCCESS, WARNING, REFUSED, UNABLE = 0x0000, 0xB000, 0xA900, 0xC000
MAX = 3
Changes = dict[str, Any]
PLAIN = MappingProxyType(
    {
        "id": 1,
        "study_instance_uid": "1.1",
        "found_at": "",
        "archive": "",
        "waits": False,
        "exhausted": False,
        "whole": True,
        "widened": False,
        "state": StudyState.MOVED,
        "reason": "",
        "promised_count": 10,
        "promised_by": "uid",
        "expected": 10,
        "received": 10,
        "surplus": 0,
        "bytes": 0,
        "listings": 0,
        "relisted": False,
        "asked": 1,
        "attempts": 1,
        "last_status": SUCCESS,
        "last_completed": 10,
        "grace": 0.0,
        "outcome": None,
        "verified": None,
    }
)


def study(**changes: object) -> Study:
    return Study(**PLAIN | changes)  # type: ignore[arg-type]


def step(*, quiet: bool = True, **changes: object) -> Step:
    return judge(study(**changes), quiet=quiet, max_attempts=MAX).step


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("status", [SUCCESS, WARNING, UNABLE, REFUSED, None])
def test_a_study_is_done_when_every_promised_uid_is_here_whatever_was_answered(
    status: int | None, *, quiet: bool
) -> None:
    verdict = judge(study(last_status=status), quiet=quiet, max_attempts=MAX)
    assert (verdict.step, verdict.verified) == (Step.DONE, "by_uid")


def test_a_count_that_is_too_high_matters_not_where_the_uids_are_complete() -> None:
    assert step(promised_count=99) is Step.DONE
    assert step(promised_count=None) is Step.DONE


def test_a_study_that_grew_is_asked_about_again_and_then_done() -> None:
    assert step(surplus=1) is Step.RELIST
    assert step(surplus=1, relisted=True) is Step.DONE


def test_the_right_count_with_a_wrong_uid_is_never_done() -> None:
    wrong: Changes = {"received": 9, "surplus": 1}
    assert step(**wrong, quiet=False) is Step.WAIT
    assert step(**wrong) is Step.RELIST
    assert step(**wrong, relisted=True) is Step.RETRY
    assert step(**wrong, relisted=True, attempts=MAX) is Step.PARTIAL


def test_what_is_missing_is_waited_for_asked_about_retrieved_again_and_then_named() -> None:
    short: Changes = {"received": 7}
    assert step(**short, quiet=False) is Step.WAIT
    assert step(**short) is Step.RELIST
    assert step(**short, relisted=True) is Step.RETRY
    verdict = judge(study(**short, relisted=True, attempts=MAX), quiet=True, max_attempts=MAX)
    assert (verdict.step, verdict.reason) == (Step.PARTIAL, "3 of 10 instances missing")


def test_nothing_at_all_is_retrieved_again_and_then_failed() -> None:
    nothing: Changes = {"received": 0, "last_completed": 0}
    assert step(**nothing, quiet=False) is Step.WAIT
    assert step(**nothing) is Step.RELIST  # success: perhaps the archive has nothing any more
    assert step(**nothing, last_status=UNABLE) is Step.RETRY
    assert step(**nothing, last_status=None) is Step.RETRY
    verdict = judge(study(**nothing, relisted=True, attempts=MAX), quiet=True, max_attempts=MAX)
    assert verdict.step is Step.FAILED
    assert verdict.reason == "10 of 10 instances missing although the archive answered success"


def test_only_strangers_instances_of_the_study_are_nothing() -> None:
    assert step(received=0, surplus=10, relisted=True, attempts=MAX) is Step.FAILED


def test_a_refused_study_fails_at_once_and_keeps_what_came() -> None:
    assert step(received=0, last_status=REFUSED) is Step.FAILED
    assert step(received=0, last_status=REFUSED, quiet=False) is Step.WAIT
    assert step(received=7, relisted=True, last_status=REFUSED) is Step.RETRY
    assert step(received=7, relisted=True, last_status=REFUSED, attempts=MAX) is Step.PARTIAL


@pytest.mark.parametrize("status", [SUCCESS, WARNING, UNABLE, None])
def test_where_only_a_count_is_promised_it_decides_once_it_is_quiet(status: int | None) -> None:
    by_count: Changes = {"promised_by": "count", "last_status": status, "last_completed": 99}
    assert step(**by_count, quiet=False) is Step.WAIT
    verdict = judge(study(**by_count), quiet=True, max_attempts=MAX)
    assert (verdict.step, verdict.verified) == (Step.DONE, "by_count")
    assert step(**by_count, received=9) is Step.RETRY
    assert step(**by_count, received=9, attempts=MAX) is Step.PARTIAL
    assert step(**by_count, received=0, attempts=MAX) is Step.FAILED


def test_a_count_that_is_complete_need_not_be_waited_for_where_the_archive_says_the_same() -> None:
    assert step(promised_by="count", quiet=False) is Step.DONE
    assert step(promised_by="count", quiet=False, last_completed=11) is Step.WAIT
    assert step(promised_by="count", quiet=False, last_status=None) is Step.WAIT


@pytest.mark.parametrize(
    "promise",
    [
        {"promised_by": "none", "promised_count": None, "expected": 0},
        {"promised_by": "count", "promised_count": 0, "expected": 0},
    ],
)
def test_where_nothing_is_promised_success_is_believed_and_called_unverified(
    promise: Changes,
) -> None:
    verdict = judge(study(**promise), quiet=True, max_attempts=MAX)
    assert (verdict.step, verdict.verified) == (Step.DONE, "unverified")
    assert step(**promise, last_status=WARNING) is Step.RETRY
    assert step(**promise, last_status=None, attempts=MAX) is Step.PARTIAL
    assert step(**promise, received=0, last_completed=0) is Step.RETRY
    assert step(**promise, received=0, last_completed=0, attempts=MAX) is Step.FAILED


def test_what_came_once_and_was_lost_is_missing_even_where_nothing_is_promised() -> None:
    lost: Changes = {"promised_by": "none", "promised_count": None, "expected": 10, "received": 9}
    assert step(**lost) is Step.RETRY
    assert step(**lost, attempts=MAX) is Step.PARTIAL


studies = st.builds(
    study,
    promised_by=st.sampled_from(("uid", "count", "none")),
    promised_count=st.none() | st.integers(0, 3),
    expected=st.integers(0, 3),
    received=st.integers(0, 3),
    surplus=st.integers(0, 2),
    relisted=st.booleans(),
    attempts=st.integers(0, MAX + 1),
    last_status=st.sampled_from((None, SUCCESS, WARNING, REFUSED, UNABLE, 0xA700)),
    last_completed=st.none() | st.integers(0, 3),
)


@given(moved=studies, quiet=st.booleans())
def test_whatever_happened_nothing_incomplete_is_done_and_every_study_comes_to_an_end(
    moved: Study, *, quiet: bool
) -> None:
    verdict = judge(moved, quiet=quiet, max_attempts=MAX)
    match verdict.step:
        case Step.DONE:
            assert moved.received
            assert moved.received >= moved.expected
            assert verdict.verified
        case Step.PARTIAL:
            assert quiet
            assert moved.received
        case Step.FAILED:
            assert quiet
            assert not moved.received
        case Step.RETRY:
            assert quiet
            assert moved.attempts < MAX
        case Step.RELIST:
            assert not moved.relisted
        case Step.WAIT:
            assert not quiet
    assert verdict.reason or verdict.step in {Step.DONE, Step.WAIT, Step.RELIST}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, MaxAttempts=2, IdleTimeout=100, QuietTime=5, RetryDelay=10) as made:
        yield made


def verify(place: Bench, stage: VerifyStage, seconds: float = 0.2) -> list[str]:
    """Let time pass and judge; gives the studies that are to be relisted."""
    place.clock.pass_time(seconds)
    stage.advance()
    place.clock.pass_time(1)  # whatever the turn has cost
    return [study.study_instance_uid for study in stage.to_relist]


def test_a_complete_study_is_verified_without_waiting(place: Bench) -> None:
    place.studies("1.1")
    place.move("1.1", grace=100)
    place.receive("1.1", [1, 2])
    assert verify(place, VerifyStage(place.place, place.progress, place.succession)) == []
    now = place.study("1.1")
    assert (now.state, now.outcome, now.verified) == (StudyState.VERIFIED, "done", "by_uid")


def test_a_short_study_is_waited_for_as_long_as_anything_arrives(place: Bench) -> None:
    place.studies("1.1", instances=3)
    place.move("1.1", grace=100)
    stage = VerifyStage(place.place, place.progress, place.succession)
    for number in (1, 2):
        assert verify(place, stage, 90) == []
        place.receive("1.1", [number])
        place.progress.arrived(staging_name("1.1"), 1, place.clock.monotonic())
        place.progress.read(staging_name("1.1"))
    assert verify(place, stage, 90) == []
    assert verify(place, stage, 10) == ["1.1"]


def test_nothing_is_judged_while_files_of_the_study_are_unread(place: Bench) -> None:
    place.studies("1.1")
    place.move("1.1", grace=0)
    stage = VerifyStage(place.place, place.progress, place.succession)
    place.progress.arrived(staging_name("1.1"), 1, place.clock.monotonic())
    assert verify(place, stage, 1000) == []
    place.progress.read(staging_name("1.1"))
    assert verify(place, stage, 1000) == ["1.1"]


def test_a_clock_that_is_set_back_delays_nothing(place: Bench) -> None:
    place.studies("1.1")
    place.move("1.1", status=UNABLE, grace=5)
    stage = VerifyStage(place.place, place.progress, place.succession)
    verify(place, stage)
    place.clock.set_back(7200)
    verify(place, stage, 10)
    assert place.study("1.1").state is StudyState.LISTED


def test_missing_instances_are_retrieved_again_after_a_delay_and_named_at_the_end(place: Bench) -> None:
    place.studies("1.1", instances=3)
    stage = VerifyStage(place.place, place.progress, place.succession)
    for _ in range(2):
        place.clock.pass_time(100)
        place.move("1.1", status=WARNING, grace=5)
        place.receive("1.1", [1])
        verify(place, stage)
        assert verify(place, stage, 10) == ["1.1"]
        with place.ledger.transaction():
            study = place.study("1.1")
            place.ledger.studies.relist(study.id)
            place.ledger.studies.listed(study.id, StudyState.RELISTING, "uid")
        verify(place, stage, 10)
        verify(place, stage, 10)
    now = place.study("1.1")
    assert (now.state, now.outcome, now.verified) == (StudyState.VERIFIED, "partial", None)
    assert now.reason.endswith(": 1.1.1.2 1.1.1.3")
    assert place.ledger.instances.missing(now.id) == ["1.1.1.2", "1.1.1.3"]
    assert [charged for _, charged in place.attempts()] == [1, 1]


def test_who_was_asked_for_a_study_that_failed_is_not_remembered(place: Bench) -> None:
    place.studies("1.1", instances=2)
    place.progress.expect("1.1", "PACS")
    place.move("1.1", status=REFUSED, grace=0)
    verify(place, VerifyStage(place.place, place.progress, place.succession), 10)
    assert place.study("1.1").state is StudyState.FAILED
    place.progress.arrived(staging_name("1.1"), 1, place.clock.monotonic())
    assert place.progress.received == {"": 1}


def test_surplus_of_a_study_that_is_not_complete_is_set_aside(place: Bench) -> None:
    place.studies("1.1", instances=2)
    place.move("1.1", status=WARNING, grace=0)
    place.receive("1.1", [1, 3])
    with place.ledger.transaction():
        place.ledger._connection.execute("UPDATE studies SET attempts = 2, relisted = 1")
    verify(place, VerifyStage(place.place, place.progress, place.succession), 10)
    now = place.study("1.1")
    assert (now.state, now.outcome, now.surplus) == (StudyState.VERIFIED, "partial", 0)
    (aside,) = place.layout.unexpected.iterdir()
    assert aside.name.startswith("surplus-")
    assert place.ledger.tallies()["unexpected", "files"] == 1


def test_of_many_missing_instances_twenty_are_named(place: Bench) -> None:
    place.studies("1.1", instances=30)
    place.move("1.1", status=REFUSED, grace=0)
    place.receive("1.1", [1])
    with place.ledger.transaction():
        place.ledger._connection.execute("UPDATE studies SET attempts = 2, relisted = 1")
    verify(place, VerifyStage(place.place, place.progress, place.succession), 10)
    reason = place.study("1.1").reason
    assert reason.startswith("29 of 30 instances missing; the archive answered ")
    assert reason.endswith(" and 9 more")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Bench]:
    """Two archives, the first of which never answered."""
    peers = [Peer(aet=aet, host="127.0.0.1", port=port) for port, aet in enumerate(("ONE", "TWO"), 1)]
    with bench(tmp_path, peers[0], further=peers[1:], MaxAttempts=2) as made:
        made.studies("1.1", instances=3)
        made.place.contacts[1].answered = True
        yield made


def short(place: Bench, *, attempts: int) -> None:
    """Two of three instances came from the first archive, which does not answer any more."""
    place.move("1.1", status=SUCCESS, grace=0)
    place.receive("1.1", [1, 2])
    with place.ledger.transaction():
        place.ledger._connection.execute("UPDATE studies SET attempts = ?", (attempts,))
    place.contact.lost(Echo.UNREACHABLE)


def test_what_one_archive_cannot_be_asked_about_again_is_asked_of_the_next(two: Bench) -> None:
    short(two, attempts=1)
    succession = two.succession
    assert verify(two, VerifyStage(two.place, two.progress, succession), 10) == []
    assert two.study("1.1").state is StudyState.LISTED
    succession.advance()
    now = two.study("1.1")
    assert (now.state, now.archive) == (StudyState.FOUND, two.place.contacts[1].name)


def test_after_all_attempts_it_goes_to_the_next_at_once(two: Bench) -> None:
    short(two, attempts=2)
    assert verify(two, VerifyStage(two.place, two.progress, two.succession), 10) == []
    now = two.study("1.1")
    assert (now.state, now.archive) == (StudyState.FOUND, two.place.contacts[1].name)
    assert now.reason == f"{two.contact.name}: 1 of 3 instances missing"


def test_a_study_that_is_complete_by_its_promise_does_not_wait_for_one_that_is_away(two: Bench) -> None:
    two.move("1.1", grace=0)
    two.receive("1.1", [1, 2, 3, 4])
    two.contact.lost(Echo.UNREACHABLE)
    assert verify(two, VerifyStage(two.place, two.progress, two.succession), 10) == []
    assert two.study("1.1").state is StudyState.VERIFIED


def test_a_single_archive_is_waited_for(place: Bench) -> None:
    place.studies("1.1", instances=3)
    short(place, attempts=1)
    assert verify(place, VerifyStage(place.place, place.progress, place.succession), 10) == ["1.1"]
