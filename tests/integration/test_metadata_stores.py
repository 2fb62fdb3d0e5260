"""Records reach either store whole, whatever is killed meanwhile: the server, or the journal's writer."""

import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest
from pymongo import MongoClient

from niffler_ops.metadata import (
    EVERYTHING,
    Journal,
    Reading,
    Record,
    Store,
    StoreUnavailableError,
    open_store,
    parse_featureset,
)
from niffler_ops.metadata.values import Facts
from tests.support.mongodb import Server, database_url, needs_mongodb, server
from tests.support.processes import KILLED, run_python, running_python, wait_until

SERIES = 60  # more than one request of the store takes
KEYWORDS = parse_featureset("chest", "Modality\nEchoTime\nRequestAttributesSequence")


@pytest.fixture(params=["sqlite", pytest.param("mongodb", marks=needs_mongodb)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "sqlite":
        with closing(open_store(f"sqlite:///{tmp_path}/store/metadata.sqlite")) as made:
            yield made
        return
    with database_url(tmp_path) as url, closing(open_store(url)) as made:
        yield made


@pytest.fixture(params=[pytest.param(None, marks=needs_mongodb)])
def mongodb(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    with server(tmp_path) as made:
        yield made


def record(number: int, **fields: object) -> Record:
    """A series record as MongoDB and JSON can hold it."""
    made: dict[str, object] = {
        "_id": f"2.25.{number}",
        "SeriesInstanceUID": f"2.25.{number}",
        "PatientID": "Ä\u0000'\"$.x",
        "EchoTime": 12.5,
        "SeriesNumber": 2**31,
        "PixelSpacing": [0.5, None, 0.25],
        "RequestAttributesSequence": [{"RequestedProcedureID": "A"}, {}],
        "varying": {"EchoTime": [1.5, 12.5]},
        "instances": 3,
        "image_types": ["ORIGINAL\\PRIMARY"],
    }
    return made | fields  # type: ignore[return-value]


def facts(series: int, instance: int, **further: object) -> Facts:
    """What was read of an instance."""
    made: dict[str, object] = {
        "SOPInstanceUID": f"2.25.{series}.{instance}",
        "SeriesInstanceUID": f"2.25.{series}",
        "StudyInstanceUID": "2.25.7",
        "InstanceNumber": instance,
        "Modality": "CT",
    }
    return made | further  # type: ignore[return-value]


def by_id(store: Store, collection: str, **narrowed: object) -> dict[object, Record]:
    """The records of a collection."""
    found = list(store.records(collection, **narrowed))  # type: ignore[arg-type]
    assert len({record["_id"] for record in found}) == len(found)
    return {record["_id"]: record for record in found}


def test_what_is_stored_comes_back_as_it_was(store: Store) -> None:
    records = [record(number) for number in range(130)]
    store.upsert("default", records)
    assert by_id(store, "default") == {one["_id"]: one for one in records}


def test_the_same_record_again_changes_nothing_and_a_new_one_replaces_it(store: Store) -> None:
    store.upsert("default", [record(1), record(2)])
    store.upsert("default", [record(1)])
    changed = record(2, instances=4)
    del changed["varying"]
    store.upsert("default", [changed, record(3)])
    assert by_id(store, "default") == {"2.25.1": record(1), "2.25.2": changed, "2.25.3": record(3)}


def test_collections_are_apart_and_an_unknown_one_is_empty(store: Store) -> None:
    store.upsert("default", [record(1)])
    store.upsert("mr-only", [record(2)])
    assert list(by_id(store, "default")) == ["2.25.1"]
    assert list(by_id(store, "mr-only")) == ["2.25.2"]
    assert by_id(store, "another") == {}


def test_only_the_fields_that_are_asked_for(store: Store) -> None:
    store.upsert("default", [record(1)])
    assert list(store.records("default", fields=["EchoTime", "Absent"])) == [
        {"_id": "2.25.1", "EchoTime": 12.5}
    ]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, {1, 2, 3}),
        (date(2024, 3, 1), date(2024, 3, 1), {1, 2}),
        (date(2024, 3, 2), date(2024, 3, 2), {2}),
        (date(2024, 3, 2), None, {2}),
        (None, date(2024, 2, 29), set()),
        (date(2024, 2, 29), date(2024, 3, 1), {1, 2}),
    ],
)
def test_a_series_is_of_the_days_on_which_it_begins_and_ends(
    store: Store, first: date | None, last: date | None, expected: set[int]
) -> None:
    store.upsert(
        "default",
        [
            record(
                1, first_acquisition="2024-03-01T00:00:00.000", last_acquisition="2024-03-01T09:00:00.000"
            ),
            record(
                2, first_acquisition="2024-03-01T23:59:59.999", last_acquisition="2024-03-02T00:10:00.000"
            ),
            record(3),
        ],
    )
    assert set(by_id(store, "default", first=first, last=last)) == {f"2.25.{number}" for number in expected}


