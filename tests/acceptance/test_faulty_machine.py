"""The machine gives the extraction less than it needs, or a tool fails at writing."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.toolkit import TOOLS, find_toolkit
from tests.support.rig import BIN, Ended, Rig, corpus_folder, data_sets, data_sets_of

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
