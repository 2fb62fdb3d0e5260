"""What a supervisor keeps going: retrieval, a relay, or a survey. Each reads as its list of stages."""

from typing import Protocol

from niffler_ops.ledger.studies import Study
from niffler_ops.postprocess.configured import settings_of
from niffler_ops.processes.workers import Workers
from niffler_ops.stages.arrivals import Arrivals
from niffler_ops.stages.cataloguing import CatalogueStage
from niffler_ops.stages.filing import FilingStage
from niffler_ops.stages.handover import HandoverStage
from niffler_ops.stages.listing import ListingStage
from niffler_ops.stages.move import MoveStage
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.query import QueryStage
from niffler_ops.stages.receiver import Receiver
from niffler_ops.stages.reported import ReportedStage
from niffler_ops.stages.succession import Succession
from niffler_ops.stages.unqueried import UnqueriedStage
from niffler_ops.stages.verify import VerifyStage

READERS = 2
FIRST_LISTED = (20, 100)
READER_SECONDS = 1.0  # that a reader may need at the end: what it had not read is read in the next run
QUIET_SECONDS = 0.5  # without an arrival, after which an archive that was stopped sends no more


class Work(Protocol):
    """Something that is advanced turn by turn until it is over."""

    def is_open(self) -> bool:
        """Whether anything is left to do."""
        ...

    def asks(self) -> bool:
        """Whether an archive is needed for it."""
        ...

    def begin(self) -> None:
        """Prepare, while the archive is being asked for the first time."""
        ...

    def advance(self) -> None:
        """One turn of each stage."""
        ...

    def wind_down(self) -> None:
        """Begin nothing more; what runs may finish what it is at."""
        ...

    def settle(self) -> bool:
        """One turn after that; whether nothing runs or arrives any more."""
        ...

    def stop(self) -> None:
        """End what runs."""
        ...

    @property
    def is_writing(self) -> bool:
        """Whether files are on their way to their final path."""
        ...

    def close(self) -> None:
        """Receive nothing more."""
        ...


class Archives:
    """What goes on with each archive at once: rows are asked for, studies listed and retrieved."""

    def __init__(
        self, place: Place, succession: Succession, progress: Progress, *, last_line: int | None
    ) -> None:
        self._queries = [
            QueryStage(place, contact, succession, last_line=last_line, retrieves=True)
            for contact in place.contacts
        ]
        # Two for each archive, because each asks twice, one after the other. They begin with few studies, so
        # that the first retrieve need not wait for many, nor the second one.
        self._listings = [
            ListingStage(place, contact, succession, first_batch=first, last_line=last_line)
            for contact in place.contacts
            for first in FIRST_LISTED
        ]
        self._moves = [MoveStage(place, contact, progress, last_line=last_line) for contact in place.contacts]

    def ask(self, to_relist: list[Study]) -> None:
        """One turn of the queries; what is listed again is taken from `to_relist`."""
        for query in self._queries:
            query.advance()
        for listing in self._listings:
            listing.advance(to_relist)

    def move(self, *, receiving: bool) -> None:
        """One turn of the retrieves."""
        for move in self._moves:
            move.advance(receiving=receiving)

    def wind_down(self) -> None:
        """Begin no further retrieve."""
        for move in self._moves:
            move.wind_down()

    def settle(self) -> bool:
        """Record the answers that still come; whether no movescu runs any more."""
        self.move(receiving=False)
        return not any(move.busy for move in self._moves)

    def stop(self) -> None:
        """End every movescu."""
        for move in self._moves:
            move.stop()


