"""Whatever is done to a ledger, in whatever order: its numbers are those of a real count."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from niffler_ops.database import connect, migrate
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.reading import MIGRATIONS
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.model import InstanceFile
from niffler_ops.states import (
    ROW_ENDS,
    ROW_TRANSITIONS,
    STUDY_ENDS,
    STUDY_TRANSITIONS,
    RowState,
    StudyState,
    row_outcome,
)
from tests.support.clock import FakeClock
from tests.support.extractions import ARCHIVE, asked, refused, studies_of_row

FEW = st.integers(1, 3)
SELDOM = st.sampled_from([False] * 9 + [True])
SOPS = ("1", "2", "3", "4")
OTHER = "PACS2@archive:104"
archives = st.sampled_from((ARCHIVE, ARCHIVE, OTHER))
queues = st.sampled_from(("", "", OTHER))
counts = st.none() | st.integers(0, 4)
series = st.lists(
    st.builds(FoundSeries, series_instance_uid=st.sampled_from(("1", "2")), promised_count=counts),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one.series_instance_uid,
).map(tuple)
found = st.lists(
    st.builds(
        FoundStudy,
        study_instance_uid=st.sampled_from(("1.1", "1.2", "1.3")),
        promised_count=counts,
        series=st.none() | series,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda study: study.study_instance_uid,
)
ARRIVING = sorted(set(StudyState) - STUDY_ENDS - {StudyState.VERIFIED})
statuses = st.sampled_from((None, 0, 0xA900, 0xB000, 0xC000))


def series_of(sop: str) -> str:
    return "1" if int(sop) % 2 else "2"


def received_file(study: Study, sop: str) -> InstanceFile:
    return InstanceFile(
        path="",
        size=len(sop) * 100 + int(sop),
        inode=int(sop),
        modified_ns=1,
        sha256=sop.encode(),
        study_instance_uid=study.study_instance_uid,
        series_instance_uid=series_of(sop),
        sop_instance_uid=sop,
        attributes={},
    )


def when_studies_are(*states: StudyState) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a step be chosen only while some study is in one of these states."""
    return precondition(lambda self: bool(self.in_state(*states)))


