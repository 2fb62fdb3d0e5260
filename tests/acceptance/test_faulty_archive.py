"""An archive that loses, adds, alters, hangs, aborts and lies: files decide; every row gets its answer."""

import json
import signal
from collections import Counter

import pytest

from niffler_ops.demo.corpus import Corpus, CorpusStudy
from niffler_ops.dicomtools.storescp import short_name
from tests.support.archives import ArchiveProcess
from tests.support.mailing import script
from tests.support.processes import wait_until
from tests.support.rig import Rig, corpus_folder, data_sets, data_sets_of, filed, kill_when

CHARGED = (
    "SELECT study_instance_uid, sum(charged) FROM attempts JOIN studies ON studies.id = study_id GROUP BY 1"
)
NAME_OF_MISSING = "SELECT sop_instance_uid FROM instances WHERE state = 'missing'"


def serve(rig: Rig, corpus: Corpus, *faults: str, **keys: object) -> ArchiveProcess:
    """All of the corpus is asked of an archive with these faults, one study after another."""
    rig.configure(MoveLanes=1, **keys)
    rig.ask_for(corpus.studies)
    return rig.serve(corpus_folder(corpus), *faults)


def sop_uids(*studies: CorpusStudy) -> set[str]:
    return {instance.sop_instance_uid for study in studies for instance in study.instances}


def stems(rig: Rig) -> set[str]:
    return {path.stem for path in filed(rig.storage)}


def verified(rig: Rig) -> set[str]:
    return {line["verified"] for line in rig.report()}


def assert_complete(rig: Rig, corpus: Corpus) -> None:
    assert rig.states() == ["done"] * len(corpus.studies)
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)


# Too little, too much, the wrong thing


def test_success_with_three_of_ten_lost_is_partial_and_the_three_are_named(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "drop=3:0")
    ended = rig.cold()
    assert ended.status == 3, ended
    lost = sop_uids(*corpus.studies) - set(archive.delivered())
    assert len(lost) == 3
    (damaged,) = [study for study in corpus.studies if lost <= sop_uids(study)]
    line = corpus.studies.index(damaged) + 2

    assert Counter(rig.states()) == {"done": 3, "partial": 1}
    entry = next(entry for entry in rig.report() if entry["line"] == str(line))
    assert (entry["state"], entry["instances_expected"], entry["instances_received"]) == (
        "partial",
        "10",
        "7",
    )
    assert all(uid in entry["reason"] for uid in lost)
    status = rig.status()
    (problem,) = status["problems"]
    assert (problem["line"], problem["outcome"]) == (line, "partial")
    assert all(uid in problem["reason"] for uid in lost)
    assert status["instances"] == {"expected": 40, "received": 37}
    assert {uid for (uid,) in rig.ledger(NAME_OF_MISSING)} == lost
    assert stems(rig) == sop_uids(*corpus.studies) - lost
    assert dict(rig.ledger(CHARGED))[damaged.study_instance_uid] == 2  # MaxAttempts
    (again,) = [event for event in archive.events("move") if event["level"] == "IMAGE"]
    assert set(again["sop_instances"]) == lost
    assert set(archive.delivered().values()) == {1}


def test_the_right_count_with_one_wrong_instance_is_not_done(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "wrong-uid", MaxAttempts=1)
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["partial"] * 4
    assert [entry["instances_received"] for entry in rig.report()] == ["9"] * 4
    assert rig.status()["instances"] == {"expected": 40, "received": 36}
    assert len(rig.unexpected()) == 4
    assert stems(rig) < sop_uids(*corpus.studies)
    assert len(stems(rig)) == 36


def test_a_forged_instance_of_a_study_that_became_complete_does_not_count(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "wrong-uid:times=4")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.status()["instances"] == {"expected": 40, "received": 40}
    assert stems(rig) == sop_uids(*corpus.studies)
    assert len(rig.unexpected()) == 4


