"""The thread that brings records to the store, whatever the store and the journal do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from niffler_ops.errors import NifflerError
from niffler_ops.metadata import Featureset, Journal, Reading, StoreUnavailableError
from niffler_ops.realtime import storing
from niffler_ops.realtime.storing import Storing
from tests.support.clock import FakeClock
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from niffler_ops.metadata.values import Facts

DEFAULT = [Featureset(name="default", entries=())]


class Store:
    """Takes what it is given, but for the times that it has an error for."""

    def __init__(self, *errors: Exception, poison: str = "") -> None:
        self.errors = list(errors)
        self.poison = poison
        self.series: set[object] = set()
        self.number = 0

    def records(self, _collection: str, **_given: object) -> Iterator[dict[str, object]]:
        yield from ({"_id": series} for series in self.series)

    def upsert(self, _collection: str, records: list[dict[str, object]]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        if any(record["SeriesInstanceUID"] == self.poison for record in records):
            raise NifflerError("a record is refused")
        self.series |= {record["SeriesInstanceUID"] for record in records}

    def mark(self, _writer: str) -> int:
        return self.number

    def set_mark(self, _writer: str, number: int, *, instead_of: int) -> None:
        assert self.number == instead_of
        self.number = number

    def close(self) -> None:
        pass


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.sqlite", FakeClock())) as made:
        yield made


def add(journal: Journal, *series: str) -> None:
    for uid in series:
        facts: Facts = {"SOPInstanceUID": f"{uid}.1", "SeriesInstanceUID": uid, "StudyInstanceUID": "1"}
        journal.add([Reading(facts=facts)])


@pytest.fixture
def started(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[tuple[Storing, Store]]:
    """A thread that works on the journal's one series with a store of this kind."""
    store: Store = request.param
    monkeypatch.setattr(storing, "open_store", lambda _url: store)
    monkeypatch.setattr(storing, "STORE_SECONDS", 0.01)
    add(journal, "1.1", "1.2")
    made = Storing(tmp_path / "journal.sqlite", "", DEFAULT, FakeClock())
    made.start()
    yield made, store
    made.stop(5)


AWAY = StoreUnavailableError("away")


@pytest.mark.parametrize("started", [Store(), Store(AWAY), Store(AWAY, AWAY)], indirect=True)
def test_what_is_due_is_stored_also_after_the_store_was_away(started: tuple[Storing, Store]) -> None:
    thread, store = started
    wait_until(lambda: store.series == {"1.1", "1.2"}, "both series")
    wait_until(lambda: thread.state.series == 2 and not thread.state.reason, "the state")


@pytest.mark.parametrize(
    "started",
    [Store(sqlite3.OperationalError("database is locked")), Store(RuntimeError("unforeseen"))],
    indirect=True,
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_error_ends_the_thread_unnoticed(started: tuple[Storing, Store]) -> None:
    _, store = started
    wait_until(lambda: store.series == {"1.1", "1.2"}, "both series", seconds=3)


@pytest.mark.parametrize("started", [Store(poison="1.1")], indirect=True)
def test_a_record_that_the_store_refuses_keeps_no_other_out(
    started: tuple[Storing, Store], journal: Journal
) -> None:
    thread, store = started
    wait_until(lambda: store.series == {"1.2"}, "the other series", seconds=3)
    wait_until(lambda: journal.refused() == 1, "the refusal to be kept")
    state = journal.state("1.1")
    assert state is not None
    assert not state.stored
    assert not thread.state.reason, "the store can be used"


def test_a_store_that_is_another_or_was_emptied_is_filled_again(journal: Journal) -> None:
    add(journal, "1.1", "1.2")
    first, other, everything = Store(), Store(), Featureset(name="default", everything=True)

    def run(store: Store, url: str, featureset: Featureset = DEFAULT[0]) -> int:
        storing.prepare(journal, store, url, [featureset])  # type: ignore[arg-type]
        return journal.flush(store, [featureset])  # type: ignore[arg-type]

    assert run(first, "sqlite:///one") == 2
    assert run(first, "sqlite:///one") == 0
    assert run(other, "sqlite:///two") == 2
    assert run(first, "sqlite:///one") == 2, "it may lack what came meanwhile"
    first.series.clear()
    assert run(first, "sqlite:///one") == 2
    assert run(first, "sqlite:///one", everything) == 2
    assert run(first, "sqlite:///one", everything) == 0
