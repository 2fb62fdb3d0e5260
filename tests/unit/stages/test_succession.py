"""Who is asked next: nobody twice, nobody in vain, and nobody forgotten, whoever goes away and comes back."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from niffler_ops.embedded.echo import Echo
from niffler_ops.errors import ConfigurationError, UnavailableError
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.rows import ClaimedRow
from niffler_ops.ledger.studies import Study
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import Peer
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.succession import LOOK_SECONDS, PATIENCE_SECONDS, Succession
from niffler_ops.states import StudyState
from tests.support.stages import Bench, bench

PEERS = [Peer(aet=aet, host="127.0.0.1", port=port) for port, aet in enumerate(("ONE", "TWO", "THREE"), 1)]
ABSENT, FAILED = Passed(why=Why.ABSENT, reason="no match"), Passed(why=Why.FAILED, reason="refused")
LONG = PATIENCE_SECONDS + 1


class Asked:
    """A bench of several archives that all answered once, with a succession that is looked at by turns."""

    def __init__(self, made: Bench, *, rows_only: bool = False, last_line: int | None = None) -> None:
        self.bench = made
        self.ledger = made.ledger
        self.contacts = made.place.contacts
        self.succession = Succession(made.place, rows_only=rows_only, last_line=last_line)
        self.told: Counter[tuple[int, str]] = Counter()  # by row and archive
        for contact in self.contacts:
            contact.answered = True

    def turn(self, seconds: float = LOOK_SECONDS * 2) -> None:
        self.bench.clock.pass_time(seconds)
        self.succession.advance()

    def lose(self, contact: Contact, *, silent: bool = False) -> None:
        """It does not answer, `silent`: it never did."""
        contact.answered = not silent
        contact.lost(Echo.UNREACHABLE)

    def find_again(self, contact: Contact) -> None:
        contact.answered = True
        contact._probed(Echo.ANSWERED)

    def misconfigure(self, contact: Contact) -> None:
        contact.misconfigured = f"{contact.name} does not know us"

    def claim(self, contact: Contact, limit: int = 100) -> list[ClaimedRow]:
        with self.ledger.transaction():
            return self.ledger.rows.claim(limit, archive=contact.queue)

    def answer(self, contact: Contact, passed: Passed, limit: int = 100) -> list[Passed | None]:
        """The archive gives none of its rows; gives what each comes to."""
        rows = self.claim(contact, limit)
        with self.ledger.transaction():
            return [self._not_given(row, contact, passed) for row in rows]

    def _not_given(self, row: ClaimedRow, contact: Contact, passed: Passed) -> Passed | None:
        self.told[row.id, contact.name] += 1
        final = self.succession.row_not_given(row.id, contact, passed)
        if final is not None and final.why is Why.ABSENT:
            self.ledger.rows.not_found(row.id, final.reason)
        elif final is not None:
            self.ledger.rows.failed(row.id, final.reason)
        return final

    def happen(self, contact: Contact, what: str, amount: int) -> None:
        """One of `events`, as far as it can happen now."""
        if what == "wait":
            self.turn(LONG)
        elif what == "find again" and not contact.usable:
            self.find_again(contact)
        elif what == "lose" and contact.usable:
            self.lose(contact)
        elif what in {"absent", "failed"} and contact.usable:
            self.answer(contact, ABSENT if what == "absent" else FAILED, amount)

    def find(self, contact: Contact, *uids: str) -> list[Study]:
        """Each of the archive's next rows matches one study."""
        for uid in uids:
            (row,) = self.claim(contact, 1)
            with self.ledger.transaction():
                found = FoundStudy(study_instance_uid=uid, promised_count=2)
                self.ledger.rows.matched(row.id, [found], archive=contact.name, mismatches=0)
        return [self.bench.study(uid) for uid in uids]

    def at(self) -> list[int]:
        """How many rows are to be asked of each archive."""
        statement = "SELECT count(*) FROM rows WHERE state = 'pending' AND archive = ?"
        connection = self.ledger._connection
        return [connection.execute(statement, (contact.queue,)).fetchone()[0] for contact in self.contacts]

    def states(self) -> dict[str, int]:
        return dict(Counter(row["state"] for row in self.ledger.report_rows()))


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with bench(tmp_path, PEERS[0], further=PEERS[1:], lines=5, QueryBatchSize=2, BatchSize=2) as made:
        yield Asked(made)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Asked]:
    with bench(tmp_path, PEERS[0], lines=5) as made:
        yield Asked(made)