def test_an_archive_that_ignores_a_key_brings_no_strangers_study(rig: Rig, corpus: Corpus) -> None:
    rig.configure(ExtractionType="accession", PatientIndex=None, AccessionIndex=0)
    rig.write_csv([(corpus.studies[0].accession_number,), ("NOWHERE-1",)], header=("Accession",))
    archive = rig.serve(corpus_folder(corpus), "ignore-key=AccessionNumber")
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "failed"]
    assert [entry["mismatches"] for entry in rig.report()] == ["3", "4"]
    assert "mismatch" in rig.report()[1]["reason"]
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:1])
    asked = {uid for event in archive.events("move") for uid in event["studies"]}
    assert asked == {corpus.studies[0].study_instance_uid}
    assert not rig.unexpected()


def test_a_patient_id_that_is_ignored_brings_no_strangers_study_either(rig: Rig, special: Corpus) -> None:
    study = next(study for study in special.studies if study.kind == "shared-accession")
    rig.ask_for([study])
    rig.serve(corpus_folder(special), "ignore-key=PatientID")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert [entry["mismatches"] for entry in rig.report()] == ["2"]
    assert data_sets(rig.storage) == data_sets_of([study])


def test_a_truncated_instance_never_counts(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "truncate", MaxAttempts=1)
    ended = rig.cold()
    assert ended.status == 3, ended
    assert [entry["instances_received"] for entry in rig.report()] == ["9"] * 4
    assert rig.states() == ["partial"] * 4
    assert len(rig.unexpected()) == 4
    assert len(stems(rig)) == 36


def test_an_instance_that_came_truncated_once_is_fetched_again(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "truncate:times=4")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert len(rig.unexpected()) == 4


def test_an_instance_of_a_study_nobody_asked_for_is_set_aside(rig: Rig, corpus: Corpus) -> None:
    rig.ask_for(corpus.studies[:1])
    rig.serve(corpus_folder(corpus), "foreign")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:1])
    assert len(rig.unexpected()) == 1
    status = rig.status()
    assert status["instances"] == {"expected": 10, "received": 10}
    assert status["unexpected_files"] == 1


def test_every_instance_sent_twice_makes_no_difference(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "twice")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert set(archive.delivered().values()) == {2}
    assert_complete(rig, corpus)
    assert not rig.unexpected()
    assert rig.status()["instances"] == {"expected": 40, "received": 40}


# Too early, never, not to the end


def test_a_success_before_the_last_instance_is_waited_for(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "success-early=1000", IdleTimeout=4)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert len(archive.events("move")) == 4  # each study was asked for once


@pytest.mark.parametrize("fault", ["hang-first", "hang-middle", "abort-middle"])
def test_a_retrieve_that_hangs_or_is_aborted_costs_its_study_one_attempt_and_its_neighbours_none(
    rig: Rig, corpus: Corpus, fault: str
) -> None:
    archive = serve(rig, corpus, f"{fault}:times=1", IdleTimeout=2, FirstInstanceTimeout=3)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    hit = archive.events("move")[0]["studies"][0]
    charged = dict(rig.ledger(CHARGED))
    assert charged == {
        study.study_instance_uid: 2 if study.study_instance_uid == hit else 1 for study in corpus.studies
    }
    assert rig.ledger("SELECT count(*) FROM attempts WHERE charged = 0") == [(3,)]  # those behind it
    assert set(archive.delivered().values()) == {1}  # only what had not come is fetched again


def test_a_study_that_always_hangs_fails_after_max_attempts_with_the_reason(rig: Rig, corpus: Corpus) -> None:
    rig.configure(MoveLanes=1, IdleTimeout=1, FirstInstanceTimeout=1, MaxAttempts=2)
    rig.ask_for(corpus.studies[:1])
    rig.serve(corpus_folder(corpus), "hang-first")
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["failed"]
    assert rig.ledger(CHARGED)[0][1] == 2
    assert "10 of 10 instances missing" in rig.report()[0]["reason"]
    assert filed(rig.storage) == []


# An archive that cannot or will not tell


def test_without_the_image_level_studies_are_done_by_count(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "no-image-level")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert verified(rig) == {"by_count"}


