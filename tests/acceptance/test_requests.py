"""A running extraction is stopped, paused, resumed and given lanes by its owner, without a signal."""

import signal

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import wait_until
from tests.support.rig import Ended, Rig, corpus_folder, data_sets, data_sets_of

REASONS = "SELECT reason FROM events WHERE subject = 'extraction' AND reason <> '' ORDER BY id"


def ask(rig: Rig, *options: object) -> Ended:
    return rig.start(rig.storage, *options, command="niffler-status", config=False).end()


def test_it_pauses_goes_on_takes_lanes_and_stops_when_it_is_asked(plain_rig: Rig, some: Corpus) -> None:
    rig = plain_rig
    archive = rig.serve(corpus_folder(some), "slow=400")
    rig.configure(MoveLanes=1, BatchSize=1)
    rig.ask_for(some.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 2, "two instances", seconds=60)
    assert ask(rig, "--pause").status == 0
    wait_until(lambda: rig.status()["extraction"]["state"] == "paused", "the pause", seconds=30)
    assert "--resume" in rig.status()["extraction"]["pause_reason"]
    wait_until(lambda: not rig.ledger("SELECT 1 FROM studies WHERE state = 'moving'"), "its end", seconds=30)
    moves = len(archive.events("move"))
    assert ask(rig, "--lanes", "auto").status == 0
    wait_until(
        lambda: "0 of 2 at work: to begin with" in rig.status_text(), "lanes that are found", seconds=30
    )
    assert ask(rig, "--lanes", 3).status == 0
    assert ask(rig, "--resume").status == 0
    wait_until(lambda: len(archive.events("move")) > moves, "a retrieve", seconds=30)
    wait_until(
        lambda: rig.ledger("SELECT max(lane) FROM attempts") == [(3,)], "a third association", seconds=30
    )
    assert ask(rig, "--stop").status == 0
    ended = running.end(30)
    assert ended.status == 75, ended
    assert ask(rig, "--pause").status == 0
    assert [reason for (reason,) in rig.ledger(REASONS)] == [
        "niffler-status asked to pause",
        "niffler-status --pause asked for it; --resume lets it go on",
        "niffler-status asked to find the number of lanes itself",
        "niffler-status asked to use 3 lanes for each archive",
        "niffler-status asked to resume",
        "niffler-status asked to stop",
    ]
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(some.studies)


def test_what_is_wrong_to_ask_is_64(plain_rig: Rig) -> None:
    for options in (("--lanes", 0), ("--lanes", "many"), ("--stop", "--pause")):
        assert ask(plain_rig, *options).status == 64


def test_a_request_that_cannot_be_left_is_73_and_names_the_folder(plain_rig: Rig, some: Corpus) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(some), "slow=400")
    rig.ask_for(some.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 1, "an instance", seconds=60)
    control = rig.private / "control"
    control.rmdir()
    control.touch(mode=0o600)
    for options in (("--stop",), ("--pause",), ("--resume",), ("--lanes", 3)):
        ended = ask(rig, *options)
        assert ended.status == 73, ended
        assert f"niffler-status: {control}: " in ended.err
        assert "as the user who runs the extraction" in ended.err
    running.signal(signal.SIGTERM)
    assert running.end(30).status == 75