def test_the_word_of_a_single_archive_is_final_and_it_is_waited_for(alone: Asked) -> None:
    (contact,) = alone.contacts
    (study,) = alone.find(contact, "1.1")
    assert alone.answer(contact, ABSENT, 1) == [ABSENT]
    assert not alone.succession.study_not_given(study, FAILED)
    assert not alone.succession.was_passed_on(study)
    alone.lose(contact)
    alone.turn(LONG)
    assert not alone.succession.is_out_of_reach(contact.name)
    assert alone.at() == [3]


def test_a_row_is_asked_of_each_in_order_and_not_found_only_where_nobody_has_it(asked: Asked) -> None:
    one, two, three = asked.contacts
    assert asked.answer(one, ABSENT) == [None] * 5
    assert asked.at() == [0, 5, 0]
    assert asked.answer(two, ABSENT) == [None] * 5
    assert asked.answer(three, ABSENT) == [ABSENT] * 5
    assert asked.states() == {"not_found": 5}
    assert asked.ledger._connection.execute("SELECT count(*) FROM passed").fetchone()[0] == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_row_that_one_could_not_be_asked_for_has_failed_with_its_reason(asked: Asked, number: int) -> None:
    for contact in asked.contacts:
        asked.answer(contact, FAILED if contact is asked.contacts[number] else ABSENT)
    (row, *_) = asked.ledger.report_rows()
    assert (row["state"], row["reason"]) == ("failed", "refused")


def test_attempts_are_counted_for_each_archive_anew(asked: Asked) -> None:
    one, two, _ = asked.contacts
    row, *_ = asked.claim(one)
    with asked.ledger.transaction():
        asked.ledger.rows.ask_again(row.id, delay=0, charged=True, reason="")
    asked.answer(one, ABSENT)
    assert asked.claim(two)[0].attempts == 1


def test_a_study_is_asked_of_the_next_and_then_of_nobody(asked: Asked) -> None:
    (study,) = asked.find(asked.contacts[0], "1.1")
    assert not asked.succession.was_passed_on(study)
    for contact in asked.contacts[1:]:
        with asked.ledger.transaction():
            assert asked.succession.study_not_given(study, FAILED)
        study = asked.bench.study("1.1")
        assert (study.archive, study.state, study.attempts) == (contact.name, StudyState.FOUND, 0)
        assert asked.succession.was_passed_on(study)
    with asked.ledger.transaction():
        assert not asked.succession.study_not_given(study, FAILED)


def test_after_a_restart_it_is_known_that_another_archive_named_the_study(asked: Asked) -> None:
    """What that one promised is missing all the same."""
    one, two, _ = asked.contacts
    asked.find(one, "1.1")
    asked.lose(one)
    asked.turn(LONG)
    with asked.ledger.transaction():
        asked.ledger.passing.adopt([contact.name for contact in asked.contacts])
    study = asked.bench.study("1.1")
    assert study.archive == two.name
    assert asked.ledger.passing.of("study", study.id) == {}
    assert asked.succession.was_passed_on(study)


def test_one_that_answered_before_has_a_minute_to_come_back(asked: Asked) -> None:
    one, two, _ = asked.contacts
    (study,) = asked.find(one, "1.1")
    asked.lose(one)
    asked.turn()
    assert not asked.succession.is_out_of_reach(one.name)
    assert (asked.at(), asked.bench.study("1.1").archive) == ([4, 0, 0], study.archive)
    asked.turn(LONG)
    assert asked.succession.is_out_of_reach(one.name)
    assert (asked.at(), asked.bench.study("1.1").archive) == ([2, 2, 0], two.name)


def test_one_that_never_answered_has_none(asked: Asked) -> None:
    asked.lose(asked.contacts[0], silent=True)
    asked.turn()
    assert asked.at() == [3, 2, 0]


def test_rows_are_passed_over_a_batch_at_a_time_when_the_others_have_nothing_to_do(asked: Asked) -> None:
    one, two, _ = asked.contacts
    asked.lose(one, silent=True)
    for _ in range(3):
        asked.turn()
    assert asked.at() == [3, 2, 0]
    asked.claim(two)
    asked.turn()
    assert asked.at() == [1, 2, 0]