def test_by_count_too_little_is_partial(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "no-image-level", "drop=3:0")
    ended = rig.cold()
    assert ended.status == 3, ended
    assert Counter(rig.states()) == {"done": 3, "partial": 1}
    (problem,) = rig.status()["problems"]
    assert "3 of 10 instances missing" in problem["reason"]


def test_without_uids_and_count_studies_are_done_unverified_and_say_so(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "no-image-level", "no-count", IdleTimeout=1.5)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert verified(rig) == {"unverified"}
    assert rig.status()["studies"]["unverified"] == 4


@pytest.mark.parametrize("count", ["+2", "-2"])
def test_a_wrong_count_does_not_matter_where_the_uids_are_complete(
    rig: Rig, corpus: Corpus, count: str
) -> None:
    serve(rig, corpus, f"count={count}")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert verified(rig) == {"by_uid"}
    assert rig.status()["instances"] == {"expected": 40, "received": 40}


# Refusals


def test_an_archive_that_does_not_know_us_ends_with_78_and_the_rows_stay_pending(
    rig: Rig, corpus: Corpus
) -> None:
    archive = serve(rig, corpus, "status=a801")
    ended = rig.cold()
    assert ended.status == 78, ended
    assert "NIFFLER" in ended.err
    assert str(rig.port) in ended.err
    status = rig.status()
    assert status["extraction"]["state"] == "stopped"
    assert "a801" in status["extraction"]["stop_reason"]
    assert "mend that, then run the same command again" in " ".join(rig.status_text().split())
    assert status["rows"]["pending"] == 4, status["rows"]
    assert not rig.ledger("SELECT 1 FROM attempts WHERE charged")
    archive.restart_mended()
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


@pytest.mark.parametrize("code", ["a700", "c000"])
def test_a_retrieve_that_is_always_refused_fails_after_max_attempts(
    rig: Rig, corpus: Corpus, code: str
) -> None:
    archive = serve(rig, corpus, f"status={code}", MaxAttempts=3)
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["failed"] * 4
    assert {number for _, number in rig.ledger(CHARGED)} == {3}
    assert len(archive.events("move")) == 12
    assert all(code.upper() in entry["reason"] for entry in rig.report())


def test_where_everything_is_refused_it_slows_down_has_people_told_and_goes_on_when_that_is_mended(
    rig: Rig, some: Corpus
) -> None:
    archive = rig.serve(corpus_folder(some), "status=c000")
    told = rig.folder / "told"
    tell = script(rig.folder / "tell", f"cat >> '{told}.part' && cp '{told}.part' '{told}'")
    rig.configure(MaxAttempts=100, NotifyCommand=[str(tell)])
    rig.ask_for(some.studies)
    running = rig.start()
    wait_until(lambda: "may not know our AE title" in running.output(), "the breaker", seconds=60)
    wait_until(told.exists, "the notice")
    archive.restart_mended()
    ended = running.end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(some.studies)
    assert "sends again" in ended.out
    notices = [json.loads(line) for line in told.read_text().splitlines()]
    assert [notice["cause"] for notice in notices] == ["archive", "completion"]
    assert f"ARCHIVE@127.0.0.1:{rig.archive_port} refused" in notices[0]["reason"]


def test_a_refusal_that_passes_is_got_over(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "status=a700:times=4")
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


@pytest.mark.parametrize("fault", ["find-status=a700", "find-hang", "find-abort=0"])
def test_a_query_that_does_not_come_to_an_end_is_never_not_found(
    rig: Rig, corpus: Corpus, fault: str
) -> None:
    rig.configure(QueryTimeout=2 if "hang" in fault else 30)
    rig.ask_for(corpus.studies[:2])
    archive = rig.serve(corpus_folder(corpus), fault)
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["failed"] * 2
    assert archive.events("move") == []
    assert all("quer" in entry["reason"] for entry in rig.report())


