"""Who is asked next, and what a new run makes of what an earlier one passed on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.ledger.passing import Next, Passed, Subject, Why, choose
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import Study
from niffler_ops.ledger.wanting import FoundStudy
from tests.support.extractions import asked, make_ledger

ONE, TWO, THREE, FOUR = (f"PACS{number}@archive:104" for number in range(1, 5))
ABSENT, FAILED, UNAVAILABLE = (Passed(why=why, reason=why.value) for why in Why)

archives = st.lists(st.sampled_from((ONE, TWO, THREE, FOUR)), min_size=1, unique=True)
answers = st.lists(st.sampled_from((ABSENT, FAILED, UNAVAILABLE)), max_size=20)
subjects = st.fixed_dictionaries({}, optional=dict.fromkeys((ONE, TWO, THREE, FOUR), st.sampled_from(Why)))


def passed_by(whys: Mapping[str, Why]) -> dict[str, Passed]:
    return {archive: Passed(why=why, reason="") for archive, why in whys.items()}


@given(names=archives, whys=subjects, reachable=st.sets(st.sampled_from((ONE, TWO, THREE, FOUR))))
def test_nobody_who_was_asked_is_asked_again_and_nobody_unasked_is_forgotten(
    names: list[str], whys: dict[str, Why], reachable: set[str]
) -> None:
    following = choose(names, passed_by(whys), reachable=reachable)
    fresh = [name for name in names if name not in whys]
    over = [name for name in names if whys.get(name) is Why.UNAVAILABLE]
    if following is None:
        assert not fresh
        assert not over
    elif fresh:
        assert following == Next(archive=fresh[0])
    else:
        assert following.waits
        assert following.archive in over
        assert following.archive in reachable or not reachable & set(over)


@given(names=archives, came=answers)
def test_every_archive_is_asked_at_most_once_unless_it_was_unavailable_and_then_it_is_waited_for(
    names: list[str], came: list[Passed]
) -> None:
    """As succession does: what one waits for is not passed over again, unless an archive comes back."""
    passed: dict[str, Passed] = {}
    asked_of: list[str] = []
    at: Next | None = Next(archive=names[0])
    answered = iter(came)
    while at is not None:
        what = next(answered, ABSENT)
        if at.waits and what is UNAVAILABLE:
            continue  # it is waited for: the next answer is its
        if what is not UNAVAILABLE:
            asked_of.append(at.archive)
        passed[at.archive] = what
        at = choose(names, passed)
        if at is not None and at.waits:
            del passed[at.archive]
        assert len(asked_of) <= len(names)
    assert sorted(asked_of) == sorted(names)
    assert set(passed) == set(names)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Three rows; the first matches the study 1.1 of the first archive."""
    with closing(make_ledger(tmp_path, [asked(2), asked(3), asked(4)])) as made:
        with made.transaction():
            made.passing.adopt([ONE, TWO])
            (row,) = made.rows.claim(1)
            found = FoundStudy(study_instance_uid="1.1", promised_count=2)
            made.rows.matched(row.id, [found], archive=ONE, mismatches=0)
        yield made


def claimed(ledger: Ledger, archive: str, *, last_line: int | None = None) -> list[int]:
    with ledger.transaction():
        return [row.line for row in ledger.rows.claim(10, archive=archive, last_line=last_line)]


def study(ledger: Ledger) -> Study:
    found = ledger.studies.by_uid("1.1")
    assert found is not None
    return found


def note(ledger: Ledger, subject: Subject, subject_id: int, whys: Mapping[str, Why]) -> None:
    with ledger.transaction():
        for archive, passed in passed_by(whys).items():
            ledger.passing.note(subject, subject_id, archive, passed)


def hand(ledger: Ledger, archive: str, *rows: int, waits: bool = False) -> None:
    with ledger.transaction():
        for row in rows:
            ledger.rows.pass_on(row, archive=archive, waits=waits, reason="")


def adopt(ledger: Ledger, *names: str) -> None:
    with ledger.transaction():
        ledger.passing.adopt(names)


def test_what_is_noted_is_known_until_the_row_is_at_its_end(ledger: Ledger) -> None:
    note(ledger, "row", 2, {ONE: Why.ABSENT, TWO: Why.FAILED})
    note(ledger, "study", 2, {ONE: Why.UNAVAILABLE})
    assert {name: passed.why for name, passed in ledger.passing.of("row", 2).items()} == {
        ONE: Why.ABSENT,
        TWO: Why.FAILED,
    }
    with ledger.transaction():
        ledger.rows.claim(1)
        ledger.rows.not_found(2, "")
    assert ledger.passing.of("row", 2) == {}
    assert set(ledger.passing.of("study", 2)) == {ONE}


