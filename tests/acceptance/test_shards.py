"""One list over two supervisors, as on two machines: each row once, and one status of both."""

import json
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.rig import OTHER_AET, Ended, Rig, Running, corpus_folder, data_sets, data_sets_of


def begin(rig: Rig, number: int) -> tuple[Running, Path]:
    storage = rig.folder / f"shard-{number}"
    own = ["--QueryAet", f"{OTHER_AET}:{rig.other_port}"] if number == 2 else []
    return rig.start("--shard", f"{number}/2", "--StorageFolder", storage, *own), storage


def told(rig: Rig, *options: object) -> Ended:
    return rig.start(*options, command="niffler-status", config=False).end()


def test_two_shards_are_the_whole_list_and_their_sum_is_told(plain_rig: Rig, some: Corpus) -> None:
    rig = plain_rig
    archive = rig.serve(corpus_folder(some), "slow=20")
    rig.configure(MaxNifflerProcesses=2)
    rig.ask_for(some.studies)
    (first, one), (second, two) = begin(rig, 1), begin(rig, 2)
    for running in (first, second):
        ended = running.end()
        assert ended.status == 0, ended
    assert sorted(data_sets(one) + data_sets(two)) == sorted(data_sets_of(some.studies))
    assert min(len(data_sets(one)), len(data_sets(two))) > 0
    assert set(archive.delivered().values()) == {1}
    both = json.loads(told(rig, one, two, "--json").out)
    assert both["total"]["rows"]["done"] == both["total"]["rows"]["total"] == len(some.studies)
    assert (both["total"]["instances"]["received"], both["doubts"]) == (len(data_sets_of(some.studies)), [])
    text = told(rig, one, two).out
    assert "shard 1/2" in text
    assert f"{len(some.studies)}" in text
    assert told(rig, one, one).status == 64
    assert told(rig, one, two, "--why", 2).status == 64
    assert told(rig, one, two, "--stop").status == 0
    rig.configure(StorageFolder="shard-2")
    for other in (["--shard", "1/2"], ["--shard", "2/3"], []):
        ended = rig.cold(*other)
        assert ended.status == 78, ended
        assert "Shard: was" in str(ended)


@pytest.mark.parametrize("value", ["0/2", "3/2", "1", "1/2/3", "a/b", "1/1001"])
def test_what_is_no_shard_is_78(plain_rig: Rig, value: str) -> None:
    plain_rig.write_csv([("P1", "A1")])
    ended = plain_rig.cold("--shard", value)
    assert ended.status == 78, ended
    assert "the part and the number of parts" in str(ended)
