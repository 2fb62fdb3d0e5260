"""The journal: every instance once, every changed series due, and small for years."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from niffler_ops.database import connect
from niffler_ops.errors import NifflerError
from niffler_ops.metadata import (
    EVERYTHING,
    Backlog,
    Facts,
    Journal,
    Reading,
    Record,
    Refusal,
    StoreUnavailableError,
    parse_featureset,
    read_refusals,
)
from niffler_ops.metadata.stores import Days, StoreReplacedError

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
FEATURES = parse_featureset("mr", "EchoTime\nModality")


class StoppedClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class Memory:
    """A store that may be out of reach."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[object, Record]] = {}
        self.refusals = 0
        self.refused: set[object] = set()
        self.calls = 0
        self.marks: dict[str, int] = {}

    def upsert(self, collection: str, records: Sequence[Record]) -> None:
        self.calls += 1
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailableError("out of reach")
        if self.refused & {record["_id"] for record in records}:
            raise NifflerError("too large")
        kept = self.collections.setdefault(collection, {})
        kept.update({record["_id"]: json.loads(json.dumps(record)) for record in records})

    def records(
        self,
        collection: str,
        *,
        first: date | None = None,
        last: date | None = None,
        by: Days = "acquisition",
        fields: Collection[str] | None = None,
    ) -> Iterator[Record]:
        raise NotImplementedError((collection, first, last, by, fields))

    def mark(self, writer: str) -> int:
        return self.marks.get(writer, 0)

    def set_mark(self, writer: str, number: int, *, instead_of: int) -> None:
        if self.mark(writer) != instead_of:
            raise StoreReplacedError("memory")
        self.marks[writer] = number

    def close(self) -> None:
        pass


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture
def journal(tmp_path: Path, clock: StoppedClock) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "made" / "journal.sqlite", clock)) as made:
        yield made


def reading(series: int, number: int, received: datetime | None = None, **further: Any) -> Reading:
    facts: dict[str, Any] = {
        "SOPInstanceUID": f"2.25.{series}.{number}",
        "SeriesInstanceUID": f"2.25.{series}",
        "StudyInstanceUID": "2.25.0",
        "Modality": "MR",
        "InstanceNumber": number,
        "AcquisitionDateTime": f"202403011{number % 10}0000",
    }
    return Reading(facts=Facts(facts | further), received=received)


def test_a_series_is_due_until_the_store_has_its_record(journal: Journal, store: Memory) -> None:
    assert journal.add([reading(1, 1), reading(1, 2), reading(2, 1)]) == 3
    assert (journal.backlog().series, journal.backlog().instances, journal.backlog().oldest) == (2, 3, NOON)
    store.refusals = 1
    with pytest.raises(StoreUnavailableError):
        journal.flush(store, [FEATURES])
    assert journal.backlog().series == 2
    assert journal.flush(store, [FEATURES]) == 2
    assert journal.backlog() == Backlog(series=0, instances=0, oldest=None)
    assert {key: record["instances"] for key, record in store.collections["mr"].items()} == {
        "2.25.1": 2,
        "2.25.2": 1,
    }


def test_more_series_than_one_request_takes_of_which_a_later_one_fails(
    journal: Journal, store: Memory
) -> None:
    journal.add(reading(series, 1) for series in range(120))
    assert journal.flush(store, [FEATURES]) == 120
    assert store.calls == 3
    journal.add(reading(series, 2) for series in range(120))
    original = store.upsert

    def second_fails(collection: str, records: Sequence[Record]) -> None:
        if store.calls == 4:
            store.refusals = 1
        original(collection, records)

    store.upsert = second_fails  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailableError):
        journal.flush(store, [FEATURES])
    assert journal.backlog().series == 70
    assert journal.flush(store, [FEATURES]) == 70