def test_a_row_is_asked_only_of_the_archive_that_it_is_at(ledger: Ledger) -> None:
    hand(ledger, TWO, 3)
    assert ledger.passing.rows_at(TWO, last_line=None)
    assert claimed(ledger, "") == [3]
    assert claimed(ledger, TWO) == [4]
    assert not ledger.passing.rows_at(TWO, last_line=None)


def test_with_first_n_rows_beyond_are_nobodys_work(ledger: Ledger) -> None:
    assert ledger.passing.rows_at("", last_line=3)
    assert not ledger.passing.rows_at("", last_line=2)
    assert claimed(ledger, "", last_line=2) == []
    with ledger.transaction():
        assert ledger.rows.to_pass_on(10, archive="", last_line=3) == [2]


ORDERS: Sequence[tuple[str, ...]] = (
    (ONE, TWO),
    (TWO, ONE),
    (TWO,),
    (ONE,),
    (THREE,),
    (THREE, TWO),
    (TWO, THREE, ONE),
)


@pytest.mark.parametrize("names", ORDERS)
def test_whatever_the_list_of_archives_becomes_every_row_is_at_one_of_them(
    ledger: Ledger, names: tuple[str, ...]
) -> None:
    hand(ledger, TWO, 3)
    adopt(ledger, *names)
    queues = ("", *names[1:])
    assert sorted(line for queue in queues for line in claimed(ledger, queue)) == [3, 4]


@pytest.mark.parametrize("names", ORDERS)
@pytest.mark.parametrize("at", [ONE, TWO])
def test_whatever_the_list_of_archives_becomes_every_open_study_is_at_one_of_them(
    ledger: Ledger, names: tuple[str, ...], at: str
) -> None:
    with ledger.transaction():
        ledger.studies.pass_on(study(ledger), archive=at, waits=True, reason="")
    adopt(ledger, *names)
    now = study(ledger)
    assert now.archive == (at if at in names else names[0])
    assert not now.waits


def test_a_new_run_waits_for_nobody_and_asks_again_who_was_unavailable(ledger: Ledger) -> None:
    hand(ledger, TWO, 2, waits=True)
    note(ledger, "row", 2, {ONE: Why.ABSENT, TWO: Why.UNAVAILABLE, THREE: Why.FAILED})
    with ledger.transaction():
        assert ledger.rows.to_pass_on(10, archive=TWO) == []
    adopt(ledger, ONE, TWO)
    assert {name: passed.why for name, passed in ledger.passing.of("row", 2).items()} == {ONE: Why.ABSENT}
    with ledger.transaction():
        assert ledger.rows.to_pass_on(10, archive=TWO) == [2]


def test_an_archive_that_comes_back_frees_what_was_passed_over_it_and_nothing_else(ledger: Ledger) -> None:
    hand(ledger, THREE, 2, 3, waits=True)
    note(ledger, "row", 2, {ONE: Why.ABSENT, TWO: Why.UNAVAILABLE})
    note(ledger, "row", 3, {ONE: Why.UNAVAILABLE, TWO: Why.ABSENT})
    note(ledger, "study", study(ledger).id, {TWO: Why.UNAVAILABLE})
    with ledger.transaction():
        ledger.studies.pass_on(study(ledger), archive=ONE, waits=True, reason="")
        ledger.passing.came_back(TWO)
        assert ledger.rows.to_pass_on(10, archive=THREE) == [2]
        assert [one.id for one in ledger.studies.to_pass_on(10, archive=ONE)] == [study(ledger).id]


def test_a_study_that_is_taken_up_again_is_asked_of_whoever_named_it(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.studies.pass_on(study(ledger), archive=TWO, waits=False, reason="")
        (found,) = ledger.studies.claim_for_listing(1, archive=TWO)
        ledger.studies.exhausted(found.id, "")
        ledger.studies.fail(found.id, "nothing came")
        assert ledger.studies.take_up() == 1
    assert study(ledger).archive == ONE
    assert ledger.passing.of("study", study(ledger).id) == {}
    adopt(ledger, TWO)
    assert study(ledger).archive == TWO


@pytest.mark.parametrize(
    ("names", "unqueried"), [((ONE, TWO), True), ((TWO, ONE), True), ((ONE, THREE), False)]
)
def test_only_of_the_archive_that_refused_its_query_a_row_is_retrieved_by_its_keys(
    ledger: Ledger, names: tuple[str, ...], *, unqueried: bool
) -> None:
    hand(ledger, TWO, 2)
    with ledger.transaction():
        (row,) = ledger.rows.claim(1, archive=TWO)
        ledger.rows.retrieve_unqueried(row.id, "refused")
    adopt(ledger, *names)
    with ledger.transaction():
        claimed_by_keys = ledger.rows.claim_unqueried(archive=TWO if names[0] == ONE and unqueried else "")
    assert (claimed_by_keys is not None) is unqueried
