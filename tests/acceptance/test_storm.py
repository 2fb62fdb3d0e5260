"""A storm of kills: SIGKILL at seeded instants of an extraction's or a receiver's processes.

`NIFFLER_STORM_KILLS` and `NIFFLER_STORM_SEED` ask for another storm; `make storm` for a long one.
"""

import contextlib
import itertools
import os
import random
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.demo.corpus import Corpus, write_corpus
from tests.support.receiving import (
    Sent,
    check_invariant,
    counted,
    encoded,
    readers_of,
    receiver_rig,
    sending,
    series_of,
    stop,
)
from tests.support.rig import Rig, Running, corpus_folder, data_sets, data_sets_of, filed, tree

KILLS = int(os.environ.get("NIFFLER_STORM_KILLS", "40"))
SEED = int(os.environ.get("NIFFLER_STORM_SEED", "20261125"))
STUDIES, INSTANCES = 60, 3
TOOLS = ("storescp", "movescu", "findscu")
RECEIVERS = ["receiver", "receiver", "storescp", "reader"]
ENDS = (0, 75)  # 75: storescp ended too often in ten minutes, and is started again with the command
RUNNING = "SELECT pid FROM processes WHERE role = ? AND ended_at IS NULL AND pid IS NOT NULL"
DONE = "SELECT study_instance_uid FROM studies WHERE state = 'done'"


@pytest.fixture(scope="module")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Sixty studies of three small images each."""
    folder = tmp_path_factory.mktemp("sixty")
    return write_corpus(folder, studies=STUDIES, instances=INSTANCES, rows=16)


def victims(rig: Rig, running: Running, role: str) -> list[int]:
    """The processes of a role; whoever ends meanwhile is none."""
    if role == "supervisor":
        return [running.pid]
    ours = set(rig.processes())
    return [pid for (pid,) in look(rig, RUNNING, role) if pid in ours]


def look(rig: Rig, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What the ledger answers; nothing where it has not been made yet."""
    try:
        return rig.ledger(query, *parameters)
    except sqlite3.OperationalError:
        return []


@pytest.mark.timeout(60 + 20 * KILLS)
def test_whatever_is_killed_and_whenever_the_end_is_that_of_an_undisturbed_run(
    plain_rig: Rig, sixty: Corpus
) -> None:
    rig = plain_rig
    chance = random.Random(SEED)
    archive = rig.serve(corpus_folder(sixty), f"slow={3 * KILLS}")
    rig.configure(MaxAttempts=100, RetryDelay=0.1, BatchSize=4, QueryBatchSize=10)
    rig.ask_for(sixty.studies)
    killed: dict[str, int] = dict.fromkeys(("supervisor", *TOOLS), 0)
    done_at: dict[str, float] = {}
    running = rig.start()
    while sum(killed.values()) < KILLS:
        time.sleep(chance.uniform(0.05, 1.0))  # the instant itself is what is to be at random
        if running.ended:
            assert running.end().status in ENDS, running.output()
            if not rig.ledger("SELECT 1 FROM rows WHERE state <> 'done' LIMIT 1"):
                break
            running = rig.start()
            continue
        role = chance.choice(("supervisor", *TOOLS))
        pids = victims(rig, running, role)
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
                killed[role] += 1
        if role == "supervisor":
            running.kill()
            rig.wait_for_no_process()
            for (uid,) in look(rig, DONE):
                done_at.setdefault(uid, time.time())
            running = rig.start()
    ended = running.end() if not running.ended else rig.cold()
    while ended.status == 75:
        ended = rig.cold()
    print(f"seed {SEED}: killed {killed}")
    assert ended.status == 0, ended
    assert sum(killed.values()) >= min(KILLS, 10), killed
    assert rig.states() == ["done"] * STUDIES
    assert data_sets(rig.storage) == data_sets_of(sixty.studies)
    assert len(filed(rig.storage)) == len(tree(rig.storage)) == STUDIES * INSTANCES
    assert {row["verified"] for row in rig.report()} == {"by_uid"}
    asked_again = [
        uid
        for event in archive.events("move")
        for uid in event["studies"]
        if event["time"] > done_at.get(uid, float("inf"))
    ]
    assert asked_again == [], "a study reported done was asked for again"
    rig.wait_for_no_process()


@pytest.mark.timeout(60 + 10 * KILLS)
def test_every_instance_that_a_receiver_acknowledged_is_in_a_record_or_on_the_disk(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    acknowledged: list[str] = []
    sent: list[Sent] = []
    with receiver_rig(tmp_path) as rig:
        running, targets = rig.receive(), RECEIVERS
        for cycle in range(1, KILLS // 2 + 1):
            batch = [
                *series_of(cycle, 1, 12),
                *itertools.chain(*(series_of(cycle, number, 1) for number in range(2, 14))),
            ]
            sent += batch
            told: list[str] = []
            thread = sending(rig, encoded(batch), told)
            if cycle % 2:
                rig.launch("--sweep")
            time.sleep(chance.uniform(0.0, 2.0))  # the instant itself is what is to be at random
            victim = chance.choice(targets)
            if victim == "receiver":
                rig.end_all()
                targets = RECEIVERS
            else:
                storescp = {pid for (pid,) in rig.record(RUNNING, "storescp")} & set(rig.processes())
                pids = readers_of(running) if victim == "reader" else list(storescp)
                if pids:
                    os.kill(chance.choice(pids), signal.SIGKILL)
                    targets = RECEIVERS[:-1]  # a file at which a second one dies is left unread
            thread.join()
            acknowledged += told
            if victim == "receiver":  # while it moves files, nobody can count them
                check_invariant(rig, acknowledged)
                running = rig.receive()
        rig.wait_for_listening(running)
        told = rig.send([one for one in sent if one.uid not in set(acknowledged)])
        assert {*acknowledged, *told} == {one.uid for one in sent}
        assert rig.sweep().status == 0
        assert rig.stored() == counted(sent)
        assert not rig.on_disk()
        stop(running)
