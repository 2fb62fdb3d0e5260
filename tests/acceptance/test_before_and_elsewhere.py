"""Looking before one leaps, listing without retrieving, sending elsewhere, and a ledger on another disk."""

import csv
import signal
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.storescp import STAGING_PATTERN
from tests.support.embedded import accepts, started, tool, wait_until
from tests.support.rig import (
    OTHER_AET,
    Rig,
    corpus_folder,
    data_sets,
    data_sets_of,
    everything,
    filed,
    kill_when,
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_dry_run_tells_what_would_come_and_touches_nothing(
    rig: Rig, corpus: Corpus, foreign_archive: str
) -> None:
    rig.serve_kind(foreign_archive, corpus)
    asked = [(study.patient_id, study.accession_number) for study in corpus.studies]
    rig.write_csv([*asked, ("NOBODY-AT-ALL", "NOTHING1")])
    before = everything(rig.folder)
    ended = rig.cold("--dry-run", "--instance-size", "500", "--instance-rate", "10")
    assert ended.status == 3, ended
    assert "Rows: 5 (4 would be retrieved, 1 not_found)" in ended.out
    assert "Line 6: not_found: the archive has no match" in ended.out
    assert "Studies: 4" in ended.out
    assert "Instances: 40" in ended.out
    assert "20.0 MB needed" in ended.out
    assert "1 night from 21 to 9" in ended.out
    assert not rig.storage.exists()
    assert before.keys() <= everything(rig.folder).keys()


def test_a_dry_run_without_problems_ends_with_0(rig: Rig, corpus: Corpus, foreign_archive: str) -> None:
    archive = rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    assert rig.cold("--dry-run").status == 0
    assert archive.log is None or archive.events("move") == []


def test_a_canary_does_the_first_rows_and_the_rest_follows(
    rig: Rig, corpus: Corpus, foreign_archive: str
) -> None:
    archive = rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    ended = rig.cold("--first", "2")
    assert ended.status == 0, ended
    assert rig.states() == ["done", "done", "pending", "pending"]
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:2])
    assert rig.status()["extraction"]["state"] == "stopped"
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert archive.log is None or set(archive.delivered().values()) == {1}


def test_a_canary_leaves_what_an_interrupted_run_had_found_for_later_rows(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), "slow=200")
    rig.configure(MoveLanes=1, BatchSize=1)
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 1, "the first instance")
    running.signal(signal.SIGTERM)
    assert running.end().status == 75
    assert rig.cold("--first", "1").status == 0
    first, *others = rig.states()
    assert first == "done"
    assert "done" not in others
    asked_for = "SELECT count(*) FROM attempts GROUP BY study_id"
    assert len(rig.ledger(asked_for)) < len(corpus.studies) - 1
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_a_canary_takes_up_only_its_own_rows_again(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus))
    rig.write_csv([("NOBODY-AT-ALL", "NOTHING1"), ("NOBODY-AT-ALL", "NOTHING2")])
    assert rig.cold().status == 3
    ended = rig.cold("--first", "1", "--retry-failed")
    assert "Taken up again: 1 rows" in rig.log()
    assert ended.status == 3
    assert rig.states() == ["not_found", "not_found"]


def test_a_canarys_exit_status_is_that_of_its_rows(rig: Rig, corpus: Corpus, foreign_archive: str) -> None:
    rig.serve_kind(foreign_archive, corpus)
    first, *_ = corpus.studies
    rig.write_csv([("NOBODY-AT-ALL", "NOTHING1"), (first.patient_id, first.accession_number)])
    assert rig.cold("--first", "1").status == 3
    assert rig.states() == ["not_found", "pending"]


def test_studies_are_listed_and_not_retrieved(rig: Rig, corpus: Corpus, foreign_archive: str) -> None:
    archive = rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    rig.configure(FilePath="CFIND-ONLY")
    ended = rig.cold()
    assert ended.status == 0, ended
    listed = rows_of(rig.storage / "cfind-output.csv")
    assert [row["lines"] for row in listed] == ["2", "3", "4", "5"]
    assert [row["StudyInstanceUID"] for row in listed] == [
        study.study_instance_uid for study in corpus.studies
    ]
    assert {row["NumberOfStudyRelatedInstances"] for row in listed} == {"10"}
    assert [path.name for path in filed(rig.storage)] == ["cfind-output.csv"]
    assert archive.log is None or archive.events("move") == []


def test_series_are_listed_where_that_is_asked_for(rig: Rig, corpus: Corpus, foreign_archive: str) -> None:
    rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    rig.configure(FilePath="CFIND-DETAILED")
    assert rig.cold().status == 0
    listed = rows_of(rig.storage / "cfind-series.csv")
    expected = {
        (study.study_instance_uid, instance.series_instance_uid)
        for study in corpus.studies
        for instance in study.instances
    }
    assert {(row["StudyInstanceUID"], row["SeriesInstanceUID"]) for row in listed} == expected
    assert len(listed) == len(expected)
    assert [path.name for path in filed(rig.storage)] == ["cfind-output.csv", "cfind-series.csv"]


