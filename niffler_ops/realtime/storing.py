"""Brings the journal's records to the store, on a thread of its own: one that is away holds nothing up."""

import hashlib
import logging
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError, NifflerError
from niffler_ops.metadata import Featureset, Journal, Store, open_store, shown

STORE_SECONDS = 2.0
MOST_SECONDS = 30.0
REFUSED_SECONDS = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """How it stands with the store: series stored so far in this run, and why it cannot be reached."""

    series: int = 0
    reason: str = ""
    rounds: int = 0


def prepare(journal: Journal, store: Store, url: str, featuresets: Sequence[Featureset]) -> None:
    """Make due what the store cannot have: it is another one than last time, has lost it, or refused it.

    Raises StoreUnavailableError.
    """
    bare = any(_is_empty(store, featureset.name) for featureset in featuresets)
    place = f"{shown(url)} {sorted(featuresets, key=lambda featureset: featureset.name)!r}"
    series = journal.aim(hashlib.blake2b(place.encode(), digest_size=16).hexdigest())
    if bare:
        series += journal.store_again()
    if series:
        log.warning("The store or a featureset is another one: %d series are stored again", series)
    journal.try_refused_again()


def _is_empty(store: Store, collection: str) -> bool:
    try:
        return next(store.records(collection, fields=()), None) is None
    except MissingInputError:
        return True


class Storing:
    """A thread that flushes the journal every couple of seconds; the only one that does."""

    def __init__(self, journal: Path, url: str, featuresets: Sequence[Featureset], clock: Clock) -> None:
        self._journal = journal
        self._url = url
        self._featuresets = featuresets
        self._clock = clock
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._prepare_at = 0.0
        self._thread = threading.Thread(target=self._run, name="storing", daemon=True)
        self.state = Stored()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def hurry(self) -> None:
        """Store now, rather than when it is time."""
        self._wanted.set()

    def stop(self, seconds: float) -> None:
        """End after what is being stored, or after this time."""
        self._ended.set()
        self._wanted.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        wait = STORE_SECONDS
        with closing(Journal(self._journal, self._clock)) as journal, closing(open_store(self._url)) as store:
            while not self._ended.is_set():
                wait = self._flush(journal, store, wait)
                self._wanted.wait(wait)
                self._wanted.clear()

    def _flush(self, journal: Journal, store: Store, wait: float) -> float:
        """Store what is due; gives the seconds until the next time."""
        before = self.state
        try:
            if self._clock.monotonic() >= self._prepare_at:
                prepare(journal, store, self._url, self._featuresets)
                self._prepare_at = self._clock.monotonic() + REFUSED_SECONDS
            series = journal.flush(store, self._featuresets)
        except Exception as error:  # noqa: BLE001 - the thread must live as long as the receiver
            reason = str(error) if isinstance(error, NifflerError) else type(error).__name__
            if not before.reason:
                log.warning("The store cannot be used: %s. Images stay until it can", reason)
            self.state = Stored(series=before.series, reason=reason, rounds=before.rounds + 1)
            return min(wait * 2, MOST_SECONDS)
        if before.reason:
            log.info("The store can be used again")
        self.state = Stored(series=before.series + series, rounds=before.rounds + 1)
        return STORE_SECONDS
