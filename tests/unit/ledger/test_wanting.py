"""More may be wanted of a study at any time: it ends when all that is wanted is filed, and rows follow it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.database import connect, migrate
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.reading import MIGRATIONS
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.model import InstanceFile
from niffler_ops.states import STUDY_ENDS, StudyState
from tests.support.clock import FakeClock
from tests.support.extractions import ARCHIVE, HEADER, asked

UID, OTHER = "1.1", "PACS2@archive:104"
HOLDS = {"1.1.1": ("1", "2"), "1.1.2": ("3", "4", "5"), "1.1.3": ("6",)}  # instances by series
FIRST, SECOND, THIRD = HOLDS
ROWS = 12
HISTORY = (
    *(StudyState.FOUND, StudyState.LISTING, StudyState.LISTED, StudyState.MOVING, StudyState.MOVED),
    *(StudyState.VERIFIED, StudyState.DONE),
)
wishes = st.sets(st.sampled_from(tuple(HOLDS)), min_size=1).map(sorted) | st.none()


class Archive:
    """A ledger of rows that all match one study, and the steps that bring it on."""

    def __init__(self, connection: sqlite3.Connection, *, tells: str = "uid", untold: str = "") -> None:
        self.connection = connection
        self.ledger = Ledger(connection, FakeClock())
        self.ledger.create(
            configuration={},
            storage_folder=Path("/"),
            csv_file=Path("/list.csv"),
            csv_digest="",
            csv_header=HEADER,
            rows=[asked(line) for line in range(2, ROWS + 2)],
        )
        self.tells = tells
        self.untold = untold  # a series that a listing does not name, and a retrieve does not bring
        self.attempt = 0

    @property
    def study(self) -> Study:
        study = self.ledger.studies.by_uid(UID)
        assert study is not None
        return study

    def row(self, *series: str, counted: bool = True, archive: str = ARCHIVE) -> None:
        """The next row matches the study: these series of it, or all where none is named."""
        told = tuple(
            FoundSeries(series_instance_uid=uid, promised_count=len(HOLDS[uid]) if counted else None)
            for uid in series
        )
        total = sum(map(len, HOLDS.values()))
        found = FoundStudy(study_instance_uid=UID, promised_count=total, series=told or None)
        with self.ledger.transaction():
            (claimed,) = self.ledger.rows.claim(1)
            self.ledger.rows.matched(claimed.id, [found], archive=archive, mismatches=0)

    @property
    def wanted(self) -> list[str]:
        return list(HOLDS) if self.study.whole else self.ledger.studies.wanted_series(self.study.id)

    def advance(self) -> None:
        """One step, as the stages take it."""
        study = self.study
        with self.ledger.transaction():
            getattr(self, f"_{study.state}")(study)

    def advance_to(self, *states: StudyState) -> None:
        for _ in range(100):
            if self.study.state in states:
                return
            self.advance()
        raise AssertionError(f"the study did not become {states}")

    def _found(self, study: Study) -> None:
        assert len(self.ledger.studies.claim_for_listing(1, archive=study.archive)) == 1

    def _listing(self, study: Study) -> None:
        if self.tells == "uid":
            told = [uid for uid in self.wanted if uid != self.untold]
            self.ledger.instances.promise(study.id, [(uid, sop) for uid in told for sop in HOLDS[uid]])
        self.ledger.studies.listed(study.id, study.state, self.tells)

    _relisting = _listing

    def _listed(self, study: Study) -> None:
        if study.promised_by == "uid" and study.received >= study.expected:
            self.ledger.studies.skip_move(study.id)
        else:
            self.attempt = self.ledger.studies.begin_move(study, lane=1, level="SERIES")

    def _moving(self, study: Study) -> None:
        for series in self.wanted:
            for sop in HOLDS[series] if series != self.untold else ():
                file = InstanceFile(
                    path="",
                    size=1,
                    inode=1,
                    modified_ns=1,
                    sha256=b"",
                    study_instance_uid=UID,
                    series_instance_uid=series,
                    sop_instance_uid=sop,
                    attributes={},
                )
                promised = study.promised_by != "uid"
                self.ledger.instances.receive(study.id, file, PurePosixPath(sop), promised=promised)
        self.ledger.studies.recount([study.id])
        self.ledger.studies.end_move(study.id, self.attempt, MoveOutcome(status=0), grace=0)

    def _moved(self, study: Study) -> None:
        studies, instances = self.ledger.studies, self.ledger.instances
        if study.received < study.expected:
            if not study.relisted and study.promised_by == "uid":
                studies.relist(study.id)
            elif study.attempts < 3:
                studies.retry(study.id, delay=0, reason="short")
            else:
                instances.drop_surplus(study.id)
                instances.name_missing(study.id)
                studies.recount([study.id])
                if study.received:
                    studies.decide(study.id, outcome=StudyState.PARTIAL, verified=None, reason="short")
                else:
                    studies.fail(study.id, "nothing came")
        else:
            instances.accept_surplus(study.id)
            studies.recount([study.id])
            studies.decide(study.id, outcome=StudyState.DONE, verified=f"by_{self.tells}", reason="")

    def _verified(self, study: Study) -> None:
        for instance in self.ledger.instances.of_study(study.id):
            if instance.state == "received":
                self.ledger.instances.set_state(study.id, instance.sop_instance_uid, "filed")
        self.ledger.studies.filed(study.id)

    def filed(self) -> list[str]:
        """The series of which an instance is filed."""
        instances = self.ledger.instances.of_study(self.study.id)
        return sorted({one.series_instance_uid for one in instances if one.state == "filed"})

    def states(self) -> list[str]:
        """Of the rows that were asked for."""
        return [row["state"] for row in self.ledger.report_rows() if row["state"] != "pending"]

    def check_tallies(self) -> None:
        tallies = self.ledger.tallies()
        for name in ("expected", "received", "bytes"):
            (total,) = self.connection.execute(f"SELECT coalesce(sum({name}), 0) FROM studies").fetchone()
            assert tallies["instance", name] == total, name
        for subject, table in (("row", "rows"), ("study", "studies")):
            counted = dict(self.connection.execute(f"SELECT state, count(*) FROM {table} GROUP BY state"))
            shown = {name: number for (kind, name), number in tallies.items() if kind == subject and number}
            assert shown == counted
        before = self.study
        with self.ledger.transaction():
            self.ledger.studies.recount([before.id])
        assert self.study == before, "a recount changes nothing"


@contextmanager
def serving(*, tells: str = "uid", untold: str = "") -> Iterator[Archive]:
    with closing(connect(Path(":memory:"))) as connection:
        migrate(connection, MIGRATIONS)
        yield Archive(connection, tells=tells, untold=untold)


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serving() as made:
        yield made


@pytest.mark.parametrize("tells", ["uid", "count"])
@pytest.mark.parametrize("state", HISTORY)
@pytest.mark.parametrize("wanted", [[FIRST], [SECOND], [SECOND, THIRD], []])
def test_in_whatever_state_more_is_wanted_the_study_ends_with_all_of_it(
    state: StudyState, wanted: list[str], tells: str
) -> None:
    with serving(tells=tells) as archive:
        archive.row(FIRST)
        archive.advance_to(state)
        archive.row(*wanted)
        archive.check_tallies()
        archive.advance_to(StudyState.DONE)
        expected = sorted({FIRST, *wanted}) if wanted else sorted(HOLDS)
        assert archive.filed() == archive.wanted == expected
        assert archive.states() == ["done", "done"]
        number = sum(len(HOLDS[series]) for series in expected)
        assert (archive.study.expected, archive.study.received) == (number, number)
        assert not archive.study.widened
        archive.check_tallies()


@given(
    tells=st.sampled_from(("uid", "count")), wants=st.lists(st.tuples(st.integers(0, 8), wishes), max_size=8)
)
def test_rows_may_come_between_any_steps(tells: str, wants: list[tuple[int, list[str] | None]]) -> None:
    with serving(tells=tells) as archive:
        archive.row(FIRST)
        for steps, series in wants:
            for _ in range(steps):
                if archive.study.state is not StudyState.DONE:
                    archive.advance()
            archive.row(*(series or ()))
            archive.check_tallies()
        archive.advance_to(StudyState.DONE)
        assert archive.filed() == archive.wanted
        assert set(archive.states()) == {"done"}
        archive.check_tallies()


def test_what_is_found_is_expected_by_its_series(archive: Archive) -> None:
    archive.row(FIRST)
    assert (archive.study.promised_count, archive.study.expected) == (2, 2)
    archive.row(SECOND, FIRST)
    assert (archive.study.promised_count, archive.study.expected) == (5, 5)
    archive.row()
    assert (archive.study.whole, archive.study.promised_count, archive.study.expected) == (True, 6, 6)
    archive.row(SECOND)
    assert archive.study.expected == 6
    archive.check_tallies()


def test_where_a_series_was_not_counted_the_study_is_not_but_something_is_expected(archive: Archive) -> None:
    archive.row(FIRST)
    archive.row(SECOND, counted=False)
    assert (archive.study.promised_count, archive.study.expected) == (None, 3)


@pytest.mark.parametrize("tells", ["uid", "count"])
@pytest.mark.parametrize("counted", [True, False])
def test_a_wanted_series_that_is_not_told_of_is_missing_and_never_called_done(
    tells: str, *, counted: bool
) -> None:
    with serving(tells=tells, untold=SECOND) as archive:
        archive.row(FIRST)
        archive.advance_to(StudyState.DONE)
        archive.row(SECOND, counted=counted)
        assert archive.states() == ["done", "matched"]
        archive.advance_to(*STUDY_ENDS)
        assert archive.states() == ["done", "partial"]
        assert archive.filed() == [FIRST]
        assert archive.study.expected == (5 if counted else 3)
        archive.check_tallies()


def test_rows_of_a_study_that_is_reopened_follow_it_but_done_ones(archive: Archive) -> None:
    archive.row(FIRST)
    archive.advance_to(StudyState.DONE)
    archive.untold = SECOND
    archive.row(SECOND)
    archive.advance_to(StudyState.PARTIAL)
    archive.row(THIRD)
    assert archive.states() == ["done", "matched", "matched"]
    archive.untold = ""
    archive.advance_to(StudyState.DONE)
    assert archive.states() == ["done"] * 3
    assert archive.filed() == [FIRST, SECOND, THIRD]


def test_rows_of_a_study_that_failed_follow_it_as_well(archive: Archive) -> None:
    archive.untold = FIRST
    archive.row(FIRST)
    archive.advance_to(StudyState.FAILED)
    archive.untold = ""
    archive.row(SECOND)
    assert archive.states() == ["matched", "matched"]
    archive.advance_to(StudyState.DONE)
    assert archive.states() == ["done", "done"]


def test_a_study_that_is_reopened_is_asked_of_whoever_named_what_is_new(archive: Archive) -> None:
    archive.row(FIRST)
    archive.advance_to(StudyState.DONE)
    archive.row(FIRST, archive=OTHER)
    assert archive.study.state is StudyState.DONE
    archive.row(SECOND, archive=OTHER)
    assert (archive.study.archive, archive.study.found_at) == (OTHER, ARCHIVE)
    archive.advance_to(StudyState.DONE)
    assert archive.filed() == [FIRST, SECOND]


def test_a_study_that_was_passed_on_is_looked_for_again_where_more_is_wanted_of_it(archive: Archive) -> None:
    """The archives that did not give what was wanted first may have what is wanted now."""
    archive.row(FIRST)
    archive.row(THIRD)
    before = archive.study
    assert not before.widened
    with archive.ledger.transaction():
        passed = Passed(why=Why.FAILED, reason="")
        archive.ledger.passing.note("study", archive.study.id, ARCHIVE, passed)
        archive.ledger.studies.pass_on(archive.study, archive=OTHER, waits=False, reason="")
    archive.row(SECOND)
    assert archive.study.widened
    archive.advance_to(StudyState.VERIFIED)
    archive.advance()
    assert archive.study.state is StudyState.FOUND
    assert archive.ledger.passing.of("study", archive.study.id) == {}
    archive.advance_to(StudyState.DONE)