class Histories(RuleBasedStateMachine):
    """The steps that stages, recovery and --retry-failed take, in any order that the states allow.

    Rows match studies or series of them, of either of two archives.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.connection = connect(Path(":memory:"))
        migrate(self.connection, MIGRATIONS)
        self.ledger = Ledger(self.connection, self.clock)
        self.querying: list[int] = []
        self.attempts: dict[int, int] = {}  # study to the attempt that runs

    def teardown(self) -> None:
        self.ledger.close()

    def count(self, statement: str, *parameters: object) -> list[sqlite3.Row]:
        return self.connection.execute(statement, parameters).fetchall()

    def in_state(self, *states: StudyState) -> list[Study]:
        marks = ", ".join("?" * len(states))
        rows = self.count(f"SELECT id FROM studies WHERE state IN ({marks}) ORDER BY id", *states)
        return [self.ledger.studies.get(row["id"]) for row in rows]

    def some(self, data: st.DataObject, *states: StudyState) -> Study:
        return data.draw(st.sampled_from(self.in_state(*states)))

    @initialize(accessions=st.lists(st.sampled_from(("", "A", "B", "C")), min_size=3, max_size=8))
    def import_rows(self, accessions: list[str]) -> None:
        lines = enumerate(accessions, start=2)
        self.ledger.create(
            configuration={},
            storage_folder=Path("/"),
            csv_file=Path("/list.csv"),
            csv_digest="",
            csv_header=("AccessionNumber",),
            rows=[asked(line, value) if value else refused(line, "empty key") for line, value in lines],
        )

    @precondition(lambda self: self.count("SELECT 1 FROM rows WHERE state = 'pending'"))
    @rule(limit=FEW, queue=queues)
    def claim_rows(self, limit: int, queue: str) -> None:
        self.clock.pass_time(20)
        with self.ledger.transaction():
            self.querying += [row.id for row in self.ledger.rows.claim(limit, archive=queue)]

    @precondition(lambda self: self.querying)
    @rule(
        answer=found,
        archive=archives,
        otherwise=SELDOM,
        other=st.sampled_from(("not found", "failed", "again", "passed on")),
        number=counts,
    )
    def answer_a_row(
        self, answer: list[FoundStudy], archive: str, *, otherwise: bool, other: str, number: int | None
    ) -> None:
        row = self.querying.pop()
        rows, mismatches = self.ledger.rows, number or 0
        with self.ledger.transaction():
            if not otherwise:
                rows.matched(row, answer, archive=archive, mismatches=mismatches)
            elif other == "failed":
                rows.failed(row, "only mismatches", mismatches=mismatches)
            elif other == "not found":
                rows.not_found(row, "the archive has no match")
            elif other == "passed on":
                queue = "" if archive == ARCHIVE else archive
                self.ledger.passing.note("row", row, archive, Passed(why=Why.ABSENT, reason=""))
                rows.ask_again(row, delay=0, charged=True, reason="the archive has no match")
                rows.pass_on(row, archive=queue, waits=number is None, reason="the archive has no match")
            else:
                rows.ask_again(row, delay=10, charged=number is None, reason="lost")

    @when_studies_are(StudyState.FOUND)
    @rule(limit=FEW, archive=archives)
    def claim_studies_for_listing(self, limit: int, archive: str) -> None:
        self.clock.pass_time(20)
        with self.ledger.transaction():
            self.ledger.studies.claim_for_listing(limit, archive=archive)

    @when_studies_are(StudyState.FOUND, StudyState.LISTING, StudyState.LISTED, StudyState.MOVED)
    @rule(data=st.data(), archive=archives, why=st.sampled_from(Why), waits=st.booleans())
    def pass_a_study_on(self, data: st.DataObject, archive: str, why: Why, *, waits: bool) -> None:
        study = self.some(data, StudyState.FOUND, StudyState.LISTING, StudyState.LISTED, StudyState.MOVED)
        with self.ledger.transaction():
            self.ledger.passing.note("study", study.id, study.archive, Passed(why=why, reason="short"))
            self.ledger.studies.pass_on(study, archive=archive, waits=waits, reason="short")

    @when_studies_are(StudyState.LISTING)
    @rule(data=st.data(), lose=SELDOM)
    def find_nobody_left_who_has_it(self, data: st.DataObject, *, lose: bool) -> None:
        if lose:
            study = self.some(data, StudyState.LISTING)
            with self.ledger.transaction():
                self.ledger.studies.exhausted(study.id, study.reason)

    @when_studies_are(StudyState.LISTING, StudyState.RELISTING)
    @rule(
        data=st.data(),
        promise=st.sets(st.sampled_from(SOPS), min_size=1) | st.sampled_from(("count", "none")),
        further=st.booleans(),
    )
    def learn_what_a_study_has(self, data: st.DataObject, promise: set[str] | str, *, further: bool) -> None:
        study = self.some(data, StudyState.LISTING, StudyState.RELISTING)
        with self.ledger.transaction():
            if isinstance(promise, set):
                promised = [(series_of(sop), sop) for sop in sorted(promise)]
                self.ledger.instances.promise(study.id, promised, further=further)
            self.ledger.studies.listed(study.id, study.state, "uid" if isinstance(promise, set) else promise)

    @when_studies_are(StudyState.LISTING, StudyState.RELISTING)
    @rule(data=st.data(), charged=st.booleans(), lose=SELDOM)
    def learn_nothing(self, data: st.DataObject, *, charged: bool, lose: bool) -> None:
        if not lose:
            return
        study = self.some(data, StudyState.LISTING, StudyState.RELISTING)
        with self.ledger.transaction():
            self.ledger.studies.listing_failed(
                study.id, study.state, delay=10, charged=charged, reason="lost"
            )

    @when_studies_are(StudyState.LISTED)
    @rule(limit=FEW, archive=archives)
    def begin_to_move(self, limit: int, archive: str) -> None:
        self.clock.pass_time(20)
        with self.ledger.transaction():
            for study in self.ledger.studies.due_for_move(limit, archive=archive):
                self.attempts[study.id] = self.ledger.studies.begin_move(study, lane=1, level="STUDY")

    @precondition(lambda self: self.attempts)
    @rule(status=statuses, end=st.sampled_from(("answered", "answered and refunded", "given back")))
    def end_a_move(self, status: int | None, end: str) -> None:
        study, attempt = self.attempts.popitem()
        with self.ledger.transaction():
            if end == "given back":
                self.ledger.studies.give_back(study, attempt, "the lane died")
            else:
                self.ledger.studies.end_move(study, attempt, MoveOutcome(status=status), grace=5)
            if end == "answered and refunded":
                self.ledger.studies.refund(study, attempt)

    @when_studies_are(*ARRIVING)
    @rule(data=st.data(), sop=st.sampled_from(SOPS))
    def receive_an_instance(self, data: st.DataObject, sop: str) -> None:
        study = self.some(data, *ARRIVING)
        if study.asked:
            with self.ledger.transaction():
                self.ledger.instances.receive(
                    study.id,
                    received_file(study, sop),
                    PurePosixPath(sop),
                    promised=study.promised_by != "uid",
                )
                self.ledger.studies.recount([study.id])

    @when_studies_are(StudyState.MOVED)
    @rule(data=st.data(), verdict=st.sampled_from(("relist", "retry", "fail", "partial", "uid", "none")))
    def judge(self, data: st.DataObject, verdict: str) -> None:
        study = self.some(data, StudyState.MOVED)
        studies, instances = self.ledger.studies, self.ledger.instances
        with self.ledger.transaction():
            match verdict:
                case "relist":
                    studies.relist(study.id)
                case "retry":
                    studies.retry(study.id, delay=10, reason="short")
                case "uid" | "none":
                    instances.accept_surplus(study.id)
                    studies.recount([study.id])
                    verified = "by_uid" if verdict == "uid" else "unverified"
                    studies.decide(study.id, outcome=StudyState.DONE, verified=verified, reason="")
                case _:
                    instances.drop_surplus(study.id)
                    instances.name_missing(study.id)
                    studies.recount([study.id])
                    if verdict == "fail":
                        studies.fail(study.id, "nothing came")
                    else:
                        studies.decide(study.id, outcome=StudyState.PARTIAL, verified=None, reason="short")

    @when_studies_are(StudyState.VERIFIED)
    @rule(data=st.data(), end=st.sampled_from(("filed", "lost", "conflict")))
    def file(self, data: st.DataObject, end: str) -> None:
        study = self.some(data, StudyState.VERIFIED)
        received = [file for file in self.ledger.instances.of_study(study.id) if file.state == "received"]
        with self.ledger.transaction():
            states = {"filed": "filed", "lost": "awaited", "conflict": "missing"}
            for file in received:
                self.ledger.instances.set_state(study.id, file.sop_instance_uid, states[end])
            if end == "lost":
                self.ledger.studies.unfile(study.id, grace=5, reason="files were lost")
            else:
                conflicts = len(received) if end == "conflict" else 0
                self.ledger.studies.filed(study.id, conflicts=conflicts)

    @rule(archive=archives)
    def meet_an_archive_again(self, archive: str) -> None:
        with self.ledger.transaction():
            self.ledger.passing.came_back(archive)

    @rule(die=SELDOM, names=st.sampled_from(((ARCHIVE, OTHER), (ARCHIVE, OTHER), (ARCHIVE,))))
    def crash_and_recover(self, names: tuple[str, ...], *, die: bool) -> None:
        if not die:
            return
        with self.ledger.transaction():
            rewound = self.ledger.rows.rewind()
            self.ledger.studies.rewind(grace=5)
            self.ledger.studies.reread()
            self.ledger.passing.adopt(names)
        assert rewound == len(self.querying)
        self.querying.clear()
        self.attempts.clear()

    @when_studies_are(StudyState.PARTIAL, StudyState.FAILED)
    @rule()
    def retry_what_failed(self) -> None:
        with self.ledger.transaction():
            self.ledger.studies.take_up()
            self.ledger.rows.take_up()

    @invariant()
    def states_are_tallied_as_they_are(self) -> None:
        tallies = self.ledger.tallies()
        for subject, table in (("row", "rows"), ("study", "studies")):
            real = {row[0]: row[1] for row in self.count(f"SELECT state, count(*) FROM {table} GROUP BY 1")}
            shown = {name: number for (kind, name), number in tallies.items() if kind == subject and number}
            assert shown == real
        verified = self.count("SELECT verified, count(*) FROM studies WHERE verified IS NOT NULL GROUP BY 1")
        shown = {name: number for (kind, name), number in tallies.items() if kind == "verified" and number}
        assert shown == {row[0]: row[1] for row in verified}

    @invariant()
    def instances_are_counted_as_they_are(self) -> None:
        tallies = self.ledger.tallies()
        sums = self.count("SELECT total(expected), total(received), total(bytes) FROM studies")[0]
        names = ("expected", "received", "bytes")
        assert [tallies["instance", name] for name in names] == [int(number) for number in sums]
        for study in self.in_state(*StudyState):
            here = [i for i in self.ledger.instances.of_study(study.id) if i.state in {"received", "filed"}]
            assert study.received == sum(instance.promised for instance in here)
            assert study.surplus == sum(not instance.promised for instance in here)
            assert study.bytes == sum(instance.size or 0 for instance in here)
            assert study.expected >= 0

    @invariant()
    def every_step_is_allowed_and_follows_the_one_before(self) -> None:
        stands: dict[tuple[str, int], str] = {}
        for event in self.count("SELECT * FROM events WHERE subject <> 'extraction' ORDER BY id"):
            subject, after = (event["subject"], event["subject_id"]), event["to_state"]
            before = event["from_state"]
            if before is None:
                assert (event["subject"], after) == ("study", "found")
            elif event["subject"] == "row":
                assert RowState(after) in ROW_TRANSITIONS[RowState(before)]
                assert stands.get(subject, "pending") == before
            else:
                assert StudyState(after) in STUDY_TRANSITIONS[StudyState(before)]
                assert stands[subject] == before
            stands[subject] = after
        for row in self.count(
            "SELECT 'row', id, state FROM rows UNION ALL SELECT 'study', id, state FROM studies"
        ):
            assert stands.get((row[0], row[1]), row[2]) == row[2]

    @invariant()
    def attempts_are_never_negative_and_open_ones_are_those_of_moving_studies(self) -> None:
        assert not self.count("SELECT 1 FROM rows WHERE attempts < 0")
        assert not self.count("SELECT 1 FROM studies WHERE attempts < 0 OR listings < 0 OR attempts > asked")
        moving = {study.id for study in self.in_state(StudyState.MOVING)}
        running = Counter(
            row[0] for row in self.count("SELECT study_id FROM attempts WHERE ended_at IS NULL")
        )
        assert running == Counter(moving) == Counter(list(self.attempts))

    @invariant()
    def rows_are_where_their_studies_are(self) -> None:
        for row in self.count("SELECT id, state FROM rows"):
            studies = studies_of_row(self.ledger, row["id"])
            if row["state"] == "done":
                assert all(self.has_been_done(study) for study in studies), (
                    "it may be open again, for another"
                )
            elif studies:
                assert row["state"] == row_outcome(study.state for study in studies)
            else:
                assert row["state"] not in {"matched", "done", "partial"}

    def has_been_done(self, study: Study) -> bool:
        done = "SELECT 1 FROM events WHERE subject = 'study' AND subject_id = ? AND to_state = 'done'"
        return bool(self.count(done, study.id))

    @invariant()
    def what_is_at_its_end_wants_nothing_more_and_remembers_no_archive(self) -> None:
        for study in self.in_state(*STUDY_ENDS):
            assert not study.widened
            assert self.ledger.passing.of("study", study.id) == {}
        for row in self.count("SELECT id FROM rows WHERE state NOT IN ('pending', 'querying')"):
            assert self.ledger.passing.of("row", row["id"]) == {}

    @invariant()
    def equal_rows_follow_the_first(self) -> None:
        for row in self.count(
            "SELECT rows.id, rows.state, first.state AS first_state, first.id AS first_id FROM rows"
            " JOIN rows AS first ON first.id = rows.same_as"
        ):
            first = "pending" if row["first_state"] == "querying" else row["first_state"]
            assert row["state"] == first
            own, firsts = (studies_of_row(self.ledger, row[name]) for name in ("id", "first_id"))
            assert own == firsts

    @invariant()
    def there_is_open_work_while_anything_is_not_at_its_end(self) -> None:
        states = {RowState(row[0]) for row in self.count("SELECT state FROM rows")}
        studies = {StudyState(row[0]) for row in self.count("SELECT state FROM studies")}
        assert self.ledger.open_work() == (not states <= ROW_ENDS or not studies <= STUDY_ENDS)


Histories.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=100,
    suppress_health_check=[HealthCheck.too_slow],
)
TestHistories = Histories.TestCase
