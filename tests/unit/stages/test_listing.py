"""What the archive promises of a study: UIDs where it tells them, else a count, else nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from niffler_ops.dicomtools.answerfiles import Match
from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.studies import Study
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.model import Peer
from niffler_ops.stages.asking import Answers, Asking
from niffler_ops.stages.listing import Listing, ListingStage, uids_of
from niffler_ops.stages.verify import Step, judge
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

PAIRS = [("1.1.1", "1.1.1.7"), ("1.1.1", "1.1.1.8")]


def answer(*matches: Match, status: int | None = 0) -> FindAnswer:
    return FindAnswer(status=status, comment="", matches=matches, complete=status == 0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, MaxAttempts=2, RetryDelay=10) as made:
        made.studies("1.1", "1.2", "1.3")
        with made.ledger.transaction():
            made.ledger._connection.execute("DELETE FROM instances")
            made.ledger._connection.execute("UPDATE studies SET state = 'found', promised_by = NULL")
        yield made


def claim(place: Bench, archive: str = "") -> list[Study]:
    place.clock.pass_time(1000)
    with place.ledger.transaction():
        return place.ledger.studies.claim_for_listing(10, archive=archive or place.contact.name)


def test_uids_are_taken_of_what_lies_below_the_asked_study_and_once() -> None:
    found = answer(
        {"SOPInstanceUID": "1.1.1.1", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1"},
        {"SOPInstanceUID": "1.1.1.1"},
        {"SOPInstanceUID": "1.1.1.2", "StudyInstanceUID": ""},
        {"SOPInstanceUID": "9.9.9.9", "StudyInstanceUID": "9.9", "SeriesInstanceUID": "1.1.1"},
        {"SOPInstanceUID": "9.9.9.8", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "9.9.9"},
        {"SOPInstanceUID": ""},
        {"StudyInstanceUID": "1.1"},
    )
    above = {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1"}
    assert uids_of(found, "SOPInstanceUID", above) == (["1.1.1.1", "1.1.1.2"], True)
    strangers = answer({"SOPInstanceUID": "", "StudyInstanceUID": "9.9"}, {"SOPInstanceUID": "1.1.1.1"})
    assert uids_of(strangers, "SOPInstanceUID", above) == (["1.1.1.1"], False)


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
    listing = Listing(study=study, instances=instances, untold=unknown, lost=lost, charged=bool(lost))
    ListingStage(place.place, place.contact, place.succession)._conclude([listing])
    now = place.study("1.1")
    assert (now.promised_by, now.state) == (promised_by, state)
    assert now.expected == 2
    awaited = [uid for _, uid in instances] if promised_by else []
    assert place.ledger.instances.missing(now.id) == awaited


def test_what_was_told_of_some_series_is_awaited_beside_the_number_of_all(place: Bench) -> None:
    told = [("1.1.1", "1.1.1.1"), ("1.1.1", "1.1.1.2")]
    stage = ListingStage(place.place, place.contact, place.succession)
    stage._conclude([Listing(study=claim(place)[0], instances=told, untold=True)])
    place.move("1.1")
    place.receive("1.1", [1, 9])
    now = place.study("1.1")
    assert (now.promised_by, now.promised_count, now.expected, now.received) == ("count", 2, 3, 2)
    assert judge(now, quiet=True, max_attempts=0).step is Step.PARTIAL
    place.receive("1.1", [2])
    assert judge(place.study("1.1"), quiet=True, max_attempts=0).step is Step.DONE


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


class Telling(Asking):
    """An archive that tells at once which instances its series have, or nothing; `asked` are the batches."""

    def __init__(self, place: Bench, held: Mapping[str, Sequence[str]] | None) -> None:
        super().__init__(place.place, place.contact)
        self.held = held
        self.asked: list[list[str]] = []

    def ask(
        self,
        level: str,
        queries: Sequence[Mapping[str, str]],
        returned: Sequence[str],
        then: Callable[[Answers], None],
        *,
        lines: Sequence[int] = (),
    ) -> None:
        del returned, lines
        self.asked.append([keys["StudyInstanceUID"] for keys in queries])
        if self.held is None:
            return
        answers = []
        for keys in queries:
            if level == "SERIES":
                found = [{"SeriesInstanceUID": uid} for uid in self.held]
            else:
                found = [{"SOPInstanceUID": uid} for uid in self.held[keys["SeriesInstanceUID"]]]
            answers.append(answer(*found))
        then(Answers(answers=answers, first_lost=None, charged=True, reason=""))


def list_all(place: Bench, held: Mapping[str, Sequence[str]]) -> None:
    """Let whatever is due be listed by an archive that holds this."""
    place.clock.pass_time(1000)
    for contact in place.place.contacts:
        stage = ListingStage(place.place, contact, place.succession)
        stage._asking = Telling(place, held)
        stage.advance([])


def test_of_two_each_lists_other_studies_and_no_more_than_a_batch(place: Bench) -> None:
    place.clock.pass_time(1000)
    stages = [ListingStage(place.place, place.contact, place.succession) for _ in range(2)]
    few, many = Telling(place, None), Telling(place, None)
    few.batch = 1
    for stage, telling in zip(stages, (few, many), strict=True):
        stage._asking = telling
        stage.advance([])
    assert (few.asked, many.asked) == ([["1.1"]], [["1.2", "1.3"]])


def want_series(place: Bench, *series: str, count: int | None = 2) -> None:
    """The only row wants these series of the study 1.1."""
    wanted = tuple(FoundSeries(series_instance_uid=uid, promised_count=count) for uid in series)
    found = FoundStudy(study_instance_uid="1.1", promised_count=9, series=wanted)
    with place.ledger.transaction():
        (row,) = place.ledger.rows.claim(1)
        place.ledger.rows.matched(row.id, [found], archive=place.contact.name, mismatches=0)


@pytest.mark.parametrize("count", [2, None])
def test_a_wanted_series_that_is_not_told_of_is_expected_all_the_same(
    tmp_path: Path, count: int | None
) -> None:
    with bench(tmp_path) as made:
        want_series(made, "1.1.1", "1.1.2", count=count)
        list_all(made, {"1.1.1": ["1.1.1.7", "1.1.1.8", "1.1.1.9"], "1.1.3": ["1.1.3.7"]})
        study = made.study("1.1")
        assert (study.state, study.promised_by) == (StudyState.LISTED, "uid")
        assert study.expected == 3 + (count or 1)
        assert made.ledger.instances.missing(study.id) == ["1.1.1.7", "1.1.1.8", "1.1.1.9"]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Bench]:
    """Two archives; the second is to be asked for the study 1.1 that the first has named."""
    peers = [Peer(aet=aet, host="127.0.0.1", port=port) for port, aet in enumerate(("ONE", "TWO"), 1)]
    with bench(tmp_path, peers[0], further=peers[1:], MaxAttempts=2) as made:
        made.studies("1.1", instances=4)
        yield made


def hand_over(place: Bench) -> None:
    with place.ledger.transaction():
        study, second = place.study("1.1"), place.place.contacts[1].name
        place.ledger.studies.pass_on(study, archive=second, waits=False, reason="short")


def test_what_another_archive_promised_is_missing_also_where_this_one_has_less(two: Bench) -> None:
    hand_over(two)
    list_all(two, {"1.1.1": ["1.1.1.1", "1.1.1.9"]})
    study = two.study("1.1")
    assert two.ledger.instances.missing(study.id) == [f"1.1.1.{number}" for number in (1, 2, 3, 4, 9)]
    assert (study.promised_by, study.expected) == ("uid", 5)


@pytest.mark.parametrize(
    ("further", "promised_by", "expected"), [(2, "count", 4), (4, "uid", 4), (5, "uid", 5)]
)
def test_fewer_uids_than_another_archive_counted_are_no_promise(
    two: Bench, further: int, promised_by: str, expected: int
) -> None:
    with two.ledger.transaction():
        two.ledger._connection.execute("DELETE FROM instances")
        two.ledger._connection.execute("UPDATE studies SET promised_by = 'count'")
    hand_over(two)
    list_all(two, {"1.1.1": [f"1.1.1.{number}" for number in range(1, further + 1)]})
    study = two.study("1.1")
    assert (study.state, study.promised_by, study.expected) == (StudyState.LISTED, promised_by, expected)


@pytest.mark.parametrize("crashed", [False, True])
def test_a_study_that_nobody_else_has_is_judged_by_what_came_and_says_why(
    two: Bench, *, crashed: bool
) -> None:
    with two.ledger.transaction():
        assert two.succession.study_not_given(two.study("1.1"), Passed(why=Why.FAILED, reason="short"))
    if crashed:
        claim(two, two.place.contacts[1].name)
        with two.ledger.transaction():
            two.ledger.studies.rewind(grace=0)
    list_all(two, {})
    study = two.study("1.1")
    assert (study.state, study.exhausted) == (StudyState.MOVED, True)
    assert study.reason == f"{two.contact.name}: short"


def test_an_archive_that_named_the_study_has_it_also_where_it_tells_no_series(two: Bench) -> None:
    """It was passed over while it did not answer, and the other one does not have the study."""
    with two.ledger.transaction():
        study, first = two.study("1.1"), two.contact.name
        two.ledger._connection.execute("UPDATE studies SET promised_by = NULL")
        two.ledger.passing.note(
            "study", study.id, two.place.contacts[1].name, Passed(why=Why.ABSENT, reason="")
        )
        two.ledger.studies.pass_on(study, archive=first, waits=True, reason="")
    list_all(two, {})
    assert (two.study("1.1").state, two.study("1.1").promised_by) == (StudyState.LISTED, "count")


@pytest.mark.parametrize(
    "held",
    [
        {"1.1.1": ["1.1.1.7"], "1.1.2": []},
        {"1.1.1": ["1.1.1.7", ""]},
        {"1.1.1": ["1.1.1.7", "no uid"]},
        {"1.1.1": ["1.1.1.7"], "no uid": ["1.1.2.7"]},
    ],
)
def test_what_the_archive_has_and_cannot_name_is_promised_by_its_count(
    tmp_path: Path, held: dict[str, list[str]]
) -> None:
    with bench(tmp_path) as made:
        found = FoundStudy(study_instance_uid="1.1", promised_count=2)
        with made.ledger.transaction():
            (row,) = made.ledger.rows.claim(1)
            made.ledger.rows.matched(row.id, [found], archive=made.contact.name, mismatches=0)
        list_all(made, held)
        study = made.study("1.1")
        assert (study.promised_by, study.expected) == ("count", 2)


def test_many_series_are_asked_for_in_several_batches(tmp_path: Path) -> None:
    with bench(tmp_path, QueryBatchSize=3) as made:
        made.studies("1.1")
        with made.ledger.transaction():
            made.ledger._connection.execute("DELETE FROM instances")
            made.ledger._connection.execute("UPDATE studies SET state = 'found', promised_by = NULL")
        made.clock.pass_time(1000)
        stage = ListingStage(made.place, made.contact, made.succession)
        telling = Telling(made, {f"1.1.{number}": [f"1.1.{number}.1"] for number in range(8)})
        stage._asking = telling
        stage.advance([])
        assert [len(asked) for asked in telling.asked] == [1, 3, 3, 2]
        assert (made.study("1.1").promised_by, made.study("1.1").expected) == ("uid", 8)