def test_a_stop_while_the_archive_is_being_asked_is_no_attempt_and_no_trouble(
    rig: Rig, corpus: Corpus
) -> None:
    rig.configure(MaxAttempts=1)
    rig.ask_for(corpus.studies[:2])
    archive = rig.serve(corpus_folder(corpus), "find-hang:times=1")
    running = rig.start()
    wait_until(lambda: running.ended or archive.events("find"), "a query")
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.status == 75, ended
    assert "ended early:" not in ended.out + ended.err
    assert rig.ledger("SELECT state, attempts FROM rows") == [("pending", 0)] * 2
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 2


@pytest.mark.parametrize("fault", ["find-status=a700:times=2", "find-hang=1:times=1", "find-abort:times=1"])
def test_a_query_that_failed_is_asked_again(rig: Rig, corpus: Corpus, fault: str) -> None:
    serve(rig, corpus, fault, QueryTimeout=4 if "hang" in fault else 30, MaxAttempts=3)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


def test_what_the_archive_does_not_have_is_not_found(rig: Rig, archive_kind: str, corpus: Corpus) -> None:
    rig.serve_kind(archive_kind, corpus)
    known = corpus.studies[0]
    rig.write_csv([(known.patient_id, known.accession_number), (known.patient_id, "NOWHERE-1")])
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "not_found"]
    assert rig.status()["rows"]["not_found"] == 1


def test_a_row_that_matches_too_many_studies_fails_and_nothing_of_it_is_retrieved(
    rig: Rig, special: Corpus
) -> None:
    study = next(study for study in special.studies if study.kind == "three-studies")
    rig.configure(MaxStudiesPerRow=2)
    rig.ask_for([study])
    archive = rig.serve(corpus_folder(special))
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["failed"]
    assert "MaxStudiesPerRow" in rig.report()[0]["reason"]
    assert archive.events("move") == []
    assert filed(rig.storage) == []


# Gone


def test_an_archive_that_is_down_at_the_start_ends_with_69_and_the_rows_stay_pending(
    rig: Rig, corpus: Corpus
) -> None:
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 69, ended
    assert f"127.0.0.1:{rig.archive_port}" in ended.err
    assert ended.seconds > 2, "a moment's absence should not matter"
    status = rig.status()
    assert status["extraction"]["state"] == "stopped"
    assert status["rows"]["pending"] == status["rows"]["total"] == 4
    rig.serve(corpus_folder(corpus))
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


def test_an_archive_that_goes_away_is_waited_for_and_costs_no_attempt(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "slow=100", MaxAttempts=1)
    running = rig.start()
    wait_until(lambda: rig.received() >= 12, "a study and a bit", seconds=60)
    archive.kill()
    wait_until(lambda: "waiting until it answers" in rig.log(), "the loss to be noticed", seconds=60)
    assert rig.status()["extraction"]["state"] == "running"
    archive.restart()
    ended = running.end()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert all(number == 1 for _, number in rig.ledger(CHARGED))
    assert set(archive.delivered().values()) == {1}


def test_a_refused_query_may_be_done_without_and_ends_unverified(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "find-status=a900", RetrieveWithoutQuery=True)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)
    assert verified(rig) == {"unverified"}
    assert rig.status()["studies"]["unverified"] == 4
    assert set(archive.delivered().values()) == {1}
    assert {event["level"] for event in archive.events("move")} == {"STUDY"}


def test_without_that_key_a_refused_query_fails_and_says_what_would_help(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "find-status=a900")
    assert rig.cold().status == 3
    assert rig.states() == ["failed"] * 4
    assert all("RetrieveWithoutQuery" in entry["reason"] for entry in rig.report())
    assert archive.events("move") == []


def test_rows_of_one_patient_without_a_query_get_their_own_studies_and_nothing_else(
    rig: Rig, corpus: Corpus
) -> None:
    first, second, *_ = corpus.studies
    rig.serve(corpus_folder(corpus), "find-status=a900", "foreign")
    rig.configure(RetrieveWithoutQuery=True)
    lines = [(first.patient_id, first.accession_number), (second.patient_id, second.accession_number)]
    rig.write_csv([*lines, ("NOBODY-AT-ALL", "NOTHING1")])
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "done", "failed"]
    assert data_sets(rig.storage) == data_sets_of([first, second])


