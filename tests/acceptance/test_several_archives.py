"""SrcAet as a list: what one archive does not give is asked of the next, and the report says who gave it."""

import csv
import signal
import sqlite3
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.storescp import STAGING_PATTERN
from tests.support.embedded import accepts, started, tool
from tests.support.processes import wait_until
from tests.support.rig import (
    OTHER_AET,
    OUR_AET,
    Rig,
    copy_studies,
    corpus_folder,
    data_sets,
    data_sets_of,
    kill_when,
)

LANES_OF_BOTH = 4


def part(corpus: Corpus, folder: Path, *numbers: int) -> Path:
    """A copy of some of a corpus' studies."""
    return copy_studies(Corpus(studies=tuple(corpus.studies[number] for number in numbers)), folder)


def test_what_one_has_not_comes_from_the_next_and_the_report_says_so(
    rig: Rig, corpus: Corpus, archive_kind: str, tmp_path: Path
) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.serve_files(archive_kind, part(corpus, tmp_path / "second", 2, 3), second=True)
    first, second = rig.both_archives
    rig.configure(SrcAet=[first, second])
    asked = [(study.patient_id, study.accession_number) for study in corpus.studies]
    rig.write_csv([*asked, ("NOBODY-AT-ALL", "NOTHING1")])
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done"] * 4 + ["not_found"]
    assert [row["archive"] for row in rig.report()] == [first, first, second, second, ""]
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_what_one_fails_to_send_is_fetched_from_the_next_and_only_that(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    incomplete = rig.serve(part(corpus, tmp_path / "first", 0, 1, 2, 3), "drop=3:1")
    whole = rig.serve(corpus_folder(corpus), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert sum(incomplete.delivered().values()) == 37
    assert sum(whole.delivered().values()) == 3
    assert [row["archive"] for row in rig.report()].count(rig.both_archives[1]) == 1


def test_what_no_archive_can_send_whole_is_partial_and_says_what_is_missing(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1), "drop=3")
    rig.serve(part(corpus, tmp_path / "second", 1, 2), "drop=2", second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies[:2])
    ended = rig.cold()
    assert ended.status == 3, ended
    only_there, on_both = rig.report()
    assert [only_there["archive"], on_both["archive"]] == rig.both_archives
    assert (only_there["state"], only_there["instances_received"]) == ("partial", "7")
    assert (on_both["state"], on_both["instances_received"]) == ("partial", "8")
    assert "missing" in only_there["reason"]


def test_an_archive_that_refuses_every_query_is_passed_over(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), "find-status=a700")
    rig.serve(corpus_folder(corpus), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    assert rig.cold().status == 0
    assert {row["archive"] for row in rig.report()} == {rig.both_archives[1]}


def test_a_refusal_of_one_and_no_match_of_the_other_are_not_called_not_found(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(corpus_folder(corpus), "find-status=a700")
    rig.serve(part(corpus, tmp_path / "second", 0), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies[:2])
    assert rig.cold().status == 3
    assert rig.states() == ["done", "failed"]


def test_one_that_does_not_know_us_is_left_out_and_the_others_go_on(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(corpus_folder(corpus), destinations=(OTHER_AET,))
    rig.serve(part(corpus, tmp_path / "second", 0, 1), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 78, ended
    assert f"add AE title {OUR_AET}" in ended.err
    assert rig.both_archives[0] in ended.err
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:2])
    rows = rig.status()["rows"]
    assert (rows["done"], rows["pending"] + rows["active"]) == (2, 2)


def test_with_nobody_left_who_knows_us_the_run_ends_with_78(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), destinations=(OTHER_AET,))
    rig.serve(corpus_folder(corpus), second=True, destinations=(OTHER_AET,))
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 78, ended
    assert all(name in ended.err for name in rig.both_archives)


def test_one_that_is_down_from_the_start_holds_nobody_up_and_is_asked_in_the_next_run(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(part(corpus, tmp_path / "second", 0, 1), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 69, ended
    assert rig.both_archives[0] in ended.err
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:2])
    rig.serve(corpus_folder(corpus))
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_none_that_answers_is_as_one_that_does_not(rig: Rig, corpus: Corpus) -> None:
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 69, ended
    assert all(name in ended.err for name in rig.both_archives)


def test_an_archive_may_have_lanes_of_its_own_and_know_us_by_another_name(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    first = rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.serve(part(corpus, tmp_path / "second", 2, 3), second=True)
    one, other = rig.both_archives
    rig.configure(
        SrcAet=[{"Archive": one, "MoveLanes": 1}, {"Archive": other, "CallingAet": "SECONDNAME"}],
        BatchSize=1,
    )
    rig.ask_for(corpus.studies)
    assert rig.cold().status == 0
    assert first.delivered()
    lanes = {lane for (lane,) in rig.ledger("SELECT DISTINCT lane FROM attempts WHERE archive = ?", one)}
    assert lanes == {1}
    commands = [command for (command,) in rig.ledger("SELECT command FROM processes WHERE role = 'movescu'")]
    assert any(other in command and "SECONDNAME" in command for command in commands)


@pytest.mark.parametrize("seen", [1, 15])
def test_a_kill_in_the_middle_loses_nothing_and_fetches_nothing_twice(
    rig: Rig, corpus: Corpus, tmp_path: Path, seen: int
) -> None:
    archives = [
        rig.serve(part(corpus, tmp_path / "first", 0, 1), "slow=20"),
        rig.serve(part(corpus, tmp_path / "second", 2, 3), "slow=20", second=True),
    ]
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    assert kill_when(rig.start(), lambda: rig.received() >= seen)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    again = [uid for archive in archives for uid, times in archive.delivered().items() if times > 1]
    assert len(again) <= LANES_OF_BOTH, "more than the instances that were on their way"


def test_a_dry_run_asks_them_all(rig: Rig, corpus: Corpus, tmp_path: Path) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.serve(part(corpus, tmp_path / "second", 2), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold("--dry-run")
    assert ended.status == 3, ended
    assert "Rows: 4 (3 would be retrieved, 1 not_found)" in ended.out


def test_one_that_goes_away_for_long_is_waited_for(rig: Rig, corpus: Corpus, tmp_path: Path) -> None:
    """The other one gives what it has meanwhile."""
    first = rig.serve(part(corpus, tmp_path / "first", 0, 1), "slow=100")
    rig.serve(part(corpus, tmp_path / "second", 2, 3), second=True)
    rig.configure(SrcAet=rig.both_archives, MoveLanes=1)
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() > 12, "the first instances")
    first.kill()
    wait_until(lambda: "waiting until it answers again" in rig.log(), "its absence to be noticed")
    first.start()
    assert running.end().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def without(folder: Path, study: int, instances: int) -> Path:
    """Take the last instances of a study away from a copy."""
    for path in sorted(sorted(folder.iterdir())[study].iterdir())[-instances:]:
        path.unlink()
    return folder


def test_archives_may_be_listed_in_another_order_in_the_next_run(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    assert rig.cold().status == 69
    rig.serve(part(corpus, tmp_path / "second", 2, 3), second=True)
    rig.configure(SrcAet=rig.both_archives[::-1])
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_an_archive_may_be_left_out_in_the_next_run_and_another_one_takes_up_what_it_had(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1), "drop=3:1")
    rig.configure(SrcAet=rig.both_archives[0])
    rig.ask_for(corpus.studies)
    assert rig.cold().status == 3
    assert rig.states() == ["done", "partial", "not_found", "not_found"]
    rig.serve(corpus_folder(corpus), second=True)
    rig.configure(SrcAet=rig.both_archives[1])
    ended = rig.cold("--retry-failed")
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_retrying_what_failed_asks_every_archive_again(rig: Rig, corpus: Corpus, tmp_path: Path) -> None:
    first = rig.serve(part(corpus, tmp_path / "first", 0, 1), "find-status=a700")
    second = rig.serve(part(corpus, tmp_path / "second", 2, 3), "drop=2", second=True)
    rig.configure(SrcAet=rig.both_archives, MaxAttempts=1)
    rig.ask_for(corpus.studies)
    assert rig.cold().status == 3
    assert rig.states() == ["failed", "failed", "partial", "partial"]
    first.restart_mended()
    second.restart_mended()
    ended = rig.cold("--retry-failed")
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


@pytest.mark.parametrize("missing", [0, 4])
def test_what_a_dead_archive_was_sending_comes_from_the_next_and_its_promise_holds(
    rig: Rig, corpus: Corpus, tmp_path: Path, missing: int
) -> None:
    """After a crash the next one is asked for the rest; where it has less, the first is waited for."""
    study = corpus.studies[0]
    first = rig.serve(corpus_folder(corpus), "slow=100")
    second = without(part(corpus, tmp_path / "second", 0), 0, missing) if missing else corpus_folder(corpus)
    rig.serve(second, second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for([study])
    assert kill_when(rig.start(), lambda: rig.received() >= 2)
    first.kill()
    ended = rig.cold()
    assert ended.status == (69 if missing else 0), ended
    if missing:
        assert rig.status()["rows"]["done"] == 0
        first.start()
        ended = rig.cold()
        assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of([study])


def test_it_may_die_at_any_step_with_two_archives(rig: Rig, corpus: Corpus, tmp_path: Path) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1), "drop=3:1", noted=True)
    rig.serve(part(corpus, tmp_path / "second", 1, 2, 3), second=True, noted=True)
    rig.configure(SrcAet=rig.both_archives, QueryBatchSize=1, BatchSize=1, MoveLanes=1, MaxAttempts=1)
    rig.ask_for(corpus.studies)
    deaths = 0
    for number in (12, 19, 26, 33, 44, 57):
        rig.environment["NIFFLER_FAILPOINT"] = f"commit-{'after' if number % 2 else 'before'}:{number}"
        ended = rig.cold()
        assert ended.status in {-signal.SIGKILL, 0}, ended
        deaths += ended.status != 0
    del rig.environment["NIFFLER_FAILPOINT"]
    assert deaths >= 3
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 4
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_more_studies_than_are_asked_for_ahead_at_one_that_does_not_know_us_hold_nobody_up(
    rig: Rig, many: Corpus, tmp_path: Path
) -> None:
    rig.serve(corpus_folder(many), destinations=(OTHER_AET,))
    rig.serve(part(many, tmp_path / "second", 15), second=True)
    rig.configure(SrcAet=rig.both_archives, QueryBatchSize=1, BatchSize=1, MoveLanes=1)
    rig.ask_for(many.studies[:16])
    ended = rig.cold()
    assert ended.status == 78, ended
    assert data_sets(rig.storage) == data_sets_of(many.studies[15:16])


def test_a_dry_run_is_not_held_up_by_studies_that_nobody_retrieves(rig: Rig, some: Corpus) -> None:
    rig.serve(corpus_folder(some))
    rig.serve(corpus_folder(some), second=True)
    rig.configure(SrcAet=rig.both_archives, QueryBatchSize=4, BatchSize=1, MoveLanes=1)
    rig.ask_for(some.studies)
    ended = rig.cold("--dry-run")
    assert ended.status == 0, ended
    assert "Rows: 10 (10 would be retrieved)" in ended.out


@pytest.mark.parametrize("kept", [2, 3])
def test_rows_that_are_withdrawn_wait_for_nobody(rig: Rig, corpus: Corpus, tmp_path: Path, kept: int) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    assert rig.cold().status == 69
    rig.ask_for(corpus.studies[:kept])
    assert rig.cold().status == (0 if kept == 2 else 69)
    rig.ask_for(corpus.studies)
    rig.serve(corpus_folder(corpus), second=True)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


def test_only_the_first_rows_are_asked_of_each(rig: Rig, corpus: Corpus, tmp_path: Path) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 3))
    rig.serve(part(corpus, tmp_path / "second", 1, 2), second=True)
    rig.configure(SrcAet=rig.both_archives)
    rig.ask_for(corpus.studies)
    ended = rig.cold("--first", "2")
    assert ended.status == 0, ended
    assert rig.states() == ["done", "done", "pending", "pending"]
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:2])
    assert rig.cold().status == 0
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


