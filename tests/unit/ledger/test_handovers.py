"""What waits for post-processors, and what becomes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.ledger.handovers import Handover
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.states import StudyState
from tests.support.extractions import ARCHIVE, asked, make_ledger, match, retrieve

ONE, TWO = "1.2.3.4.1", "1.2.3.4.2"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = make_ledger(tmp_path, rows=[asked(2), asked(3)])
    yield made
    made.close()


def adopt(ledger: Ledger, **processors: dict[str, object]) -> tuple[int, int]:
    with ledger.transaction():
        adoption = ledger.handovers.adopt(processors)
    return adoption.added, adoption.redone


def claim(ledger: Ledger, limit: int = 10) -> list[Handover]:
    with ledger.transaction():
        return ledger.handovers.claim(limit)


def states(ledger: Ledger, processor: str) -> dict[str, int]:
    return {
        name: number
        for (subject, name), number in ledger.tallies().items()
        if subject == f"post {processor}" and number
    }


def test_a_study_is_queued_for_each_post_processor_when_it_is_done_and_not_before(ledger: Ledger) -> None:
    adopt(ledger, png={}, metadata={})
    match(ledger, {2: [ONE], 3: [TWO]})
    assert not ledger.open_handovers()
    retrieve(ledger, ONE)
    retrieve(ledger, TWO, missing=1)
    assert ledger.open_handovers()
    claimed = claim(ledger)
    assert {(one.study_instance_uid, one.processor) for one in claimed} == {(ONE, "png"), (ONE, "metadata")}
    assert claim(ledger) == []


def test_a_post_processor_that_comes_later_takes_up_what_is_done(ledger: Ledger) -> None:
    match(ledger, {2: [ONE], 3: [TWO]})
    retrieve(ledger, ONE)
    retrieve(ledger, TWO)
    assert adopt(ledger, png={}) == (2, 0)
    assert adopt(ledger, png={}) == (0, 0)
    assert len(claim(ledger)) == 2


def test_one_that_is_taken_away_leaves_nothing_open_and_other_settings_do_all_again(ledger: Ledger) -> None:
    match(ledger, {2: [ONE], 3: [TWO]})
    retrieve(ledger, ONE)
    retrieve(ledger, TWO)
    adopt(ledger, png={"bits": 8})
    (first,) = claim(ledger, 1)
    with ledger.transaction():
        ledger.handovers.done(first, files=2, held=1)
    assert states(ledger, "png") == {"done": 1, "waiting": 1, "files": 2, "held": 1}
    adopt(ledger)
    assert not ledger.open_handovers()
    assert adopt(ledger, png={"bits": 8}) == (1, 0)
    assert adopt(ledger, png={"bits": 16}) == (0, 1)
    assert states(ledger, "png") == {"waiting": 2, "files": 2, "held": 1}


def test_retry_failed_gives_nothing_to_one_that_is_not_configured_any_more(ledger: Ledger) -> None:
    match(ledger, {2: [ONE]})
    adopt(ledger, png={})
    retrieve(ledger, ONE)
    (given,) = claim(ledger)
    with ledger.transaction():
        ledger.handovers.failed(given, "")
    adopt(ledger)
    with ledger.transaction():
        ledger.handovers.take_up()
    adopt(ledger)
    assert not ledger.open_handovers()
    assert claim(ledger) == []


def test_an_attempt_counts_only_where_it_is_charged_and_a_failure_waits_for_retry_failed(
    ledger: Ledger,
) -> None:
    adopt(ledger, png={})
    match(ledger, {2: [ONE]})
    retrieve(ledger, ONE)
    for charged, attempts in ((True, 1), (False, 2), (True, 2), (True, 3)):
        (one,) = claim(ledger)
        assert one.attempts == attempts
        with ledger.transaction():
            ledger.handovers.again(one, delay=0, charged=charged, reason="it died")
    (one,) = claim(ledger)
    with ledger.transaction():
        ledger.handovers.failed(one, "it died")
    assert not ledger.open_handovers()
    assert states(ledger, "png") == {"failed": 1}
    with ledger.transaction():
        assert ledger.handovers.take_up() == 1
    (one,) = claim(ledger)
    assert one.attempts == 1


def test_a_crash_gives_it_back_at_no_cost(ledger: Ledger) -> None:
    adopt(ledger, png={})
    match(ledger, {2: [ONE]})
    retrieve(ledger, ONE)
    claim(ledger)
    with ledger.transaction():
        assert ledger.handovers.rewind() == 1
    (one,) = claim(ledger)
    assert (one.attempts, one.given) == (1, 2)


def test_the_answer_of_a_worker_is_stale_where_the_study_has_grown_meanwhile(ledger: Ledger) -> None:
    adopt(ledger, png={})
    with ledger.transaction():
        (row,) = ledger.rows.claim(1)
        found = FoundStudy(study_instance_uid=ONE, promised_count=2, series=())
        ledger.rows.matched(row.id, [found], archive=ARCHIVE, mismatches=0)
    retrieve(ledger, ONE)
    (old,) = claim(ledger)
    assert ledger.handovers.is_current(old)
    with ledger.transaction():
        study = ledger.studies.by_uid(ONE)
        assert study is not None
        (row,) = ledger.rows.claim(1)
        whole = FoundStudy(study_instance_uid=ONE, promised_count=2)
        ledger.rows.matched(row.id, [whole], archive=ARCHIVE, mismatches=0)
        assert ledger.studies.get(study.id).state is StudyState.FOUND
    assert ledger.handovers.is_current(old)
    retrieve(ledger, ONE)
    assert not ledger.handovers.is_current(old)
    (new,) = claim(ledger)
    assert new.given == old.given + 1
    assert not ledger.handovers.is_current(old)
