"""Only what an archive was asked for is believed, and only a complete answer says that nothing matches."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.answerfiles import Match
from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.embedded.echo import Echo
from niffler_ops.ledger.rows import ClaimedRow
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.stages.asking import Answers
from niffler_ops.stages.believing import is_uid, sort_matches
from niffler_ops.stages.query import BACKLOG_BATCHES, Asked, QueryStage, split_keys
from niffler_ops.stages.walking import Candidate
from tests.support.stages import Bench, bench

KEYS = {"PatientID": "P1", "AccessionNumber": "A1"}


def match(**elements: str) -> Match:
    return {"StudyInstanceUID": "1.2"} | elements


def answer(*matches: Match, status: int | None = 0, complete: bool | None = None) -> FindAnswer:
    return FindAnswer(
        status=status,
        comment="",
        matches=matches,
        complete=status == 0 if complete is None else complete,
    )


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientID": "P1", "AccessionNumber": "A1"},
        {"PatientID": "P1", "AccessionNumber": ""},
        {"PatientID": "P1"},
        {},
        {"PatientID": "P0\\P1", "AccessionNumber": "A1"},
        {"PatientID": "P1", "AccessionNumber": "A1", "PatientName": "Doe^Jane"},
    ],
)
def test_a_key_that_returns_as_asked_empty_or_not_at_all_is_believed(elements: dict[str, str]) -> None:
    found = sort_matches(KEYS, [match(**elements)])
    assert (len(found.studies), found.mismatches, found.unusable) == (1, 0, 0)


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientID": "P2", "AccessionNumber": "A1"},
        {"PatientID": "P1", "AccessionNumber": "A2"},
        {"PatientID": "P1", "AccessionNumber": "A"},
        {"PatientID": "P1", "AccessionNumber": "A11"},
        {"PatientID": "p1", "AccessionNumber": "A1"},
        {"PatientID": "P2\\P3", "AccessionNumber": "A1"},
        {"PatientID": "P2", "AccessionNumber": ""},
        {"PatientID": "P2", "StudyInstanceUID": "no uid"},
    ],
)
def test_a_key_that_returns_with_another_value_is_a_strangers_study(elements: dict[str, str]) -> None:
    found = sort_matches(KEYS, [match(**elements), match(StudyInstanceUID="1.3", **KEYS)])
    assert [study.study_instance_uid for study in found.studies] == ["1.3"]
    assert (found.mismatches, found.unusable) == (1, 0)


def test_persons_and_dates_are_compared_as_text() -> None:
    keys = {"PatientName": "Müller^Änne", "StudyDate": "20240229"}
    found = sort_matches(
        keys,
        [
            match(StudyInstanceUID="1.1", **keys),
            match(StudyInstanceUID="1.2", **keys | {"PatientName": "Müller^Anne"}),
            match(StudyInstanceUID="1.3", **keys | {"StudyDate": "20240228"}),
        ],
    )
    assert [study.study_instance_uid for study in found.studies] == ["1.1"]
    assert found.mismatches == 2


@pytest.mark.parametrize("uid", ["", "1.2 3", "1.a", "*", "1.2\\1.3", "1" * 65])
def test_a_match_without_a_usable_study_instance_uid_is_counted_apart(uid: str) -> None:
    found = sort_matches(KEYS, [match(StudyInstanceUID=uid)])
    assert (found.studies, found.mismatches, found.unusable) == ((), 0, 1)


@pytest.mark.parametrize(
    ("told", "count"),
    [
        *(("12", 12), ("0", 0), ("", None), ("twelve", None), ("-3", 0)),
        *((str(2**31 - 1), 2**31 - 1), (str(2**31), None), (str(10**20), None)),
    ],
)
def test_the_number_of_instances_is_taken_where_it_is_one(told: str, count: int | None) -> None:
    found = sort_matches({}, [match(NumberOfStudyRelatedInstances=told)])
    assert found.studies == (FoundStudy(study_instance_uid="1.2", promised_count=count),)


def test_a_study_that_is_named_twice_is_one() -> None:
    assert len(sort_matches({}, [match(), match(StudyInstanceUID="1.3"), match()]).studies) == 2


@given(st.text(max_size=70))
def test_what_is_taken_for_a_uid_can_be_asked_for(text: str) -> None:
    if is_uid(text):
        assert set(text) <= set("0123456789.")
        assert len(text) <= 64


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, MaxAttempts=2, MaxStudiesPerRow=2) as made:
        yield made


def conclude(place: Bench, *answers: FindAnswer, lost: int | None = None, charged: bool = True) -> str:
    """Ask for the only row once; gives its state."""
    place.clock.pass_time(1000)
    with place.ledger.transaction():
        rows = place.ledger.rows.claim(1)
    return _answered(place, rows, *answers, lost=lost, charged=charged)


def _answered(
    place: Bench, rows: list[ClaimedRow], *answers: FindAnswer, lost: int | None, charged: bool
) -> str:
    answered = Answers(answers=answers, first_lost=lost, charged=charged, reason="cut off")
    QueryStage(place.place, place.contact, place.succession)._answered([split_keys(*rows)], answered)
    (row,) = place.ledger.report_rows()
    return str(row["state"])


@pytest.mark.parametrize(
    ("answered", "state"),
    [
        (answer(), "not_found"),
        (answer(match(AccessionNumber="A2")), "matched"),
        (answer(match(AccessionNumber="A9")), "failed"),
        (answer(match(AccessionNumber="A9"), match(AccessionNumber="A2")), "matched"),
        (answer(match(StudyInstanceUID="")), "failed"),
        (answer(*(match(StudyInstanceUID=f"1.{number}") for number in range(3))), "failed"),
        (answer(status=0xA700), "pending"),
        (answer(match(AccessionNumber="A2"), status=0xC000), "pending"),
        (answer(match(AccessionNumber="A2"), complete=False), "pending"),
        (answer(complete=False), "pending"),
    ],
)
def test_an_answer_decides_on_its_row(place: Bench, answered: FindAnswer, state: str) -> None:
    assert conclude(place, answered) == state


@pytest.mark.parametrize("status", [None, 0xA700, 0x0122])
def test_an_incomplete_answer_is_never_not_found(place: Bench, status: int | None) -> None:
    lost = 0 if status is None else None
    states = [conclude(place, answer(status=status, complete=False), lost=lost) for _ in range(2)]
    assert states == ["pending", "failed"]
    (row,) = place.ledger.report_rows()
    assert row["reason"].startswith("the query failed: ")


def test_an_archive_that_is_away_costs_no_attempt(place: Bench) -> None:
    states = {conclude(place, answer(status=None), lost=0, charged=False) for _ in range(5)}
    assert states == {"pending"}
    with place.ledger.transaction():
        assert place.ledger.rows.claim(1)[0].attempts == 1


def test_those_behind_a_lost_query_are_asked_again_at_no_cost(place: Bench) -> None:
    states = {conclude(place, answer(status=None), lost=-1, charged=True) for _ in range(5)}
    assert states == {"pending"}
    with place.ledger.transaction():
        assert place.ledger.rows.claim(1)[0].attempts == 1


def below(place: Bench, *candidates: Candidate) -> dict[str, str]:
    """Let the only row have a key below study level, and these candidates; gives its state and reason."""
    with place.ledger.transaction():
        (row,) = place.ledger.rows.claim(1)
    asked = Asked(row=row, upper=KEYS, below={"SeriesDescription": "CHEST"})
    asked.found = sort_matches({}, [match()])
    asked.candidates = list(candidates)
    QueryStage(place.place, place.contact, place.succession)._conclude([asked])
    (reported,) = place.ledger.report_rows()
    return {name: str(reported[name]) for name in ("state", "reason")}


def candidate(uid: str, **known: object) -> Candidate:
    study = FoundStudy(study_instance_uid=uid, promised_count=3)
    made = Candidate(study=study, keys={"SeriesDescription": "CHEST"})
    for name, value in known.items():
        setattr(made, name, value)
    return made


def test_where_all_was_told_and_nothing_matches_the_row_is_not_found(place: Bench) -> None:
    told = {"SeriesDescription"}
    assert below(place, candidate("1.1", told=told), candidate("1.2")) == {
        "state": "not_found",
        "reason": "no study that the other keys find (2) has the SeriesDescription asked for",
    }


def test_a_study_of_which_the_archive_refuses_to_tell_may_be_the_one(place: Bench) -> None:
    told = {"SeriesDescription"}
    assert below(place, candidate("1.1", told=told), candidate("1.2", untold=True)) == {
        "state": "failed",
        "reason": "the archive refuses to tell of 1 of the studies that the other keys find (2)",
    }


def test_where_no_value_was_told_the_archive_cannot_tell(place: Bench) -> None:
    assert below(place, candidate("1.1"), candidate("1.2", untold=True)) == {
        "state": "failed",
        "reason": "the archive cannot tell SeriesDescription of the studies that the other keys find (2)",
    }


def test_what_was_lost_on_the_way_is_asked_for_again(place: Bench) -> None:
    series = FoundSeries(series_instance_uid="1.1.1", promised_count=3)
    found, lost = candidate("1.1", matching=[series]), candidate("1.2", lost="cut off")
    assert below(place, found, lost) == {"state": "pending", "reason": "cut off"}
    with place.ledger.transaction():
        assert place.ledger.rows.claim(1)[0].attempts == 1


@pytest.mark.parametrize(("level", "untold"), [("STUDY", 0), ("SERIES", 1)])
def test_a_series_that_was_not_told_matters_where_only_series_are_retrieved(
    tmp_path: Path, level: str, untold: int
) -> None:
    series = FoundSeries(series_instance_uid="1.1.1", promised_count=3)
    with bench(tmp_path, RetrieveLevel=level) as made:
        below(made, candidate("1.1", matching=[series], untold=True))
        (row,) = made.ledger._connection.execute("SELECT untold FROM rows")
        assert row["untold"] == untold


def test_an_archive_that_goes_away_on_the_way_leaves_no_row_behind(place: Bench) -> None:
    """Another archive may be asked for it."""
    with place.ledger.transaction():
        rows = place.ledger.rows.claim(1)
    stage = QueryStage(place.place, place.contact, place.succession)
    asked = Asked(row=rows[0], upper={}, below={"SeriesDescription": "CHEST"})
    stage._answered([asked], Answers(answers=[answer(match())], first_lost=None, charged=True, reason=""))
    place.contact.lost(Echo.UNREACHABLE)
    stage.advance()
    (row,) = place.ledger.report_rows()
    assert (row["state"], row["reason"]) == ("pending", "the archive does not answer")
    stage.advance()


def test_only_where_studies_are_retrieved_the_queries_wait_for_that(tmp_path: Path) -> None:
    with bench(tmp_path, MoveLanes=1, BatchSize=1) as made:
        made.studies(*(f"1.{number}" for number in range(BACKLOG_BATCHES)))
        stages = [
            QueryStage(made.place, made.contact, made.succession, retrieves=retrieves)
            for retrieves in (True, False)
        ]
        assert [stage._far_ahead() for stage in stages] == [True, False]


def test_an_archive_that_does_not_know_us_is_asked_for_no_further_rows(place: Bench) -> None:
    place.contact.misconfigured = "it does not know us"
    QueryStage(place.place, place.contact, place.succession).advance()
    assert place.calls() == []
    (row,) = place.ledger.report_rows()
    assert row["state"] == "pending"


def test_a_study_without_a_usable_uid_beside_others_keeps_its_row_from_being_done(place: Bench) -> None:
    assert conclude(place, answer(match(), match(StudyInstanceUID=""))) == "matched"
    (row,) = place.ledger._connection.execute("SELECT untold FROM rows")
    assert row["untold"] == 1