class Retrieval:
    """Query, list, retrieve, verify and file, all at once on whatever is ready.

    `last_line`: only rows up to this line of the CSV.
    """

    def __init__(self, place: Place, *, last_line: int | None = None) -> None:
        self._place = place
        self._last_line = last_line
        self._progress = Progress(place.clock.monotonic())
        self._workers = Workers(READERS, place.tools.launcher.post)
        self._receiver = Receiver(
            place.config.query_aet, place.layout.incoming, place.tools, place.clock, self._progress
        )
        self._succession = Succession(place, last_line=last_line)
        self._archives = Archives(place, self._succession, self._progress, last_line=last_line)
        self._unqueried = UnqueriedStage(place, self._progress, self._succession, last_line=last_line)
        self._arrivals = Arrivals(place, self._workers, self._progress, self._unqueried)
        self._verify = VerifyStage(place, self._progress, self._succession)
        self._filing = FilingStage(place, self._progress)
        self._handover = HandoverStage(place, settings_of(place.config, place.layout))
        self._recorded = False

    def is_open(self) -> bool:
        """Whether a row is not at its end, files are being filed, or a post-processor has work."""
        return self.asks() or self._handover.is_open

    def asks(self) -> bool:
        """Whether a row is not at its end, or files are being filed."""
        return self._place.ledger.open_work(last_line=self._last_line) or self._filing.busy

    def begin(self) -> None:
        """Start the readers."""
        self._arrivals.prepare(READERS)

    def advance(self) -> None:
        """One turn of each stage; of those that retrieve as long as there is anything to retrieve."""
        retrieves = self.asks()
        if retrieves:
            self._retrieve()
        self._handover.advance(alone=not retrieves)

    def wind_down(self) -> None:
        """Begin no further retrieve."""
        self._archives.wind_down()
        self._unqueried.stop()
        self._handover.stop()

    def settle(self) -> bool:
        """Record what still arrives; whether the archives have gone quiet."""
        self._arrivals.advance()
        last = max(self._progress.arrival, self._progress.growth)
        return self._archives.settle() and self._place.clock.monotonic() - last > QUIET_SECONDS

    def stop(self) -> None:
        """End the movescu; what they had not retrieved goes back."""
        self._archives.stop()
        self._unqueried.stop()

    @property
    def is_writing(self) -> bool:
        """Whether files are on their way to their final path."""
        return self._filing.busy

    def close(self) -> None:
        """End storescp and the readers."""
        self._receiver.stop()
        self._workers.stop(patience=READER_SECONDS)

    def _retrieve(self) -> None:
        self._receiver.advance()
        self._archives.ask(self._verify.to_relist)
        self._arrivals.advance()
        for contact in self._place.contacts:
            contact.load.held_back = self._filing.behind
        receiving = self._receiver.ready and self._caught_up() and not self._filing.behind
        self._archives.move(receiving=receiving)
        self._unqueried.advance(receiving=receiving)
        self._verify.advance()
        self._filing.advance()
        self._succession.advance()

    def _caught_up(self) -> bool:
        """Whether what an earlier run left in staging is recorded."""
        self._recorded = self._recorded or (self._arrivals.scanned and self._progress.all_read())
        return self._recorded


class Relay:
    """Query and have the archive send to another system: nothing is received here."""

    def __init__(self, place: Place, *, last_line: int | None = None) -> None:
        self._place = place
        self._last_line = last_line
        self._succession = Succession(place, last_line=last_line)
        progress = Progress(place.clock.monotonic())
        self._archives = Archives(place, self._succession, progress, last_line=last_line)
        self._reported = ReportedStage(place, self._succession)

    def is_open(self) -> bool:
        """Whether a row is not at its end."""
        return self._place.ledger.open_work(last_line=self._last_line)

    def asks(self) -> bool:
        """All of it does."""
        return self.is_open()

    def begin(self) -> None:
        """Nothing to prepare."""

    def advance(self) -> None:
        """One turn of each stage."""
        self._archives.ask([])
        self._archives.move(receiving=True)
        self._reported.advance()
        self._succession.advance()

    def wind_down(self) -> None:
        """Begin no further retrieve."""
        self._archives.wind_down()

    def settle(self) -> bool:
        """Whether no retrieve runs any more."""
        return self._archives.settle()

    def stop(self) -> None:
        """End the movescu; what they had not sent goes back."""
        self._archives.stop()

    @property
    def is_writing(self) -> bool:
        """Nothing is filed."""
        return False

    def close(self) -> None:
        """Nothing receives."""


class Survey:
    """Asks and retrieves nothing; with `catalogue` the answers are kept, and end the rows."""

    def __init__(self, place: Place, *, catalogue: bool, last_line: int | None = None) -> None:
        self._place = place
        self._last_line = last_line
        self._succession = Succession(place, rows_only=not catalogue, last_line=last_line)
        self._queries = [
            QueryStage(place, contact, self._succession, last_line=last_line) for contact in place.contacts
        ]
        self._catalogues = (
            [CatalogueStage(place, contact, self._succession) for contact in place.contacts]
            if catalogue
            else []
        )
        self._stopping = False

    def is_open(self) -> bool:
        """Whether a row is not asked for, or a study not described."""
        if not self._catalogues:
            return self._place.ledger.open_queries(last_line=self._last_line)
        return self._place.ledger.open_work(last_line=self._last_line)

    def asks(self) -> bool:
        """All of it does."""
        return self.is_open()

    def begin(self) -> None:
        """Nothing to prepare."""

    def advance(self) -> None:
        """One turn of each stage."""
        if self._stopping:
            return
        for query in self._queries:
            query.advance()
        for catalogue in self._catalogues:
            catalogue.advance()
        self._succession.advance()

    def wind_down(self) -> None:
        """Ask nothing more."""
        self._stopping = True

    def settle(self) -> bool:
        """Nothing is retrieved."""
        return True

    def stop(self) -> None:
        """Ask nothing more."""
        self._stopping = True

    @property
    def is_writing(self) -> bool:
        """Nothing is filed."""
        return False

    def close(self) -> None:
        """Nothing receives."""
