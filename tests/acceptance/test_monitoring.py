"""What an operator sees of an extraction, and the list that is corrected and given back."""

import os
import shlex
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from niffler_ops.demo.corpus import Corpus
from tests.support.archives import listens
from tests.support.processes import wait_until
from tests.support.rig import BIN, OUR_AET, Ended, Rig, filed

WRONG = "WRONGACC1"


@pytest.fixture
def ended(rig: Rig, corpus: Corpus) -> Rig:
    """An extraction at its end: three rows are done, one was not found, one rejected."""
    rig.serve_kind("niffler-archive", corpus)
    asked = [(study.patient_id, study.accession_number) for study in corpus.studies]
    rig.write_csv([*asked[:3], (asked[3][0], WRONG), (asked[3][0], "WILDCARD*")])
    assert rig.cold().status == 3
    return rig


def told(rig: Rig, *options: object) -> Ended:
    answer = rig.start(*options, command="niffler-status", config=False).end()
    assert answer.status == 0, answer
    return answer


def with_identifiers(rig: Rig, line: int) -> list[str]:
    """The commands to ask by hand, which the rig is not to find in the output of its own commands."""
    command = [str(BIN / "niffler-status"), str(rig.storage), "--why", str(line), "--identifiers"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=rig.environment).stdout
    return [one for one in text.splitlines() if " -c ARCHIVE@" in one]


def by_hand(command: list[str], rig: Rig) -> str:
    environment = {**rig.environment, "JAVA_OPTS": "-Xmx64m"}
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=rig.folder, timeout=60
    ).stdout


def test_it_is_among_the_extractions_of_this_machine(ended: Rig) -> None:
    assert told(ended).out == f"finished  {ended.storage}\n          3 of 5 rows done, 2 with problems\n"


def test_the_story_of_a_row_is_told_without_identifiers(ended: Rig) -> None:
    story = told(ended, ended.storage, "--why", "5").out
    assert story.startswith("Line 5      not found: the archive has no match\n")
    assert "C-FIND: nothing matches" in story
    assert "--retry-failed" in story
    story = told(ended, ended.storage, "--why", "2").out
    assert "success (0000)" in story
    assert "10 of 10 that the archive promised by UID" in " ".join(story.split())


def test_the_commands_of_a_story_do_by_hand_what_the_supervisor_did(ended: Rig) -> None:
    find, move = with_identifiers(ended, 2)
    assert "status=ff00H" in by_hand(shlex.split(find), ended), "one match"
    words = shlex.split(move)
    receiver = [word.replace("movescu", "storescp") for word in words[: words.index("-c")]]
    folder = ended.folder / "by hand"
    folder.mkdir()
    process = subprocess.Popen(
        [*receiver, "-b", f"{OUR_AET}:{ended.port}", "--directory", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "JAVA_OPTS": "-Xmx64m"},
    )
    try:
        wait_until(lambda: listens(ended.port), "the storescp by hand")
        by_hand(words, ended)
        wait_until(lambda: len(filed(folder)) == 10, "the study")
    finally:
        process.terminate()
        process.wait(20)


def test_the_list_is_corrected_and_given_back(ended: Rig, corpus: Corpus) -> None:
    sheet = ended.folder / "corrected.csv"
    assert told(ended, ended.storage, "--csv", sheet).out == f"5 lines: {sheet}\n"
    text = sheet.read_text()
    assert text.splitlines()[0] == "EMPI,Accession,niffler_line,niffler_reason,niffler_state"
    sheet.write_text(text.replace(WRONG, corpus.studies[3].accession_number))
    before = {path: path.stat().st_mtime_ns for path in filed(ended.storage)}
    assert ended.cold("--CsvFile", sheet).status == 3, "for the wildcard is still there"
    assert ended.states() == ["done", "done", "done", "done", "rejected"]
    after = {path: path.stat().st_mtime_ns for path in filed(ended.storage)}
    assert len(after) == 40
    assert before.items() <= after.items(), "what was done is not fetched again"
    lines = sheet.read_text().splitlines(keepends=True)
    sheet.write_text("".join(line for line in lines if "WILDCARD" not in line))
    assert ended.cold("--CsvFile", sheet).status == 0


def test_the_metrics_of_all_extractions_are_written(ended: Rig) -> None:
    path = ended.folder / "niffler.prom"
    told(ended, "--prometheus", path)
    found = {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        if family.name == "niffler_rows"
        for sample in family.samples
    }
    assert found[str(ended.storage), "done"] == 3
    assert found[str(ended.storage), "rejected"] == 1
