"""niffler-doctor: what it says of machine, configuration and archives, what it ends, and what it leaves."""

import json
import os
import pty
import signal
import subprocess
from contextlib import ExitStack

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.processes.inspection import DCM4CHE_MAIN_CLASS
from tests.support.archives import NO_ORTHANC, ORTHANC
from tests.support.lookalikes import (
    NO_OTHER_USER,
    NOBODY,
    defunct_storescp,
    embedded_storescp,
    java_storescp,
    orphan,
    pretending,
)
from tests.support.processes import PATIENCE, wait_until
from tests.support.rig import BIN, OTHER_AET, OUR_AET, Ended, Rig, corpus_folder, everything

as_root = pytest.mark.skipif(os.getuid() != 0, reason=NO_OTHER_USER)
Finding = dict[str, str]


def ask(rig: Rig, *options: object) -> Ended:
    """With the rig's system.json alone, unless the options name more."""
    system = () if "--config" in options else ("--system", rig.folder / "system.json")
    return rig.start(*system, *options, command="niffler-doctor", config=False).end()


def findings(rig: Rig, *options: object, status: int = 0) -> list[Finding]:
    ended = ask(rig, *options, "--json")
    assert ended.status == status, ended
    assert ended.err == ""
    found: list[Finding] = json.loads(ended.out)
    assert all(finding.keys() == {"check", "result", "text"} for finding in found)
    assert (status == 1) == any(finding["result"] == "failure" for finding in found)
    return found


def result_of(found: list[Finding], check: str) -> str:
    (result,) = {finding["result"] for finding in found if finding["check"] == check}
    return result


def text_of(found: list[Finding], check: str) -> str:
    return "\n".join(finding["text"] for finding in found if finding["check"] == check)


def of_pid(found: list[Finding], pid: int, check: str = "leftovers") -> Finding:
    (finding,) = (f for f in found if f["check"] == check and f["text"].startswith(f"pid {pid} "))
    return finding


@pytest.fixture
def served(plain_rig: Rig, corpus: Corpus) -> Rig:
    """The embedded toolkit, an archive that answers and knows us, and a list."""
    plain_rig.serve(corpus_folder(corpus), noted=False)
    plain_rig.ask_for(corpus.studies)
    return plain_rig


# What it examines


