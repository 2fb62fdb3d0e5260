"""The machine gives the extraction less than it needs, or a tool fails at writing."""

import os
import shlex
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.toolkit import TOOLS, find_toolkit
from tests.support.processes import wait_until
from tests.support.rig import BIN, Ended, Rig, Running, corpus_folder, data_sets, data_sets_of

UNWRITABLE = "/dev/null/answers"


def with_open_files(rig: Rig, limit: int) -> Ended:
    """niffler-cold where a process may have this many files open."""
    command = (BIN / "niffler-cold", "--config", rig.folder / "config.json")
    return rig.start(f"--nofile={limit}", *command, command="/usr/bin/prlimit", config=False).end()


@pytest.fixture
def clumsy(rig: Rig) -> Path:
    """The toolkit, whose findscu writes its results nowhere as long as the file exists that is given."""
    folder, fault = rig.folder / "clumsy", rig.folder / "clumsy-fault"
    folder.mkdir()
    for tool in TOOLS:
        command = shlex.join(find_toolkit(rig.toolkit).commands[tool])
        script = f'#!/bin/sh\nexec {command} "$@"\n'
        if tool == "findscu":
            script = (
                f"#!{sys.executable}\nimport os, sys\n"
                f"words = sys.argv[1:]\n"
                f"if os.path.exists({str(fault)!r}):\n"
                f"    words[words.index('--out-dir') + 1] = {UNWRITABLE!r}\n"
                f"command = {list(find_toolkit(rig.toolkit).commands[tool])!r}\n"
                f"os.execvp(command[0], command + words)\n"
            )
        (folder / tool).write_text(script)
        (folder / tool).chmod(0o755)
    rig.configure(DCM4CHEBin=folder.name, MaxAttempts=2)
    return fault


def test_a_findscu_that_cannot_write_its_results_is_no_proof_of_absence(
    rig: Rig, corpus: Corpus, clumsy: Path
) -> None:
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies)
    clumsy.touch()
    assert rig.cold().status == 3
    assert set(rig.states()) == {"failed"}
    assert rig.received() == 0
    clumsy.unlink()
    assert rig.cold("--retry-failed").status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


@pytest.mark.parametrize("limit", [14, 22, 30])
def test_a_low_limit_of_open_files_is_named_and_loses_nothing(
    plain_rig: Rig, corpus: Corpus, limit: int
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies)
    ended = with_open_files(rig, limit)
    if ended.status:
        assert ended.status in {69, 73, 75}, ended
        assert os.strerror(24) in ended.err, ended
        assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


@pytest.mark.parametrize(
    "failpoint",
    ["rename-before:2:EIO", "sync-before:1:EIO", "sync-after:2:EROFS", "commit-before:30:ENOSPC"],
)
def test_a_disk_that_fails_ends_it_with_73_and_nothing_is_done_that_is_not_there(
    plain_rig: Rig, corpus: Corpus, failpoint: str
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies)
    rig.configure(BatchSize=1, MoveLanes=1)
    rig.environment["NIFFLER_FAILPOINT"] = failpoint
    ended = rig.cold()
    assert ended.status == 73, ended
    done = rig.ledger("SELECT count(*) FROM studies WHERE state = 'done'")[0][0]
    assert len(data_sets(rig.storage)) >= 10 * done
    del rig.environment["NIFFLER_FAILPOINT"]
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def receiver(rig: Rig) -> int:
    """The pid of the storescp that listens now; 0 where there is none."""
    alive = [process for process in rig.status()["processes"] if process["alive"]]
    return next((process["pid"] for process in alive if process["role"] == "storescp"), 0)


def is_gone(running: Running, rig: Rig, pid: int) -> bool:
    return running.ended or receiver(rig) != pid


def test_a_storescp_that_stops_answering_is_started_again(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), "slow=100")
    rig.ask_for(corpus.studies)
    rig.configure(IdleTimeout=60, FirstInstanceTimeout=60, MaxAttempts=1)
    running = rig.start()
    wait_until(lambda: rig.received() >= 3, "three instances", seconds=60)
    frozen = receiver(rig)
    os.kill(frozen, signal.SIGSTOP)
    ended = running.end()
    assert ended.status == 0, ended
    assert not Path(f"/proc/{frozen}").exists()
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert "does not answer C-ECHO" in rig.log()


def test_a_storescp_that_ends_again_and_again_ends_the_run_with_75_and_the_reason(
    plain_rig: Rig, corpus: Corpus
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), "slow=1000")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 1, "an instance", seconds=60)
    while not running.ended:
        listening = receiver(rig)
        if listening:
            os.kill(listening, signal.SIGKILL)
            wait_until(partial(is_gone, running, rig, listening), "its end", seconds=60)
    ended = running.end()
    assert ended.status == 75, ended
    assert "storescp ended 5 times" in ended.err
    assert rig.status()["rows"]["pending"] == 4
    rig.wait_for_no_process()


@pytest.mark.parametrize("shield", ["nohup", ""])
def test_a_terminal_that_is_closed_stops_it_in_order_unless_it_was_started_by_nohup(
    plain_rig: Rig, corpus: Corpus, shield: str
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), "slow=60")
    rig.ask_for(corpus.studies)
    command = (BIN / "niffler-cold", "--config", rig.folder / "config.json")
    running = rig.start(*command, command="/usr/bin/nohup", config=False) if shield else rig.start()
    wait_until(lambda: rig.received() >= 5, "five instances", seconds=60)
    running.signal(signal.SIGHUP)
    ended = running.end()
    assert ended.status == (0 if shield else 75), ended
    if not shield:
        assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