def test_days_of_reception(store: Store) -> None:
    store.upsert(
        "default",
        [
            record(
                1,
                first_received="2024-03-01T10:00:00.000+01:00",
                last_received="2024-03-02T10:00:00.000+01:00",
            )
        ],
    )
    assert by_id(store, "default", first=date(2024, 3, 2), last=date(2024, 3, 2), by="received")
    assert not by_id(store, "default", first=date(2024, 3, 3), last=date(2024, 3, 3), by="received")
    assert not by_id(store, "default", first=date(2024, 3, 2), last=date(2024, 3, 2))


def test_the_journal_fills_a_store(store: Store, tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.add(
            Reading(facts=facts(series, instance, EchoTime=1.5 * instance))
            for series in range(SERIES)
            for instance in (1, 2)
        )
        assert journal.flush(store, [KEYWORDS, EVERYTHING]) == SERIES
        assert journal.flush(store, [KEYWORDS, EVERYTHING]) == 0
    stored = by_id(store, "chest")
    assert len(stored) == SERIES == len(by_id(store, "all"))
    assert {record["instances"] for record in stored.values()} == {2}
    assert stored["2.25.5"]["varying"] == {"EchoTime": [1.5, 3.0]}


def test_a_mark_is_set_only_where_the_one_before_still_stands(store: Store) -> None:
    assert store.mark("a") == 0
    for number in (1, 2, 7):
        store.set_mark("a", number, instead_of=store.mark("a"))
        assert store.mark("a") == number
    for stale in (0, 2):
        with pytest.raises(StoreUnavailableError):
            store.set_mark("a", 8, instead_of=stale)
    store.set_mark("b", 1, instead_of=0)
    with pytest.raises(StoreUnavailableError):
        store.set_mark("c", 8, instead_of=7)
    assert [store.mark(writer) for writer in "abc"] == [7, 1, 0]


def test_a_file_that_is_removed_while_it_is_open_is_filled_again(tmp_path: Path) -> None:
    path = tmp_path / "metadata.sqlite"
    with (
        closing(open_store(f"sqlite:///{path}")) as store,
        closing(Journal(tmp_path / "journal.sqlite")) as journal,
    ):
        journal.add(Reading(facts=facts(series, 1)) for series in range(SERIES))
        assert journal.flush(store, [KEYWORDS]) == SERIES
        for file in tmp_path.glob("metadata.sqlite*"):
            file.unlink()
        assert journal.flush(store, [KEYWORDS]) == SERIES
        assert journal.flush(store, [KEYWORDS]) == 0
        assert len(by_id(store, "chest")) == SERIES


def test_a_file_that_is_replaced_by_an_older_copy_is_filled_again(tmp_path: Path) -> None:
    path, copy = tmp_path / "metadata.sqlite", tmp_path / "copy.sqlite"
    with (
        closing(open_store(f"sqlite:///{path}")) as store,
        closing(Journal(tmp_path / "journal.sqlite")) as journal,
    ):
        for half in (range(SERIES // 2), range(SERIES // 2, SERIES)):
            journal.add(Reading(facts=facts(series, 1)) for series in half)
            journal.flush(store, [KEYWORDS])
            if not copy.exists():
                with closing(sqlite3.connect(path)) as connection:
                    connection.execute("VACUUM INTO ?", (str(copy),))
        for file in tmp_path.glob("metadata.sqlite*"):
            file.unlink()
        copy.rename(path)
        assert journal.flush(store, [KEYWORDS]) == SERIES
        assert len(by_id(store, "chest")) == SERIES


def test_a_database_that_is_dropped_is_filled_again(mongodb: Server, tmp_path: Path) -> None:
    with (
        closing(open_store(f"{mongodb.url}/test")) as store,
        closing(Journal(tmp_path / "journal.sqlite")) as journal,
    ):
        journal.add(Reading(facts=facts(series, 1)) for series in range(SERIES))
        assert journal.flush(store, [KEYWORDS]) == SERIES
        with MongoClient[dict[str, object]](mongodb.url) as client:
            client.drop_database("test")
        assert journal.flush(store, [KEYWORDS]) == SERIES
        assert journal.flush(store, [KEYWORDS]) == 0
        assert len(by_id(store, "chest")) == SERIES


def test_a_server_that_goes_away_and_comes_back_gets_everything_once(mongodb: Server, tmp_path: Path) -> None:
    store = open_store(f"{mongodb.url}/test?serverSelectionTimeoutMS=3000")
    with closing(store), closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.add(Reading(facts=facts(series, 1)) for series in range(SERIES))
        assert journal.flush(store, [KEYWORDS]) == SERIES
        mongodb.kill()
        journal.add(Reading(facts=facts(series, 2)) for series in range(2 * SERIES))
        with pytest.raises(StoreUnavailableError, match=r"//127\.0\.0\.1"):
            journal.flush(store, [KEYWORDS])
        with pytest.raises(StoreUnavailableError):
            list(store.records("chest"))
        assert journal.backlog().series == 2 * SERIES
        mongodb.start()
        assert journal.flush(store, [KEYWORDS]) == 2 * SERIES
        stored = by_id(store, "chest")
    assert [stored[f"2.25.{series}"]["instances"] for series in range(2 * SERIES)] == [2] * SERIES + [
        1
    ] * SERIES


def test_a_server_killed_amid_the_stream_loses_nothing_that_it_acknowledged(
    mongodb: Server, tmp_path: Path
) -> None:
    store = open_store(f"{mongodb.url}/test?serverSelectionTimeoutMS=500&socketTimeoutMS=2000&timeoutMS=5000")
    with closing(store), closing(Journal(tmp_path / "journal.sqlite")) as journal:
        for turn in range(3):
            journal.add(Reading(facts=facts(series, turn)) for series in range(2 * SERIES))
            ending = threading.Timer(0.05 + 0.1 * turn, mongodb.kill)
            ending.start()
            with suppress(StoreUnavailableError):
                while journal.flush(store, [KEYWORDS]):
                    pass
            ending.join()
            mongodb.start()

        def stored_all() -> bool:
            with suppress(StoreUnavailableError):  # 2 s are not enough at times
                journal.flush(store, [KEYWORDS])
            return journal.backlog().series == 0

        wait_until(stored_all, "the rest to be stored")
    with closing(open_store(f"{mongodb.url}/test")) as patient:
        stored = by_id(patient, "chest")
    assert {record["instances"] for record in stored.values()} == {3}
    assert len(stored) == 2 * SERIES


def test_a_server_that_hangs_is_given_up_in_time(mongodb: Server) -> None:
    with closing(open_store(f"{mongodb.url}/test")) as patient:
        patient.upsert("default", [record(number) for number in range(600)])
    with closing(open_store(f"{mongodb.url}/test?serverSelectionTimeoutMS=500&timeoutMS=2000")) as store:
        assert mongodb.process is not None
        reading = store.records("default")
        next(reading)
        mongodb.process.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                store.upsert("default", [record(1)])
            with pytest.raises(StoreUnavailableError):
                list(reading)
            assert time.monotonic() - begun < 20
        finally:
            mongodb.process.send_signal(signal.SIGCONT)
    with closing(open_store(f"{mongodb.url}/test")) as patient:
        patient.upsert("default", [record(1)])


def test_whoever_reads_slowly_is_not_cut_off(mongodb: Server) -> None:
    with closing(open_store(f"{mongodb.url}/test?timeoutMS=3000")) as store:
        for start in range(0, 600, 50):
            store.upsert("default", [record(number) for number in range(start, start + 50)])
        reading = store.records("default")
        next(reading)
        time.sleep(3.5)
        assert len(list(reading)) == 599


ADD_ONE_BY_ONE = """
    import sys
    from pathlib import Path
    from niffler_ops.metadata import Journal, Reading
    from tests.integration.test_metadata_stores import facts
    journal = Journal(Path(sys.argv[1]))
    print("ready", flush=True)
    for number in range(int(sys.argv[2]), 1_000_000):
        journal.add([Reading(facts=facts(number % 7, number))])
        print(number, flush=True)
"""


def test_whatever_add_returned_for_survives_a_kill_of_the_writer(tmp_path: Path) -> None:
    path, chance, begun, said = tmp_path / "journal.sqlite", random.Random(7), 0, 0
    for _ in range(5):
        with running_python(ADD_ONE_BY_ONE, path, begun) as writer:
            time.sleep(chance.uniform(0.0, 0.3))
            writer.kill()
            assert writer.stdout is not None
            numbers = [int(line) for line in writer.stdout.read().split()]
        said = numbers[-1] + 1 if numbers else said
        begun = said  # the one that was killed may be there: it comes again and counts once
    with closing(Journal(path)) as journal:
        states = [journal.state(f"2.25.{series}") for series in range(7)]
    number = sum(state.instances for state in states if state is not None)
    assert said <= number <= said + 1


FLUSH = """
    import sys
    from pathlib import Path
    from niffler_ops.metadata import Journal, open_store
    from tests.integration.test_metadata_stores import KEYWORDS
    journal = Journal(Path(sys.argv[1]))
    print(journal.flush(open_store(sys.argv[2]), [KEYWORDS]))
"""


def test_a_kill_between_the_store_and_the_journal_stores_the_same_again(tmp_path: Path) -> None:
    path, url = tmp_path / "journal.sqlite", f"sqlite:///{tmp_path}/metadata.sqlite"
    with closing(Journal(path)) as journal:
        journal.add(Reading(facts=facts(series, instance)) for series in range(SERIES) for instance in (1, 2))
    killed = run_python(FLUSH, path, url, NIFFLER_FAILPOINT="journal-acknowledged:2")
    assert killed.returncode == KILLED
    with closing(Journal(path)) as journal:
        assert 0 < journal.backlog().series < SERIES
    assert 0 < int(run_python(FLUSH, path, url).stdout) < SERIES
    with closing(open_store(url)) as store:
        stored = by_id(store, "chest")
    assert len(stored) == SERIES
    assert {record["instances"] for record in stored.values()} == {2}


def test_many_read_beside_the_one_that_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/metadata.sqlite"
    with closing(open_store(url)) as writer, closing(open_store(url)) as reader:
        writer.upsert("default", [record(number) for number in range(100)])
        reading = reader.records("default")
        next(reading)
        writer.upsert("default", [record(number) for number in range(100, 200)])
        assert len(list(reading)) == 99
        assert len(list(reader.records("default"))) == 200


def test_a_store_that_is_locked_is_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("niffler_ops.database.BUSY_SECONDS", 0.05)
    path = tmp_path / "metadata.sqlite"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.upsert("default", [record(1)])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match="locked"):
                store.upsert("default", [record(2)])
        store.upsert("default", [record(2)])
        assert len(by_id(store, "default")) == 2