def test_where_all_is_well_it_ends_with_0_and_leaves_nothing_behind(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    before = everything(rig.folder).keys()
    found = findings(rig, "--config", rig.folder / "config.json")
    for check in ("configuration", "csv", "toolkit", "disk", "file system", "clock", "locks", "port"):
        assert result_of(found, check) == "ok", found
    assert "4 rows" in text_of(found, "csv")
    assert f"ARCHIVE@127.0.0.1:{rig.archive_port}" in text_of(found, "archive")
    assert result_of(found, "archive") == result_of(found, "move destination") == "ok"
    assert (result_of(found, "java") == "ok") if rig.toolkit != "embedded" else True
    made = everything(rig.folder).keys() - before
    assert not rig.storage.exists()
    assert {name.partition("-")[0] for name in made} <= {"niffler"}, "its own output, which the rig keeps"


def test_a_line_a_check_where_people_read_it(served: Rig) -> None:
    ended = ask(served)
    assert ended.status == 0, ended
    lines = ended.out.splitlines()
    assert all(line.split()[0] in {"ok", "warning", "failure"} for line in lines)
    assert any(line.startswith("ok       port ") for line in lines), ended


def test_every_error_of_the_configuration_is_told_at_once_and_the_rest_is_examined_as_far_as_it_can_be(
    served: Rig,
) -> None:
    served.configure(BatchSize=0, ExtractionType="emp_accession", FilePath="image.dcm")
    found = findings(served, "--config", served.folder / "config.json", status=1)
    told = text_of(found, "configuration")
    for key in ("BatchSize", "ExtractionType", "FilePath"):
        assert key in told
    assert result_of(found, "archive") == "ok"


def test_without_any_configuration_the_machine_is_examined(plain_rig: Rig) -> None:
    found = findings(plain_rig, "--system", plain_rig.folder / "nowhere.json", status=1)
    assert "nowhere.json" in text_of(found, "configuration")
    assert {"clock", "locks", "leftovers"} <= {finding["check"] for finding in found}


def test_lines_of_the_csv_that_are_refused_are_named_without_their_values(
    served: Rig, corpus: Corpus
) -> None:
    first, *_ = corpus.studies
    served.write_csv([(first.patient_id, first.accession_number), ("SECRET-ID-7*", "ACCESSION-7")])
    found = findings(served, "--config", served.folder / "config.json")
    assert result_of(found, "csv") == "warning"
    assert "1 of them refused: line 3: " in text_of(found, "csv")


def test_an_archive_that_does_not_answer_is_a_failure(plain_rig: Rig) -> None:
    found = findings(plain_rig, status=1)
    assert result_of(found, "archive") == "failure"
    assert "move destination" not in {finding["check"] for finding in found}


def test_an_archive_that_does_not_know_us_is_a_failure_and_every_archive_is_asked_by_its_calling_aet(
    rig: Rig, corpus: Corpus
) -> None:
    rig.serve(corpus_folder(corpus), destinations=(OTHER_AET,))
    second = rig.serve(corpus_folder(corpus), second=True)
    first_name, second_name = rig.both_archives
    rig.configure(SrcAet=[first_name, {"Archive": second_name, "CallingAet": "ANOTHER"}])
    found = findings(rig, status=1)
    told = {line.split()[1].rstrip(":,"): line for line in text_of(found, "move destination").splitlines()}
    assert "a801" in told[first_name]
    assert f"port {rig.port}" in told[first_name]
    assert "seems to know" in told[second_name]
    assert "called by ANOTHER" in text_of(found, "archive")
    assert len(second.events("move")) == 1
    assert not second.events("store")


@pytest.mark.orthanc
@pytest.mark.skipif(ORTHANC is None, reason=NO_ORTHANC)
def test_c000_tells_nothing_and_is_a_warning(plain_rig: Rig) -> None:
    plain_rig.serve_orthanc([])
    found = findings(plain_rig)
    assert result_of(found, "move destination") == "warning"
    assert "C000" in text_of(found, "move destination")


def test_a_toolkit_that_is_none_is_a_failure(served: Rig) -> None:
    folder = served.folder / "tools"
    folder.mkdir()
    for tool in ("storescp", "movescu", "findscu"):
        (folder / tool).write_text("#!/bin/sh\necho usage: something else\n")
        (folder / tool).chmod(0o755)
    served.configure(DCM4CHEBin=str(folder))
    found = findings(served, status=1)
    assert text_of(found, "toolkit").count("is not dcm4che's") == 3
    assert "move destination" not in {finding["check"] for finding in found}, "that would take a tool"


def test_a_ledger_on_the_network_and_a_wrong_clock_are_failures(served: Rig) -> None:
    mounts, shift = served.folder / "mounts", served.folder / "shift"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 disk rw\n2 1 0:2 / {served.folder} rw - nfs4 server:/ rw\n")
    shift.write_text(str(-40 * 365.25 * 86400))
    served.environment |= {"NIFFLER_MOUNTS": str(mounts), "NIFFLER_CLOCK": str(shift)}
    found = findings(served, "--config", served.folder / "config.json", status=1)
    assert result_of(found, "clock") == "failure"
    assert "LedgerFolder" in text_of(found, "file system")


# What runs


def test_beside_an_extraction_that_runs_it_says_whose_port_and_lock_it_is_and_cleans_nothing(
    rig: Rig, corpus: Corpus
) -> None:
    archive = rig.serve(corpus_folder(corpus), "slow=30")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 1, "the first instance", seconds=60)
    running.signal(signal.SIGSTOP)  # so that it is there until all is looked at
    found = findings(rig, "--clean", "--yes")
    assert result_of(found, "port") == "ok"
    assert f"process {running.pid} of " in text_of(found, "port")
    assert f"process {running.pid} of " in text_of(found, "locks")
    assert " of 4 rows done" in text_of(found, "locks")
    assert "exit status 75" in text_of(found, "locks")
    (receiver,) = (entry for entry in rig.status()["processes"] if entry["role"] == "storescp")
    named = of_pid(found, receiver["pid"])
    assert named["result"] == "ok"
    assert str(rig.storage) in named["text"]
    running.signal(signal.SIGCONT)
    assert running.end().status == 0
    assert len(archive.delivered()) == 40
    assert rig.ledger("SELECT count(*) FROM processes WHERE role = 'storescp'") == [(1,)]


def test_a_stranger_on_the_port_is_a_failure_and_lives(served: Rig) -> None:
    with orphan(pretending("webserver"), served.folder, LISTENS=served.port) as stranger:
        found = findings(served, "--clean", "--yes", status=1)
        assert result_of(found, "port") == "failure"
        assert f"`kill {stranger.pid}`" in text_of(found, "port")
        assert stranger.lives


