"""The CFIND modes with several archives: a study is described by one that has it, or called incomplete."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.studies import Study
from niffler_ops.model import Peer
from niffler_ops.stages.asking import Shortfall
from niffler_ops.stages.cataloguing import CatalogueStage
from niffler_ops.stages.contact import Contact
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

CUT_OFF = Shortfall(reason="cut off", charged=True)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Bench]:
    """Two archives; the first has named the study 1.1, which is to be described."""
    peers = [Peer(aet=aet, host="127.0.0.1", port=port) for port, aet in enumerate(("ONE", "TWO"), 1)]
    with bench(tmp_path, peers[0], further=peers[1:], FilePath="CFIND-DETAILED", MaxAttempts=1) as made:
        made.studies("1.1")
        with made.ledger.transaction():
            made.ledger._connection.execute("UPDATE studies SET state = 'found'")
        yield made


def claim(place: Bench, contact: Contact) -> Study:
    place.clock.pass_time(1000)
    with place.ledger.transaction():
        (study,) = place.ledger.studies.claim_for_listing(1, archive=contact.name)
    return study


def describe(place: Bench, contact: Contact, *series: str) -> Study:
    """Let an archive describe its study by these series."""
    study = claim(place, contact)
    matches = tuple({"SeriesInstanceUID": uid} for uid in series)
    answer = FindAnswer(status=0, comment="", matches=matches, complete=True)
    with place.ledger.transaction():
        CatalogueStage(place.place, contact, place.succession)._describe(study, answer)
    return place.study("1.1")


def lose(place: Bench, contact: Contact) -> Study:
    study = claim(place, contact)
    with place.ledger.transaction():
        CatalogueStage(place.place, contact, place.succession)._again(study, CUT_OFF)
    return place.study("1.1")


def pass_on(place: Bench) -> None:
    with place.ledger.transaction():
        second = place.place.contacts[1].name
        place.ledger.studies.pass_on(place.study("1.1"), archive=second, waits=False, reason="")


def series_of(place: Bench) -> list[str]:
    rows = place.ledger._connection.execute("SELECT series_instance_uid FROM answers")
    return [row[0] for row in rows if row[0]]


def test_who_named_a_study_may_have_no_series_to_tell(two: Bench) -> None:
    assert describe(two, two.contact).state is StudyState.DONE


def test_another_one_without_a_series_of_it_does_not_have_it(two: Bench) -> None:
    pass_on(two)
    study = describe(two, two.place.contacts[1])
    assert (study.state, study.archive) == (StudyState.FOUND, two.contact.name)
    assert describe(two, two.contact, "1.1.1").state is StudyState.DONE
    assert series_of(two) == ["1.1.1"]


def test_what_one_does_not_tell_is_asked_of_the_next(two: Bench) -> None:
    study = lose(two, two.contact)
    assert (study.state, study.archive) == (StudyState.FOUND, two.place.contacts[1].name)
    assert describe(two, two.place.contacts[1], "1.1.1", "1.1.2").state is StudyState.DONE
    assert series_of(two) == ["1.1.1", "1.1.2"]


def test_where_nobody_tells_the_list_is_not_complete(two: Bench) -> None:
    lose(two, two.contact)
    study = describe(two, two.place.contacts[1])
    assert (study.state, study.reason) == (
        StudyState.PARTIAL,
        "its series could not be had: it does not have the study",
    )


def test_a_single_archive_that_does_not_tell_is_asked_no_further(tmp_path: Path) -> None:
    with bench(tmp_path, FilePath="CFIND-DETAILED", MaxAttempts=1) as made:
        made.studies("1.1")
        with made.ledger.transaction():
            made.ledger._connection.execute("UPDATE studies SET state = 'found'")
        study = lose(made, made.contact)
        assert (study.state, study.reason) == (StudyState.PARTIAL, "its series could not be had: cut off")
