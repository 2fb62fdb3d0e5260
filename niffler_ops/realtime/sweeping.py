"""All that may be done is done at once: read, store, pass on, delete. A command asks for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from niffler_ops.metadata import Featureset, Journal, open_store
from niffler_ops.realtime.control import answer, pending
from niffler_ops.realtime.deletion import Deletion
from niffler_ops.realtime.intake import Intake
from niffler_ops.realtime.passing import Passing
from niffler_ops.realtime.record import Record
from niffler_ops.realtime.storing import Storing, prepare

LEFT, STORE_AWAY = 3, 75
ROUNDS = 2


class Sweeping:
    """Sweeps step by step: by itself, or in the turns of a receiver that runs."""

    def __init__(
        self,
        control: Path,
        record: Record,
        journal: Journal,
        *,
        intake: Intake,
        storing: Storing,
        passing: Passing,
        deletion: Deletion,
    ) -> None:
        """`control` is the folder of requests."""
        self._control = control
        self._record = record
        self._journal = journal
        self._intake = intake
        self._storing = storing
        self._passing = passing
        self._deletion = deletion
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

    def here(self, store: str, featuresets: Sequence[Featureset]) -> Iterator[None]:
        """Without receiving, storing into `store` by itself. Raises StoreUnavailableError."""

        def stored() -> Iterator[None]:
            with closing(open_store(store)) as opened:
                prepare(self._journal, opened, store, featuresets)
                self._journal.flush(opened, featuresets)
            yield

        return self._swept(stored)

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
        while self._passing.busy:
            self._passing.advance()
            yield
        self._deletion.begin("Sweep")
        while self._deletion.busy:
            self._deletion.advance()
            yield
        yield from self._read_all(sweep=False)  # what came anew while it was about to go

    def _read_all(self, *, sweep: bool) -> Iterator[None]:
        self._intake.advance(sweep=sweep)
        while self._intake.unread:
            yield
            self._intake.advance()

    def _stored_beside(self) -> Iterator[None]:
        """Wait for two rounds, of which the second began after all was read."""
        rounds = self._storing.state.rounds
        while self._storing.state.rounds < rounds + ROUNDS:
            self._storing.hurry()
            yield
