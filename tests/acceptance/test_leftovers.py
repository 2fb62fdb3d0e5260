"""What is left over, or only looks like it: who is ended at a start, who is left, and who is named."""

import os
import re
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.processes.inspection import DCM4CHE_MAIN_CLASS
from tests.support.lookalikes import (
    NO_OTHER_USER,
    NOBODY,
    PARENT,
    child,
    defunct_storescp,
    java_storescp,
    orphan,
    pretending,
)
from tests.support.processes import wait_until
from tests.support.rig import OTHER_AET, OUR_AET, Ended, Rig, Running, corpus_folder, data_sets, data_sets_of

as_root = pytest.mark.skipif(os.getuid() != 0, reason=NO_OTHER_USER)


@pytest.fixture
def entity(rig: Rig) -> str:
    """Our AE title and port."""
    return f"{OUR_AET}:{rig.port}"


@pytest.fixture
def asked(rig: Rig, corpus: Corpus) -> Corpus:
    """An archive that serves what is asked for."""
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    return corpus


def assert_done(rig: Rig, ended: Ended, corpus: Corpus) -> None:
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def assert_port_taken(rig: Rig, ended: Ended, *parts: str) -> None:
    assert ended.status == 69, ended
    assert f"port {rig.port} is taken by pid " in ended.err, ended
    for part in parts:
        assert part in ended.err, ended
    assert rig.status()["rows"]["pending"] == 4


# Ours and orphaned


def test_an_orphan_with_our_title_and_port_is_ended_and_the_start_succeeds(
    rig: Rig, asked: Corpus, entity: str
) -> None:
    """The toolkit's own storescp, started by nobody who is still there."""
    storescp = find_toolkit(rig.toolkit).commands["storescp"]
    command = [*storescp, "-b", entity, "--directory", str(rig.folder)]
    with orphan(command, rig.folder, WAITS_FOR=rig.port) as left_over:
        ended = rig.cold()
        assert_done(rig, ended, asked)
        assert not left_over.lives
    assert re.search(
        rf"Left over from an earlier run, and ended: storescp, pid {left_over.pid} \(", ended.out
    )


@pytest.mark.parametrize("deaf", ["", "yes"])
def test_one_of_dcm4che_is_known_by_its_main_class_and_killed_where_it_does_not_listen_to_sigterm(
    plain_rig: Rig, corpus: Corpus, deaf: str
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    command = java_storescp(f"{OUR_AET}:{rig.port}", "--directory", rig.folder)
    with orphan(command, rig.folder, LISTENS=rig.port, DEAF=deaf) as left_over:
        assert_done(rig, rig.cold(), corpus)
        assert not left_over.lives


def test_one_that_was_started_by_hand_is_ended_too(rig: Rig, asked: Corpus, entity: str) -> None:
    with child(java_storescp(entity), rig.folder, LISTENS=rig.port) as by_hand:
        assert_done(rig, rig.cold(), asked)
        assert not by_hand.lives


# Not ours to end


def hold(rig: Rig, corpus: Corpus) -> Running:
    """An extraction that runs until it is ended."""
    archive = rig.serve(corpus_folder(corpus), "hang-first")
    rig.configure(FirstInstanceTimeout=600, MaxNifflerProcesses=2)
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: archive.events("move"), "the first retrieve", seconds=60)
    return running


def receiver_of(rig: Rig, storage: Path) -> int:
    return next(
        int(entry["pid"]) for entry in rig.status(storage)["processes"] if entry["role"] == "storescp"
    )


def test_the_storescp_of_another_live_extraction_is_left_and_named_with_its_folder(
    rig: Rig, corpus: Corpus
) -> None:
    first, storage = hold(rig, corpus), rig.storage
    theirs = receiver_of(rig, storage)
    rig.configure(
        StorageFolder="other", QueryAet=f"{OTHER_AET}:{rig.port}", MaxNifflerProcesses=2, DestAet=OTHER_AET
    )
    assert_port_taken(rig, rig.cold(), f"pid {theirs} ", f"process {first.pid} of ", str(storage))
    assert receiver_of(rig, storage) == theirs
    assert rig.status(storage)["extraction"]["state"] == "running"


def test_it_is_left_too_where_its_locks_are_in_another_folder(rig: Rig, corpus: Corpus) -> None:
    first, storage = hold(rig, corpus), rig.storage
    theirs = receiver_of(rig, storage)
    rig.environment["NIFFLER_RUNTIME"] = str(rig.folder / "other-locks")
    rig.configure(StorageFolder="other")
    assert_port_taken(rig, rig.cold(), f"pid {theirs} ", f"process {first.pid} of ", str(storage))
    assert receiver_of(rig, storage) == theirs