def test_what_the_store_refuses_is_named_and_holds_nothing_up(
    journal: Journal, store: Memory, tmp_path: Path
) -> None:
    journal.add(reading(series, 1) for series in range(5))
    store.refused = {"2.25.2"}
    assert journal.flush(store, [FEATURES]) == 4
    assert journal.flush(store, [FEATURES]) == 0
    assert read_refusals(tmp_path / "made" / "journal.sqlite", 9) == [
        Refusal(series="2.25.2", reason="too large")
    ]
    assert journal.backlog().series == 0
    journal.add([reading(2, 2)])
    assert journal.flush(store, [FEATURES]) == 0
    store.refused.clear()
    assert journal.flush(store, [FEATURES]) == 0
    journal.try_refused_again()
    assert journal.flush(store, [FEATURES]) == 1
    assert (journal.refused(), journal.instances()) == (0, 6)
    assert read_refusals(tmp_path / "nowhere", 9) == []


def test_the_same_instance_again_changes_nothing(journal: Journal, store: Memory) -> None:
    journal.add([reading(1, 1, NOON)])
    journal.flush(store, [FEATURES])
    assert journal.add([reading(1, 1, NOON + timedelta(days=1)), reading(1, 1)]) == 0
    assert journal.flush(store, [FEATURES]) == 0
    state = journal.state("2.25.1")
    assert state is not None
    assert (state.instances, state.stored, state.changed_at) == (1, True, NOON)
    assert journal.state("2.25.9") is None


def test_an_instance_whose_facts_changed_updates_its_record(journal: Journal, store: Memory) -> None:
    journal.add([reading(1, 1, EchoTime=1.0), reading(1, 2, EchoTime=1.0)])
    journal.flush(store, [FEATURES])
    assert journal.add([reading(1, 1, EchoTime=2.0)]) == 0
    assert journal.flush(store, [FEATURES]) == 1
    record = store.collections["mr"]["2.25.1"]
    assert (record["instances"], record["varying"]) == (2, {"EchoTime": [1.0, 2.0]})


