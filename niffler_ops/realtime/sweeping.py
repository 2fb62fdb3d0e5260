"""All that may be done is done at once: read, store, pass on, delete. A command asks for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from niffler_ops.metadata import open_store
from niffler_ops.realtime.control import answer, pending
from niffler_ops.realtime.machinery import Machinery
from niffler_ops.realtime.storing import prepare

LEFT, STORE_AWAY = 3, 75
ROUNDS = 2


class Sweeping:
    """Sweeps step by step: by itself, or in the turns of a receiver that runs."""

    def __init__(self, machinery: Machinery) -> None:
        self._control = machinery.place.control
        self._store = machinery.settings.store
        self._featuresets = machinery.featuresets
        self._record = machinery.record
        self._journal = machinery.journal
        self._intake = machinery.intake
        self._storing = machinery.storing
        self._passing = machinery.passing
        self._deletion = machinery.deletion
        self._steps: Iterator[None] | None = None

    def look(self) -> None:
        """Whether somebody asks for it."""
        if self._steps is None:
            asked = pending(self._control)
            if asked:
                self._steps = self._answered(asked)

    def advance(self) -> None:
        """Do the next step of what was asked for."""
        if self._steps is not None:
            next(self._steps, None)

    def here(self) -> Iterator[None]:
        """Without receiving, storing by itself. Raises StoreUnavailableError."""
        return self._swept(self._stored_here)

    def left(self) -> int:
        """The exit status of a sweep that has done all that could be done."""
        self._intake.forget_taken_away()
        return LEFT if self._record.unreadable() or self._journal.refused() else 0

    def _answered(self, asked: Sequence[Path]) -> Iterator[None]:
        yield from self._swept(self._stored_beside)
        status = STORE_AWAY if self._storing.state.reason else self.left()
        for request in asked:
            answer(request, status)
        self._steps = None

    def _swept(self, stored: Callable[[], Iterator[None]]) -> Iterator[None]:
        yield from self._read_all(sweep=True)
        yield from stored()
        yield from self._passed_on()
        self._deletion.begin("Sweep")
        while self._deletion.busy:
            self._deletion.advance()
            yield
        yield from self._read_all(sweep=False)  # what came anew while it was about to go
        self._passing.ask_for_tables()
        yield from self._passed_on()

    def _passed_on(self) -> Iterator[None]:
        while self._passing.busy:
            self._passing.advance()
            yield

    def _read_all(self, *, sweep: bool) -> Iterator[None]:
        self._intake.advance(sweep=sweep)
        while self._intake.unread:
            yield
            self._intake.advance()

    def _stored_here(self) -> Iterator[None]:
        with closing(open_store(self._store)) as store:
            prepare(self._journal, store, self._store, self._featuresets)
            self._journal.flush(store, self._featuresets)
        yield

    def _stored_beside(self) -> Iterator[None]:
        """Wait for two rounds, of which the second began after all was read."""
        rounds = self._storing.state.rounds
        while self._storing.state.rounds < rounds + ROUNDS:
            self._storing.hurry()
            yield