def test_a_kill_in_a_retrieve_without_a_query_loses_nothing(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "find-status=a900", "slow=50", RetrieveWithoutQuery=True)
    assert kill_when(rig.start(), lambda: rig.received() >= 5)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


def test_a_retrieve_without_a_query_waits_for_an_archive_that_goes_away(rig: Rig, corpus: Corpus) -> None:
    archive = serve(rig, corpus, "find-status=a900", "slow=100", RetrieveWithoutQuery=True, MaxAttempts=1)
    running = rig.start()
    wait_until(lambda: rig.received() >= 3, "a part of a study", seconds=60)
    archive.kill()
    wait_until(lambda: "waiting until it answers" in rig.log(), "the loss to be noticed", seconds=60)
    archive.restart()
    ended = running.end()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


def test_an_archive_that_does_not_know_us_ends_retrieves_without_a_query_too(
    rig: Rig, corpus: Corpus
) -> None:
    serve(rig, corpus, "find-status=a900", "status=a801", RetrieveWithoutQuery=True)
    ended = rig.cold()
    assert ended.status == 78, ended
    assert "move destination" in ended.err
    assert rig.status()["rows"]["pending"] == 4


def test_a_retrieve_without_a_query_that_is_cut_off_is_done_again(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "find-status=a900", "abort-middle:times=1", RetrieveWithoutQuery=True, RetryDelay=0.1)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert_complete(rig, corpus)


def test_what_came_before_retrieves_without_a_query_were_cut_off_is_not_called_all(
    rig: Rig, corpus: Corpus
) -> None:
    serve(rig, corpus, "find-status=a900", "abort-middle", RetrieveWithoutQuery=True, MaxAttempts=1)
    rig.ask_for(corpus.studies[:1])
    assert rig.cold().status == 3
    (row,) = rig.report()
    assert row["state"] == "partial"
    assert "did not tell whether 1 more" in row["reason"]
    assert data_sets(rig.storage)


def test_an_archive_that_ignores_the_keys_of_a_retrieve_is_stopped(rig: Rig, corpus: Corpus) -> None:
    serve(rig, corpus, "find-status=a900", "move-all", RetrieveWithoutQuery=True, MaxAttempts=1)
    rig.write_csv([("NOBODY-AT-ALL", "NOTHING1")])
    assert rig.cold().status == 3
    (row,) = rig.report()
    assert row["state"] == "failed"
    assert "other values" in row["reason"]
    assert len(rig.unexpected()) < 40


def test_every_warning_for_machines_has_its_line_or_study(plain_rig: Rig, corpus: Corpus) -> None:
    faults = ("find-abort=0:times=1", "drop=1:0", "wrong-uid", "truncate", "foreign", "abort-middle:times=1")
    plain_rig.configure(MoveLanes=1, MaxAttempts=2)
    plain_rig.ask_for(corpus.studies[:2])
    plain_rig.serve(corpus_folder(corpus), *faults)
    ended = plain_rig.cold("--log-json")
    assert ended.status == 3, ended
    told = [json.loads(line) for line in plain_rig.log().splitlines()]
    warnings = [entry for entry in told if entry["level"] == "WARNING"]
    of_the_run = [entry["message"] for entry in warnings if "line" not in entry and "study" not in entry]
    # On a busy machine the archive may seem silent for a moment, and others' storescp are named.
    others = [text for text in of_the_run if not text.startswith(("The archive ", "storescp, pid "))]
    assert len(others) == 1, others
    assert "of the rows are not done" in others[0]

    kinds = ("A batch of queries", "Lane ", "unexpected/surplus-", "pixel data", "nobody asked for it")
    for kind in kinds:
        assert any(kind in entry["message"] for entry in warnings), kind
    known = {short_name(study.study_instance_uid) for study in corpus.studies}
    assert known & {entry.get("study") for entry in warnings}