def test_times_of_reception(journal: Journal, store: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    journal.add([reading(1, 1, NOON), reading(1, 2, NOON + timedelta(seconds=1.5)), reading(1, 3)])
    journal.flush(store, [FEATURES])
    record = store.collections["mr"]["2.25.1"]
    times = [datetime.fromisoformat(str(record[name])) for name in ("first_received", "last_received")]
    assert times == [NOON, NOON + timedelta(seconds=1.5)]


def test_only_series_that_were_quiet(journal: Journal, store: Memory, clock: StoppedClock) -> None:
    journal.add([reading(1, 1)])
    clock.time += timedelta(minutes=10)
    journal.add([reading(2, 1)])
    assert journal.flush(store, [FEATURES], changed_before=NOON + timedelta(minutes=5)) == 1
    assert list(store.collections["mr"]) == ["2.25.1"]
    assert journal.backlog().oldest == clock.time


def test_each_featureset_has_a_collection(journal: Journal, store: Memory) -> None:
    journal.add([reading(1, 1, SAR=0.5)])
    journal.flush(store, [FEATURES, EVERYTHING])
    assert "SAR" not in store.collections["mr"]["2.25.1"]
    assert store.collections["all"]["2.25.1"]["SAR"] == 0.5


def test_a_store_that_was_lost_is_filled_again(journal: Journal, store: Memory) -> None:
    journal.add([reading(1, 1), reading(2, 1)])
    journal.flush(store, [FEATURES])
    journal.forget(NOON + timedelta(hours=1))
    another = Memory()
    assert journal.flush(another, [FEATURES]) == 2
    assert another.collections == store.collections
    assert journal.flush(another, [FEATURES]) == 0


def test_an_older_copy_of_the_store_is_filled_again(
    journal: Journal, store: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    for series in (1, 2):
        journal.add([reading(series, 1)])
        journal.flush(store, [FEATURES])
        if series == 1:
            copy = deepcopy(store)
    assert journal.flush(store, [FEATURES]) == 0
    assert journal.flush(copy, [FEATURES]) == 2
    assert copy.collections == store.collections
    assert "The store was lost or is an older copy: 2 series are stored again" in caplog.text


def test_a_copy_from_before_the_store_was_filled_again_is_known_for_one(
    journal: Journal, store: Memory
) -> None:
    for number in range(3):
        journal.add([reading(number, 1)])
        journal.flush(store, [FEATURES])
    copy, store = store, Memory()
    assert journal.flush(store, [FEATURES]) == 3, "in fewer steps than before"
    journal.add([reading(4, 1)])
    assert journal.flush(store, [FEATURES]) == 1
    assert journal.flush(copy, [FEATURES]) == 4


def test_a_store_that_is_lost_while_it_is_written_has_acknowledged_nothing(journal: Journal) -> None:
    class Lost(Memory):
        def upsert(self, collection: str, records: Sequence[Record]) -> None:
            if self.calls == 2:
                self.collections, self.marks = {}, {}
            super().upsert(collection, records)

    store = Lost()
    journal.add([reading(1, 1)])
    journal.flush(store, [FEATURES])
    journal.add(reading(series, 1) for series in range(2, 100))
    with pytest.raises(StoreUnavailableError, match="removed or replaced"):
        journal.flush(store, [FEATURES])
    assert journal.flush(store, [FEATURES]) == 99
    assert len(store.collections["mr"]) == 99


def test_a_kill_after_the_store_has_acknowledged_is_no_loss_of_the_store(
    journal: Journal, store: Memory
) -> None:
    journal.add([reading(1, 1)])
    journal.flush(store, [FEATURES])
    store.marks = {writer: number + 1 for writer, number in store.marks.items()}
    assert journal.flush(store, [FEATURES]) == 0
    journal.add([reading(2, 1)])
    assert journal.flush(store, [FEATURES]) == 1


def test_a_journal_of_an_earlier_version_takes_the_store_for_its_own(tmp_path: Path, store: Memory) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(connect(path)) as connection:
        for script in ("001_initial", "002_refusals"):
            connection.executescript((files("niffler_ops.metadata.migrations") / f"{script}.sql").read_text())
        connection.execute("PRAGMA user_version = 2")
        connection.execute(
            "INSERT INTO series (uid, revision, stored_revision, changed_at) VALUES ('1', 1, 1, '')"
        )
        connection.execute("UPDATE revisions SET last = 1")
    with closing(Journal(path)) as journal:
        assert journal.flush(store, [FEATURES]) == 0
        journal.add([reading(1, 1)])
        assert journal.flush(store, [FEATURES]) == 1


def test_what_is_not_stored_is_not_forgotten(journal: Journal, store: Memory) -> None:
    journal.add([reading(1, 1)])
    assert journal.forget(NOON + timedelta(hours=1)) == 0
    journal.flush(store, [FEATURES])
    assert journal.forget(NOON) == 0
    assert journal.forget(NOON + timedelta(hours=1)) == 1
    assert journal.forget(NOON + timedelta(hours=1)) == 0


def test_after_forgetting_late_instances_count_and_repeated_ones_do_not(
    journal: Journal, store: Memory
) -> None:
    journal.add([reading(1, number, NOON, EchoTime=1.0) for number in (1, 2)])
    journal.flush(store, [FEATURES])
    journal.forget(NOON + timedelta(hours=1))
    assert journal.add([reading(1, 1, EchoTime=9.0), reading(1, 2)]) == 0
    assert journal.flush(store, [FEATURES]) == 0
    assert journal.add([reading(1, 3, NOON - timedelta(hours=1), EchoTime=2.0)]) == 1
    assert journal.flush(store, [FEATURES]) == 1
    record = store.collections["mr"]["2.25.1"]
    assert record["instances"] == 3
    assert record["varying"] == {"EchoTime": [1.0, 2.0]}
    assert datetime.fromisoformat(str(record["first_received"])) == NOON - timedelta(hours=1)
    assert journal.forget(NOON + timedelta(hours=1)) == 1
    state = journal.state("2.25.1")
    assert state is not None
    assert state.instances == 3


def test_an_instance_that_comes_again_under_another_series_is_in_both(
    journal: Journal, store: Memory
) -> None:
    assert journal.add([reading(1, 1)]) == 1
    assert journal.add([reading(1, 1, SeriesInstanceUID="2.25.9")]) == 1
    assert journal.add([reading(1, 1), reading(1, 1, SeriesInstanceUID="2.25.9")]) == 0
    journal.flush(store, [FEATURES])
    assert {uid: record["instances"] for uid, record in store.collections["mr"].items()} == {
        "2.25.1": 1,
        "2.25.9": 1,
    }
    assert journal.instances() == 2


def test_what_is_forgotten_takes_little_room(tmp_path: Path, store: Memory) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(Journal(path)) as journal:
        for series in range(20):
            journal.add(reading(series, number, NOON, ImageComments="x" * 500) for number in range(200))
        journal.flush(store, [FEATURES])
        journal.forget(datetime.max.replace(tzinfo=UTC))
        kept = journal._connection.execute(
            "SELECT sum(length(folded) + length(folded_digests)) FROM series"
        ).fetchone()[0]
        free = journal._connection.execute("PRAGMA freelist_count").fetchone()[0]
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    assert kept / 20 < 200 * 8 + 1500
    assert free / pages > 0.9


def test_a_journal_that_is_opened_again_goes_on(tmp_path: Path, store: Memory) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(Journal(path)) as journal:
        journal.add([reading(1, 1)])
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(Journal(path)) as one, closing(Journal(path)) as another:
        another.add([reading(1, 2)])
        assert one.flush(store, [FEATURES]) == 1
        assert another.flush(store, [FEATURES]) == 0
    assert store.collections["mr"]["2.25.1"]["instances"] == 2


def test_an_instance_that_comes_while_its_series_is_stored_makes_it_due_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"

    class Slow(Memory):
        def upsert(self, collection: str, records: Sequence[Record]) -> None:
            super().upsert(collection, records)
            if self.calls == 1:
                with closing(Journal(path)) as other:
                    other.add([reading(1, 2)])

    store = Slow()
    with closing(Journal(path)) as journal:
        journal.add([reading(1, 1)])
        assert journal.flush(store, [FEATURES]) == 1
        assert journal.backlog().series == 1
        assert journal.flush(store, [FEATURES]) == 1
    assert store.collections["mr"]["2.25.1"]["instances"] == 2


STEPS: st.SearchStrategy[tuple[str, list[tuple[int, int]]]] = st.one_of(
    st.tuples(
        st.just("add"),
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=4),
    ),
    st.tuples(st.sampled_from(["flush", "failing flush", "forget", "again", "open"]), st.just([])),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_whatever_happens_in_whatever_order_the_store_ends_with_each_instance_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[tuple[int, int]]]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    clock, store, expected = StoppedClock(), Memory(), dict[int, set[int]]()
    journal = Journal(path, clock)
    for step, members in steps:
        clock.time += timedelta(minutes=1)
        if step == "add":
            new = {pair for pair in members if pair[1] not in expected.get(pair[0], set())}
            assert journal.add(reading(*pair) for pair in members) == len(new)
            for series, number in new:
                expected.setdefault(series, set()).add(number)
        elif step == "flush":
            journal.flush(store, [FEATURES])
        elif step == "failing flush":
            store.refusals = 1
            with suppress(StoreUnavailableError):
                journal.flush(store, [FEATURES])
            store.refusals = 0
        elif step == "forget":
            journal.forget(clock.time)
        elif step == "again":
            journal.store_again()
        else:
            journal.close()
            journal = Journal(path, clock)
    journal.flush(store, [FEATURES])
    journal.close()
    found = {key: record["instances"] for key, record in store.collections.get("mr", {}).items()}
    assert found == {f"2.25.{series}": len(numbers) for series, numbers in expected.items()}
