"""MoveLanes and BatchSize change how a study is asked for, never what comes of it."""

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.rig import Rig, corpus_folder, data_sets, data_sets_of

BATCHES = "SELECT count(*) FROM processes WHERE role = 'movescu'"
LANES = "SELECT DISTINCT lane FROM attempts ORDER BY 1"
AT_ONCE = """
    SELECT count(*) FROM attempts a JOIN attempts b
    ON a.study_id = b.study_id AND a.id < b.id AND b.started_at < a.ended_at
"""


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
