"""What the archive promises of a study: UIDs where it tells them, else a count, else nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.listing import Listing, ListingStage, uids_of
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

PAIRS = [("1.1.1", "1.1.1.7"), ("1.1.1", "1.1.1.8")]


def match(**elements: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def answer(*matches: Dataset, status: int | None = 0) -> FindAnswer:
    return FindAnswer(status=status, comment="", matches=matches, complete=status == 0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, MaxAttempts=2, RetryDelay=10) as made:
        made.studies("1.1", "1.2", "1.3")
        with made.ledger.transaction():
            made.ledger._connection.execute("DELETE FROM instances")
            made.ledger._connection.execute("UPDATE studies SET state = 'found', promised_by = NULL")
        yield made


def claim(place: Bench) -> list[Study]:
    place.clock.pass_time(1000)
    with place.ledger.transaction():
        return place.ledger.studies.claim_for_listing(10, archive=place.contact.name)


def test_uids_are_taken_of_what_lies_below_the_asked_study_and_once() -> None:
    found = answer(
        match(SOPInstanceUID="1.1.1.1", StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1"),
        match(SOPInstanceUID="1.1.1.1"),
        match(SOPInstanceUID="1.1.1.2", StudyInstanceUID=""),
        match(SOPInstanceUID="9.9.9.9", StudyInstanceUID="9.9", SeriesInstanceUID="1.1.1"),
        match(SOPInstanceUID="9.9.9.8", StudyInstanceUID="1.1", SeriesInstanceUID="9.9.9"),
        match(SOPInstanceUID=""),
        match(StudyInstanceUID="1.1"),
    )
    above = {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1"}
    assert uids_of(found, "SOPInstanceUID", above) == ["1.1.1.1", "1.1.1.2"]


@pytest.mark.parametrize(
    ("instances", "unknown", "lost", "promised_by", "state"),
    [
        (PAIRS, False, "", "uid", "listed"),
        ([], False, "", "count", "listed"),
        (PAIRS, True, "", "count", "listed"),
        (PAIRS, False, "cut off", None, "found"),
        ([], False, "cut off", None, "found"),
        (PAIRS, True, "cut off", "count", "listed"),
    ],
)
def test_only_a_complete_list_is_a_promise(
    place: Bench,
    instances: list[tuple[str, str]],
    lost: str,
    promised_by: str | None,
    state: str,
    *,
    unknown: bool,
) -> None:
    study = claim(place)[0]
    listing = Listing(study=study, instances=instances, unknown=unknown, lost=lost, charged=bool(lost))
    ListingStage(place.place, place.contact, place.succession)._conclude([listing])
    now = place.study("1.1")
    assert (now.promised_by, now.state) == (promised_by, state)
    assert now.expected == 2
    promised = place.ledger.instances.missing(now.id)
    assert promised == (["1.1.1.7", "1.1.1.8"] if promised_by == "uid" else [])


def test_after_all_attempts_the_count_must_do(place: Bench) -> None:
    states = []
    for _ in range(2):
        study = next(one for one in claim(place) if one.study_instance_uid == "1.1")
        ListingStage(place.place, place.contact, place.succession)._conclude(
            [Listing(study=study, lost="cut off", charged=True)]
        )
        states.append((place.study("1.1").state, place.study("1.1").promised_by))
    assert states == [(StudyState.FOUND, None), (StudyState.LISTED, "count")]


def test_an_archive_that_is_away_costs_no_attempt(place: Bench) -> None:
    for _ in range(5):
        study = next(one for one in claim(place) if one.study_instance_uid == "1.1")
        ListingStage(place.place, place.contact, place.succession)._conclude(
            [Listing(study=study, lost="away", charged=False)]
        )
    assert (place.study("1.1").state, place.study("1.1").listings) == (StudyState.FOUND, 0)


@pytest.mark.parametrize("new", [PAIRS, []])
def test_asking_again_replaces_the_promise_only_by_a_complete_one(
    place: Bench, new: list[tuple[str, str]]
) -> None:
    stage = ListingStage(place.place, place.contact, place.succession)
    study = claim(place)[0]
    stage._conclude([Listing(study=study, instances=[("1.1.1", "1.1.1.1")])])
    place.move("1.1")
    place.receive("1.1", [1])
    moved = place.study("1.1")
    with place.ledger.transaction():
        place.ledger.studies.relist(moved.id)
    stage._conclude([Listing(study=moved, instances=new, lost="" if new else "cut off", charged=True)])
    now = place.study("1.1")
    assert (now.state, now.relisted, now.promised_by) == (StudyState.MOVED, True, "uid")
    assert (now.expected, now.received, now.surplus) == ((2, 0, 1) if new else (1, 1, 0))


def test_by_count_nothing_is_asked(tmp_path: Path) -> None:
    with bench(tmp_path, VerifyBy="count") as made:
        made.studies("1.1")
        with made.ledger.transaction():
            made.ledger._connection.execute("UPDATE studies SET state = 'found', promised_by = NULL")
        ListingStage(made.place, made.contact, made.succession).advance([])
        assert made.study("1.1").promised_by == "count"
        assert made.calls() == []
