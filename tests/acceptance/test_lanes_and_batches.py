"""MoveLanes, BatchSize and MaxInstancesPerSecond change how a study is asked for, never what comes of it."""

from datetime import datetime

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import wait_until
from tests.support.rig import Rig, Running, corpus_folder, data_sets, data_sets_of

BATCHES = "SELECT count(*) FROM processes WHERE role = 'movescu'"
LANES = "SELECT DISTINCT lane FROM attempts ORDER BY 1"
AT_ONCE = """
    SELECT count(*) FROM attempts a JOIN attempts b
    ON a.study_id = b.study_id AND a.id < b.id AND b.started_at < a.ended_at
"""


def told(rig: Rig, text: str) -> Running:
    """An extraction that has begun, and whose status says this."""
    running = rig.start()
    wait_until(lambda: rig.received() >= 1, "an instance", seconds=60)
    wait_until(lambda: text in rig.status_text(), text, seconds=60)
    return running


@pytest.mark.parametrize(("lanes", "batch"), [(1, 7), (3, 1)])
def test_every_study_comes_once_whatever_the_lanes_and_batches(
    rig: Rig, some: Corpus, lanes: int, batch: int
) -> None:
    archive = rig.serve(corpus_folder(some), "slow=20")
    rig.configure(MoveLanes=lanes, BatchSize=batch)
    rig.ask_for(some.studies)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(some.studies)
    assert set(archive.delivered().values()) == {1}
    assert [lane for (lane,) in rig.ledger(LANES)] == list(range(1, lanes + 1))
    assert rig.ledger(AT_ONCE) == [(0,)]
    ((batches,),) = rig.ledger(BATCHES)
    assert batches == len(some.studies) if batch == 1 else batches <= 4


def test_lanes_that_nobody_has_set_are_two_to_begin_with_and_told(rig: Rig, some: Corpus) -> None:
    archive = rig.serve(corpus_folder(some), "slow=150")
    rig.ask_for(some.studies)
    running = told(rig, "2 of 2 at work: to begin with")
    ended = running.end()
    assert ended.status == 0, ended
    assert [lane for (lane,) in rig.ledger(LANES)] == [1, 2]
    assert set(archive.delivered().values()) == {1}


def test_no_more_is_asked_for_than_the_archive_may_be_asked_for(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus))
    rig.configure(MaxInstancesPerSecond={"0-24": 2})  # 30 of 40 at once, the rest when 15 more may come
    rig.ask_for(corpus.studies)
    running = told(rig, "held to 2 instances/s")
    ended = running.end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    begun = [datetime.fromisoformat(at) for (at,) in rig.ledger("SELECT started_at FROM attempts ORDER BY 1")]
    assert len(begun) == len(corpus.studies)
    assert (begun[-1] - begun[0]).total_seconds() >= 5
