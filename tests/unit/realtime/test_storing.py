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

    def upsert(self, _collection: str, records: list[dict[str, object]]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        if any(record["SeriesInstanceUID"] == self.poison for record in records):
            raise NifflerError("a record is refused")
        self.series |= {record["SeriesInstanceUID"] for record in records}

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


@pytest.mark.xfail(strict=True, reason="a refused record is tried for ever, and those behind it never")
@pytest.mark.parametrize("started", [Store(poison="1.1")], indirect=True)
def test_a_record_that_the_store_refuses_keeps_no_other_out(started: tuple[Storing, Store]) -> None:
    thread, store = started
    wait_until(lambda: thread.state.reason, "the refusal to be told")
    wait_until(lambda: store.series == {"1.2"}, "the other series", seconds=3)
