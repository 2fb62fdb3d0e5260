"""SIGKILL at any place: children die too, the status says so, and the same command goes on."""

import contextlib
import os
import re
import signal
import sqlite3
import time

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import wait_until
from tests.support.rig import Rig, corpus_folder, data_sets, data_sets_of

CHILDREN_DIE_WITHIN_SECONDS = 5.0
FOLDERS, FILES = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm", "{00080018}.dcm"
FAILPOINTS = {
    FOLDERS: ("commit-before:20", "rename-before:2", "rename-after:11", "sync-before:1", "sync-after:1"),
    FILES: (
        "transition-before:9",
        "transition-after:14",
        "commit-after:25",
        "rename-between:3",
        "rename-after:2",
        "sync-before:1",
        "sync-after:1",
    ),
}


def test_children_die_with_the_supervisor_and_the_status_says_crashed(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), "slow=50")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 5, "five instances", seconds=60)
    status = rig.status()
    assert status["extraction"]["state"] == "running"
    roles = {process["role"]: process for process in status["processes"]}
    assert roles["supervisor"]["pid"] == running.pid, "bin/ must exec"
    assert {"supervisor", "storescp", "movescu"} <= roles.keys()
    assert all(process["alive"] for process in roles.values())

    running.kill()
    rig.wait_for_no_process(CHILDREN_DIE_WITHIN_SECONDS)
    status = rig.status()
    assert status["extraction"]["state"] == "crashed"
    assert not any(process["alive"] for process in status["processes"])
    assert status["extraction"]["finished_at"] is None
    text = rig.status_text()
    assert "crashed" in text
    assert "run the same command again" in text.replace("\n", " ")

    ended = rig.cold()
    assert ended.status == 0, ended
    assert "Resum" in ended.out
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert rig.status()["extraction"]["state"] == "finished"
    for name in ("incoming", "arranging", "requests", "unexpected"):
        assert list((rig.private / name).iterdir()) == []


def test_what_has_arrived_before_a_crash_is_not_fetched_again(rig: Rig, corpus: Corpus) -> None:
    archive = rig.serve(corpus_folder(corpus), "slow=30")
    rig.configure(MoveLanes=1)
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.staged() >= 5, "five instances in staging", seconds=60)
    running.kill()
    ended = rig.cold()
    assert ended.status == 0, ended
    again = [uid for uid, times in archive.delivered().items() if times > 1]
    assert len(again) <= 1, "more than the instance that was on its way"
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


@pytest.mark.parametrize("pattern", FAILPOINTS)
def test_it_may_die_between_any_two_steps(plain_rig: Rig, corpus: Corpus, pattern: str) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    rig.configure(FilePath=pattern, BatchSize=1, MoveLanes=1)
    deaths = 0
    for failpoint in FAILPOINTS[pattern]:
        rig.environment["NIFFLER_FAILPOINT"] = failpoint
        ended = rig.cold()
        assert ended.status in {-signal.SIGKILL, 0}, f"{failpoint}: {ended}"
        deaths += ended.status != 0
    del rig.environment["NIFFLER_FAILPOINT"]
    assert deaths >= len(FAILPOINTS[pattern]) - 1
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 4
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert not rig.unexpected()


@pytest.mark.parametrize("tool", ["storescp", "movescu"])
def test_a_tool_that_is_killed_is_started_again(rig: Rig, corpus: Corpus, tool: str) -> None:
    rig.serve(corpus_folder(corpus), "slow=200")
    rig.configure(MaxAttempts=1 if tool == "storescp" else 3, RetryDelay=1)
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 5, "five instances", seconds=60)
    killed = []

    def kill() -> bool:
        for process in rig.status()["processes"]:
            if process["role"] == tool and process["alive"]:
                with contextlib.suppress(ProcessLookupError):  # a batch has ended meanwhile
                    os.kill(process["pid"], signal.SIGKILL)
                    killed.append(process["pid"])
        return bool(killed)

    wait_until(kill, f"a {tool} to kill")
    ended = running.end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    processes = {process["role"]: process for process in rig.status()["processes"]}
    assert processes["storescp"]["restarts"] == (tool == "storescp")


def test_a_stale_file_that_was_being_received_does_no_harm(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), "slow=30")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.staged() >= 5, "five instances in staging", seconds=60)
    running.kill()
    staged = sorted((rig.private / "incoming").glob("*/*.dcm"))
    staged[0].write_bytes(staged[0].read_bytes()[:-50])  # as a power failure leaves it
    (rig.private / "incoming" / "1.2.3.part").write_bytes(b"half")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert not list((rig.private / "incoming").iterdir())


def test_a_second_signal_ends_at_once_and_the_work_goes_on_with_the_same_command(
    rig: Rig, corpus: Corpus
) -> None:
    rig.serve(corpus_folder(corpus), "slow=100")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 3, "three instances", seconds=60)
    begun = time.monotonic()
    running.signal(signal.SIGTERM)
    running.signal(signal.SIGTERM)
    ended = running.end(10)
    assert ended.status == 75, ended
    assert time.monotonic() - begun < 3
    rig.wait_for_no_process()
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_a_reader_and_a_passing_lock_on_the_ledger_hold_nobody_up_for_good(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), "slow=50")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 3, "three instances", seconds=60)
    ledger = rig.private / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM instances").fetchone()
        with contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            time.sleep(2)  # somebody's sqlite3, for as long as they look
            writer.execute("ROLLBACK")
        ended = running.end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_log_lines_that_operators_grep_for(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies[:1])
    ended = rig.cold()
    assert ended.status == 0, ended
    folder = re.escape(str(rig.storage))
    running = r"Number of running niffler processes: \d+ and storescp processes: \d+$"
    for text in (ended.out, rig.log()):
        assert re.search(running, text, re.MULTILINE)
        complete = r"\[EXTRACTION COMPLETE\] (\S+): Niffler Extraction to " + folder + r" Completes\.$"
        found = re.search(complete, text, re.MULTILINE)
        assert found
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)", found[1])