def test_nothing_is_passed_to_those_who_cannot_give_it(asked: Asked) -> None:
    one, two, three = asked.contacts
    asked.find(one, "1.1")
    asked.lose(one)
    asked.lose(two)
    asked.misconfigure(three)
    asked.turn(LONG)
    assert (asked.at(), asked.bench.study("1.1").archive) == ([4, 0, 0], one.name)


def test_rows_and_studies_of_one_that_does_not_know_us_are_passed_over(asked: Asked) -> None:
    one, two, _ = asked.contacts
    found = asked.find(one, "1.1", "1.2", "1.3")
    asked.misconfigure(one)
    asked.turn()
    assert asked.at() == [0, 2, 0]
    assert [asked.bench.study(study.study_instance_uid).archive for study in found].count(two.name) == 2
    asked.turn(0)
    assert {asked.bench.study(study.study_instance_uid).archive for study in found} == {two.name}


def test_what_the_others_have_not_waits_and_is_not_passed_over_again(asked: Asked) -> None:
    one, two, three = asked.contacts
    asked.lose(one)
    for contact in (two, three, two, three, two, three):
        asked.turn(LONG)
        asked.answer(contact, ABSENT)
    assert asked.at() == [5, 0, 0]
    asked.turn(LONG)
    assert asked.at() == [5, 0, 0]
    asked.find_again(one)
    asked.turn()
    assert asked.answer(one, ABSENT) == [ABSENT] * 5


def test_what_waits_for_one_is_asked_of_another_that_was_passed_over_and_is_back(asked: Asked) -> None:
    one, two, three = asked.contacts
    (study,) = asked.find(one, "1.1")
    asked.lose(one)
    asked.lose(two)
    for _ in range(2):
        asked.turn(LONG)
        asked.turn(0)
        asked.answer(two, ABSENT)
        asked.answer(three, ABSENT)
    with asked.ledger.transaction():
        asked.succession.study_not_given(asked.bench.study("1.1"), ABSENT)
    assert asked.at() == [4, 0, 0]
    assert asked.bench.study("1.1").archive == one.name
    asked.find_again(two)
    asked.turn()
    asked.turn(0)
    assert asked.at()[1] > 0
    assert asked.bench.study("1.1").archive == two.name
    for _ in range(5):
        asked.answer(two, ABSENT)
        asked.turn()
    assert asked.at() == [4, 0, 0]
    assert set(asked.ledger.passing.of("row", 2)) == {two.name, three.name}
    assert study.id == asked.bench.study("1.1").id


def test_nobody_left_who_knows_us_ends_the_run_at_once(asked: Asked) -> None:
    for contact in asked.contacts:
        asked.misconfigure(contact)
    with pytest.raises(ConfigurationError) as raised:
        asked.turn()
    assert all(contact.misconfigured in str(raised.value) for contact in asked.contacts)


def end(asked: Asked, *, at: Contact) -> None:
    """Ask whoever answers until nothing is left but what waits for one."""
    for _ in range(20):
        asked.turn()
        for contact in asked.contacts:
            if contact is not at:
                asked.answer(contact, ABSENT)
        if asked.at()[asked.contacts.index(at)] == 5 and not sum(asked.at()) > 5:
            with asked.ledger.transaction():
                if not asked.ledger.rows.to_pass_on(1, archive=at.queue):
                    return
    raise AssertionError(asked.at())


def test_what_waits_for_one_that_never_answered_ends_the_run_and_names_it(asked: Asked) -> None:
    one, *_ = asked.contacts
    asked.lose(one, silent=True)
    end(asked, at=one)
    with pytest.raises(UnavailableError, match=f"SrcAet {one.name}: it has not answered"):
        asked.turn()


def test_what_waits_for_one_that_does_not_know_us_ends_the_run_with_what_to_mend(asked: Asked) -> None:
    one, *_ = asked.contacts
    asked.misconfigure(one)
    end(asked, at=one)
    with pytest.raises(ConfigurationError, match="does not know us"):
        asked.turn()


def test_one_that_answered_before_is_waited_for(asked: Asked) -> None:
    one, *_ = asked.contacts
    asked.lose(one)
    asked.turn(LONG)
    end(asked, at=one)
    asked.turn(10 * LONG)