def test_images_go_to_another_system_and_the_report_says_that_it_rests_on_its_word(
    rig: Rig, corpus: Corpus, foreign_archive: str
) -> None:
    rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    rig.configure(DestAet=OTHER_AET)
    received = rig.folder / "elsewhere"
    listening = ("-b", f"{OTHER_AET}:{rig.other_port}", "--accept-unknown")
    command = tool("storescp", *listening, "--directory", received, "--filepath", STAGING_PATTERN)
    with started(command, rig.folder / "elsewhere.log"):
        wait_until(lambda: accepts(rig.other_port), "the other system")
        ended = rig.cold()
    assert ended.status == 0, ended
    assert len(list(received.rglob("*.dcm"))) == 40
    assert filed(rig.storage) == []
    assert {row["verified"] for row in rig.report()} == {"reported"}
    assert [row["instances_received"] for row in rig.report()] == ["10"] * 4
    assert not any(process["role"] == "storescp" for process in rig.status()["processes"])


def test_what_another_system_refuses_is_not_done(rig: Rig, corpus: Corpus, foreign_archive: str) -> None:
    rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    rig.configure(DestAet=OTHER_AET, MaxAttempts=1)
    assert rig.cold().status == 3
    assert rig.states() == ["failed"] * 4


def test_ledger_and_staging_may_be_on_another_disk_and_survive_a_kill(
    rig: Rig, corpus: Corpus, another_disk: Path
) -> None:
    rig.serve(corpus.studies[0].instances[0].path.parents[1], "slow=20")
    rig.ask_for(corpus.studies)
    rig.configure(LedgerFolder=str(another_disk))
    assert kill_when(rig.start(), lambda: len(list(another_disk.rglob("*.dcm"))) > 3)
    assert rig.status()["extraction"]["state"] == "crashed"
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert not (rig.private / "ledger.sqlite").exists()
    assert rig.status()["rows"]["done"] == 4


def test_a_ledger_that_lies_elsewhere_is_not_started_anew(
    rig: Rig, corpus: Corpus, another_disk: Path, foreign_archive: str
) -> None:
    rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    rig.configure(LedgerFolder=str(another_disk))
    assert rig.cold().status == 0
    rig.configure(LedgerFolder=None)
    ended = rig.cold()
    assert ended.status == 78
    assert "LedgerFolder" in ended.err


def test_a_ledger_on_the_network_is_refused_with_the_remedy(rig: Rig, corpus: Corpus) -> None:
    rig.ask_for(corpus.studies)
    mounts = rig.folder / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/vda rw\n"
        f"40 22 0:40 / {rig.folder} rw,relatime shared:1 - nfs4 server:/export rw\n"
    )
    rig.environment["NIFFLER_MOUNTS"] = str(mounts)
    ended = rig.cold()
    assert ended.status == 78
    assert "nfs4" in ended.err
    assert "LedgerFolder" in ended.err
    assert not rig.storage.exists()


def test_a_tree_is_checked_against_the_ledger(rig: Rig, corpus: Corpus, foreign_archive: str) -> None:
    rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies)
    rig.configure(FilePath="{0020000D}/{00080018}.dcm")  # paths are named, and hold no identifier so
    assert rig.cold().status == 0
    verify = rig.start(rig.storage, "--verify", command="niffler-status", config=False).end()
    assert verify.status == 0, verify
    lost, changed, *_ = filed(rig.storage)
    lost.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    verify = rig.start(rig.storage, "--verify", command="niffler-status", config=False).end()
    assert verify.status == 3
    assert f"missing  {lost.relative_to(rig.storage)}" in verify.out
    assert f"changed  {changed.relative_to(rig.storage)}" in verify.out


def test_a_corrected_list_is_taken_and_the_log_says_what_changed(
    rig: Rig, corpus: Corpus, foreign_archive: str
) -> None:
    archive = rig.serve_kind(foreign_archive, corpus)
    first, second, third, fourth = corpus.studies
    rig.ask_for([first, second, third])
    assert rig.cold().status == 0
    rig.ask_for([fourth, second, first])
    ended = rig.cold()
    assert ended.status == 0, ended
    assert "1 rows are new, 1 withdrawn, 0 back again, 2 as before" in rig.log()
    assert [row["line"] for row in rig.report()] == ["2", "3", "4"]
    rows = rig.status()["rows"]
    assert (rows["done"], rows["withdrawn"], rows["total"]) == (3, 1, 4)
    assert archive.log is None or set(archive.delivered().values()) == {1}


def test_operational_keys_may_change_and_those_of_the_query_may_not(
    rig: Rig, corpus: Corpus, foreign_archive: str
) -> None:
    rig.serve_kind(foreign_archive, corpus)
    rig.ask_for(corpus.studies[:1])
    assert rig.cold().status == 0
    rig.configure(MoveLanes=1, BatchSize=3, MaxAttempts=2)
    assert rig.cold().status == 0
    rig.configure(FilePath="{00080018}.dcm")
    ended = rig.cold()
    assert ended.status == 78
    assert "FilePath" in ended.err
    assert "another StorageFolder" in ended.err


@pytest.mark.parametrize(("accepted", "status"), [(True, 0), (False, 3)])
def test_a_linked_patient_id_is_believed_only_where_that_is_wanted(
    rig: Rig,
    corpus: Corpus,
    accepted: bool,  # noqa: FBT001 - a parameter of the test
    status: int,
) -> None:
    rig.serve(corpus.studies[0].instances[0].path.parents[1], "ignore-key=PatientID")
    rig.write_csv([("LINKED-ID-1", corpus.studies[0].accession_number)])
    rig.configure(AcceptOtherPatientIDs=accepted)
    assert rig.cold().status == status
    assert rig.states() == ["done" if accepted else "failed"]