def test_that_of_a_live_niffler_of_old_is_left(plain_rig: Rig, corpus: Corpus) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    script = rig.folder / "ColdDataRetriever.py"
    script.write_text(PARENT)
    command, parent = java_storescp(f"{OUR_AET}:{rig.port}"), [sys.executable, str(script)]
    with child(command, rig.folder, parent=parent, LISTENS=rig.port) as theirs:
        assert_port_taken(rig, rig.cold(), f"pid {theirs.pid} ", f"process {theirs.parent} of ")
        assert theirs.lives


@as_root
@pytest.mark.usefixtures("asked")
def test_another_users_is_left_and_named_with_the_command_for_an_administrator(rig: Rig, entity: str) -> None:
    with orphan(java_storescp(entity), rig.folder, LISTENS=rig.port, BECOMES=NOBODY) as theirs:
        ended = rig.cold()
        assert_port_taken(rig, ended, f"pid {theirs.pid} (", " of nobody", f"`sudo kill {theirs.pid}`")
        assert theirs.lives


@as_root
def test_another_users_that_does_not_have_the_port_is_named_and_no_obstacle(
    rig: Rig, asked: Corpus, entity: str
) -> None:
    with orphan(java_storescp(entity), rig.folder, BECOMES=NOBODY) as theirs:
        ended = rig.cold()
        assert_done(rig, ended, asked)
        assert f"`sudo kill {theirs.pid}`" in ended.out
        assert theirs.lives


def test_a_stranger_on_the_port_is_left_and_named(rig: Rig, asked: Corpus) -> None:
    with orphan(pretending("webserver"), rig.folder, LISTENS=rig.port) as stranger:
        assert_port_taken(rig, rig.cold(), f"pid {stranger.pid} ", f"`kill {stranger.pid}`")
        assert stranger.lives
    assert_done(rig, rig.cold(), asked)


def test_a_defunct_one_is_no_obstacle_and_its_parent_is_named(rig: Rig, asked: Corpus, entity: str) -> None:
    with defunct_storescp(entity, rig.folder) as ended_before:
        ended = rig.cold()
        assert_done(rig, ended, asked)
    (line,) = (line for line in ended.out.splitlines() if f"pid {ended_before.pid} " in line)
    assert "defunct" in line
    assert f"pid {ended_before.parent} (" in line


def test_what_only_has_the_word_or_another_title_or_port_is_left(
    rig: Rig, asked: Corpus, entity: str
) -> None:
    _, _, port = entity.rpartition(":")
    with ExitStack() as stack:
        others = [
            stack.enter_context(orphan(command, rig.folder))
            for command in (
                pretending("vim", "storescp", DCM4CHE_MAIN_CLASS, "-b", entity),
                pretending("grep", "-r", DCM4CHE_MAIN_CLASS, "-b", entity),
                pretending("java", "some.other.Main", "-b", entity),
                pretending("python3", "storescp.py", "-b", entity),
                java_storescp(f"{OUR_AET}:{rig.other_port}"),
                java_storescp(f"{OUR_AET.lower()}:{port}"),
                java_storescp(port),
            )
        ]
        ended = rig.cold()
        assert_done(rig, ended, asked)
        assert all(other.lives for other in others)
    assert "Left over" not in ended.out


# What a second start is told


def test_a_second_start_is_told_who_runs_where_since_when_and_how_far(rig: Rig, corpus: Corpus) -> None:
    archive = rig.serve(corpus_folder(corpus), "hang-first:times=1")
    rig.configure(MoveLanes=1, BatchSize=1, MaxAttempts=3, FirstInstanceTimeout=600, StorageFolder="first")
    rig.ask_for(corpus.studies[:1])
    assert archive.process is not None
    first = rig.start()
    wait_until(lambda: archive.events("move"), "the retrieve", seconds=60)
    since = rig.status()["extraction"]["started_at"][:16]
    storage = rig.storage
    rig.configure(StorageFolder="second")
    second = rig.cold(seconds=20)
    assert second.status == 75, second
    found = re.search(
        r"Previous extraction still running: process (\d+) of (\S+), since (\S+), in (\S+),"
        r" (\d+ of \d+) rows done",
        second.err,
    )
    assert found, second
    assert (int(found[1]), found[4], found[5]) == (first.pid, str(storage), "0 of 1")
    assert found[3].startswith(since[:13])
    assert "first --stop`" in second.err
    first.signal(signal.SIGTERM)
    assert first.end(15).status == 75