@pytest.mark.parametrize("what", ["a row", "a study"])
def test_nothing_ends_while_anything_is_under_way(asked: Asked, what: str) -> None:
    one, two, _ = asked.contacts
    asked.lose(one, silent=True)
    asked.turn()
    asked.claim(two, 1) if what == "a row" else asked.find(two, "1.1")
    if what == "a study":
        with asked.ledger.transaction():
            asked.ledger.studies.claim_for_listing(1, archive=two.name)
    for contact in asked.contacts[1:] * 5:
        asked.answer(contact, ABSENT)
        asked.turn()
    assert asked.at() == [4, 0, 0]


def test_with_first_n_only_those_rows_are_passed_over_and_waited_for(tmp_path: Path) -> None:
    with bench(tmp_path, PEERS[0], further=PEERS[1:2], lines=5, QueryBatchSize=10) as made:
        asked = Asked(made, last_line=3)
        one, two = asked.contacts
        asked.lose(one, silent=True)
        asked.turn()
        assert asked.at() == [3, 2]
        asked.find(two, "1.1", "1.2")
        asked.turn()  # studies are still to be had from the second
        with made.ledger.transaction():
            made.ledger._connection.execute("UPDATE studies SET state = 'done'")
        asked.turn()  # and the rows beyond are nobody's work


def test_where_nothing_is_retrieved_studies_stay_where_they_were_found(tmp_path: Path) -> None:
    with bench(tmp_path, PEERS[0], further=PEERS[1:2], lines=2) as made:
        asked = Asked(made, rows_only=True)
        one, two = asked.contacts
        asked.find(one, "1.1")
        asked.lose(one)
        asked.turn(LONG)
        assert made.study("1.1").archive == one.name
        assert asked.at() == [0, 1]
        asked.answer(two, ABSENT)
        one.answered = False
        with pytest.raises(UnavailableError):
            asked.turn()


events = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(("lose", "find again", "absent", "failed", "wait")),
        st.integers(1, 3),
    ),
    max_size=40,
)


@settings(max_examples=30)
@given(happened=events)
def test_whoever_goes_away_and_comes_back_every_row_is_asked_of_each_archive_exactly_once(
    happened: list[tuple[int, str, int]],
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        bench(Path(folder), PEERS[0], further=PEERS[1:], lines=6, QueryBatchSize=2) as made,
    ):
        asked = Asked(made)
        for number, what, amount in happened:
            asked.happen(asked.contacts[number], what, amount)
            asked.turn()
        for contact in asked.contacts:
            asked.happen(contact, "find again", 0)
        for _ in range(40):
            asked.turn()
            for contact in asked.contacts:
                asked.happen(contact, "absent", 2)
        assert sum(asked.states().get(state, 0) for state in ("not_found", "failed")) == 6
        assert set(asked.told.values()) == {1}
        assert len(asked.told) == 6 * 3


@settings(max_examples=30)
@given(
    lost=st.sets(st.integers(0, 2)), gone=st.sets(st.integers(0, 2)), misconfigured=st.sets(st.integers(0, 2))
)
def test_whoever_stays_away_the_run_ends_or_waits_for_one_that_has_answered(
    lost: set[int], gone: set[int], misconfigured: set[int]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        bench(Path(folder), PEERS[0], further=PEERS[1:], lines=4, QueryBatchSize=2, BatchSize=2) as made,
    ):
        asked = Asked(made)
        for number, contact in enumerate(asked.contacts):
            if number in misconfigured:
                asked.misconfigure(contact)
            if number in lost | gone:
                asked.lose(contact, silent=number in gone)
        asks = [contact for contact in asked.contacts if contact.usable and not contact.misconfigured]
        try:
            for _ in range(30):
                asked.turn(LONG)
                for contact in asks:
                    asked.answer(contact, ABSENT, 2)
        except (ConfigurationError, UnavailableError):
            assert misconfigured or gone
            return
        ended = asked.states().get("not_found", 0) == 4
        assert ended == (len(asks) == 3)
        waited_for = [
            contact
            for contact, rows in zip(asked.contacts, asked.at(), strict=True)
            if rows and contact.answered and not contact.misconfigured
        ]
        assert ended or waited_for