@pytest.mark.parametrize("mode", ["CFIND-ONLY", "CFIND-DETAILED"])
def test_a_list_is_made_of_what_each_has(rig: Rig, corpus: Corpus, tmp_path: Path, mode: str) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.serve(part(corpus, tmp_path / "second", 1, 2, 3), second=True)
    rig.configure(SrcAet=rig.both_archives, FilePath=mode)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 4
    studies = {study.study_instance_uid for study in corpus.studies}
    for name in ("cfind-output.csv", "cfind-series.csv")[: 1 if mode == "CFIND-ONLY" else 2]:
        with (rig.storage / name).open(encoding="utf-8", newline="") as stream:
            assert {row["StudyInstanceUID"] for row in csv.DictReader(stream)} == studies


def test_a_list_that_was_cut_off_and_corrected_goes_on(rig: Rig, corpus: Corpus, tmp_path: Path) -> None:
    rig.serve(part(corpus, tmp_path / "first", 0, 1))
    rig.serve(part(corpus, tmp_path / "second", 2, 3), second=True)
    rig.configure(SrcAet=rig.both_archives, FilePath="CFIND-DETAILED", QueryBatchSize=1)
    rig.ask_for(corpus.studies)
    running = rig.start()
    found = "SELECT 1 FROM studies WHERE state IN ('found', 'listing')"
    assert kill_when(running, lambda: (rig.private / "ledger.sqlite").exists() and is_so(rig, found))
    rig.ask_for(corpus.studies[1:])
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 3


def is_so(rig: Rig, query: str) -> bool:
    try:
        return bool(rig.ledger(query))
    except sqlite3.OperationalError:  # it is being made
        return False


def test_another_system_gets_from_the_next_what_the_first_cannot_send(
    rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    rig.serve(without(part(corpus, tmp_path / "first", 0, 1), 1, 3), "count=10")
    rig.serve(part(corpus, tmp_path / "second", 1, 2), second=True)
    rig.configure(SrcAet=rig.both_archives, DestAet=OTHER_AET)
    rig.ask_for(corpus.studies[:3])
    received = rig.folder / "elsewhere"
    listening = ("-b", f"{OTHER_AET}:{rig.other_port}", "--accept-unknown")
    command = tool("storescp", *listening, "--directory", received, "--filepath", STAGING_PATTERN)
    with started(command, rig.folder / "elsewhere.log"):
        wait_until(lambda: accepts(rig.other_port), "the other system")
        ended = rig.cold()
    assert ended.status == 0, ended
    assert len(list(received.rglob("*.dcm"))) == 30
    assert [row["archive"] for row in rig.report()] == [rig.both_archives[number] for number in (0, 1, 1)]