# What it ends


def test_it_ends_what_is_safely_ours_and_nothing_else(served: Rig) -> None:
    entity, work = f"{OUR_AET}:{served.port}", served.folder
    served.storage.mkdir(mode=0o700)
    (served.storage / "notes.txt").write_text("mine")
    (served.storage / "notes.txt").chmod(0o600)
    before = everything(served.storage)
    with ExitStack() as stack:
        ours = [
            stack.enter_context(orphan(command, work, **environment))
            for command, environment in (
                (embedded_storescp(entity, served.storage), {"WAITS_FOR": served.port}),
                (java_storescp(entity), {}),
                (java_storescp(f"{OUR_AET}@127.0.0.1:{served.port}"), {"DEAF": "yes"}),
            )
        ]
        others = [
            stack.enter_context(orphan(command, work))
            for command in (
                java_storescp(f"{OTHER_AET}:{served.port}"),
                java_storescp(f"{OUR_AET}:{served.other_port}"),
                pretending("emacs", "storescp", DCM4CHE_MAIN_CLASS, "-b", entity),
            )
        ]
        defunct = stack.enter_context(defunct_storescp(f"{OUR_AET}:{served.other_port}", work))
        shown = findings(served)
        assert result_of(shown, "port") == "warning"
        assert all(process.lives for process in (*ours, *others)), "without --clean nothing is ended"

        found = findings(served, "--clean")
        assert not any(process.lives for process in ours)
        assert all(process.lives for process in others)
        for process in ours:
            assert of_pid(found, process.pid, "clean")["text"].endswith(": ended")
        for process in others[:2]:
            assert "left alone" in of_pid(found, process.pid)["text"]
        assert f"pid {others[2].pid} " not in json.dumps(found)
        assert f"pid {defunct.parent} (" in of_pid(found, defunct.pid)["text"]
        assert "Only its parent" in of_pid(found, defunct.pid)["text"]
    assert everything(served.storage) == before
    assert text_of(findings(served, "--clean", "--yes"), "clean").startswith("nothing is left over")


@as_root
def test_another_users_is_left_also_by_root_and_its_command_is_told(served: Rig) -> None:
    entity = f"{OUR_AET}:{served.port}"
    with orphan(java_storescp(entity), served.folder, LISTENS=served.port, BECOMES=NOBODY) as theirs:
        found = findings(served, "--clean", "--yes", status=1)
        assert theirs.lives
        assert f"`sudo kill {theirs.pid}`" in of_pid(found, theirs.pid)["text"]
        assert of_pid(found, theirs.pid)["result"] == "warning"
        assert result_of(found, "port") == "failure"


@pytest.mark.parametrize(("answer", "ends"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_it_asks(served: Rig, answer: str, ends: bool) -> None:  # noqa: FBT001 - a parameter
    with orphan(java_storescp(f"{OUR_AET}:{served.port}"), served.folder) as left_over:
        asked = at_a_terminal(served, answer)
        assert f"storescp, pid {left_over.pid} " in asked
        assert left_over.lives is not ends


def at_a_terminal(rig: Rig, answer: str) -> str:
    """What it says on stderr of a terminal where this is typed."""
    ours, its = pty.openpty()
    command = [str(BIN / "niffler-doctor"), "--system", str(rig.folder / "system.json"), "--clean"]
    try:
        os.write(ours, answer.encode())
        done = subprocess.run(
            command,
            stdin=its,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=rig.environment,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(its)
    assert done.returncode == 0, done
    return done.stderr


# The form, and usage


def test_the_form_has_what_an_administrator_must_know(served: Rig) -> None:
    ended = ask(served, "--form")
    assert ended.status == 0, ended
    for text in (
        OUR_AET,
        "127.0.0.1",
        str(served.port),
        "C-ECHO",
        "C-FIND",
        "C-MOVE",
        "C-STORE",
        "Study Root",
    ):
        assert text in ended.out
    assert ended.out.startswith(f"For the administrator of ARCHIVE@127.0.0.1:{served.archive_port}\n")


@pytest.mark.parametrize("options", [("--yes",), ("--form", "--json"), ("--unknown",), ("folder",)])
def test_wrong_usage_is_64(plain_rig: Rig, options: tuple[str, ...]) -> None:
    ended = ask(plain_rig, *options)
    assert ended.status == 64, ended
    assert ended.err.startswith("niffler-doctor: ")
