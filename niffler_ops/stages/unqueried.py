"""RetrieveWithoutQuery: where an archive refuses a row's C-FIND, it is retrieved by the row's own keys.

One row at a time, for nothing but the headers of what arrives tells whose it is. Each study that arrives is
recorded at once, and judged like any other: nobody promised anything, so it ends `unverified`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from niffler_ops.dicomtools.failures import failure_reason, status_text
from niffler_ops.dicomtools.movescu import MoveLog, movescu_arguments
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.responses import SUCCESS
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.embedded.echo import Echo
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.rows import ClaimedRow
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import InstanceFile
from niffler_ops.processes.launcher import Child
from niffler_ops.querying import matches
from niffler_ops.stages.believing import is_uid
from niffler_ops.stages.contact import DESTINATION_UNKNOWN, Contact
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.succession import Succession
from niffler_ops.stages.toolfiles import QueryFiles

LANE = 0
KILL_SECONDS = 5.0
MOST_STRANGERS = 20  # instances of other values; an archive that ignores the keys would send all it has
STRANGERS = f"the archive sends studies of other values: more than {MOST_STRANGERS} instances"

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Retrieve:
    """A row that is being retrieved: the studies that came, each with its attempt, and what else did.

    `charged`: whether it was an attempt, for which the archive and our storescp had to be there.
    """

    row: ClaimedRow
    contact: Contact
    begun: float
    progress_at: float
    child: Child | None = None
    log: MoveLog = field(default_factory=MoveLog)
    attempts: dict[int, int] = field(default_factory=dict)
    found: dict[str, FoundStudy] = field(default_factory=dict)
    strangers: int = 0
    ended: MoveOutcome | None = None
    hung: str = ""
    hung_at: float = 0.0
    paused: bool = False
    charged: bool = True


class UnqueriedStage:
    """Retrieves rows that cannot be asked for, one at a time."""

    def __init__(
        self, place: Place, progress: Progress, succession: Succession, *, last_line: int | None = None
    ) -> None:
        self._last_line = last_line
        self._place = place
        self._progress = progress
        self._succession = succession
        self._files = QueryFiles(place.layout.requests / "row")
        self._current: Retrieve | None = None
        self._stopping = False

    @property
    def keywords(self) -> Sequence[str]:
        """The keys by which arrivals are told apart now."""
        return () if self._current is None else tuple(self._current.row.keys)

    def advance(self, *, receiving: bool) -> None:
        """Start the next row, watch the one that runs, conclude the one that is over."""
        current = self._current
        if current is None:
            if receiving and not self._stopping and self._place.gate.is_open:
                self._start()
        elif current.child is not None:
            self._watch(current, current.child)
        elif current.ended is not None and self._is_quiet(current, current.ended):
            self._current = None
            self._progress.sender_of_others = ""
            self._conclude(current, current.ended)

    def stop(self) -> None:
        """End the retrieve; what came is judged in the next run."""
        self._stopping = True
        if self._current is not None and self._current.child is not None:
            self._current.child.terminate()

    def adopt(self, file: InstanceFile, known: Study | None) -> Study | None:
        """The study of an instance that arrived: recorded with the first one that the row asks for.

        `known` is the study that the ledger has, which may be this row's as well; None: a stranger's. The
        caller holds the transaction.
        """
        current = self._current
        if current is None or file.flaw is not None:
            return known
        keys = current.row.keys.items()
        told = all(matches(keyword, asked, file.attributes.get(keyword, "")) for keyword, asked in keys)
        if not told or not is_uid(file.study_instance_uid):  # what is no UID could not be asked for again
            current.strangers += known is None
            return known
        current.progress_at = self._place.clock.monotonic()
        uid = file.study_instance_uid
        if uid in current.found:
            return known
        current.found[uid] = FoundStudy(study_instance_uid=uid, promised_count=None)
        return self._link(current, current.found[uid], known)

    def _link(self, current: Retrieve, found: FoundStudy, known: Study | None) -> Study:
        ledger = self._place.ledger
        study = ledger.rows.adopt(current.row.id, found, archive=current.contact.name)
        if known is None:
            ledger.studies.listed_without_promise(study)
            listed = ledger.studies.get(study)
            current.attempts[study] = ledger.studies.begin_move(listed, lane=LANE, level="STUDY")
        return ledger.studies.get(study)

    def _start(self) -> None:
        ledger = self._place.ledger
        for contact in self._place.contacts:
            if not contact.usable or contact.misconfigured or not contact.load.affords_more:
                continue
            with ledger.transaction():
                row = ledger.rows.claim_unqueried(archive=contact.queue, last_line=self._last_line)
            if row is not None:
                self._retrieve(row, contact)
                return

    def _retrieve(self, row: ClaimedRow, contact: Contact) -> None:
        query_files = self._files.write([query_file(row.keys)])
        now = self._place.clock.monotonic()
        self._current = current = Retrieve(row=row, contact=contact, begun=now, progress_at=now)
        self._progress.sender_of_others = contact.name
        archive = contact.archive
        current.child = self._place.tools.run(
            "movescu",
            movescu_arguments(
                archive=archive.peer,
                calling_aet=archive.calling_aet,
                destination=archive.destination,
                level="STUDY",
                query_files=query_files,
                timeouts=Timeouts(),
                keywords=(*row.keys, "SpecificCharacterSet"),
            ),
            on_line=lambda line: self._line(current, line),
            on_exit=lambda child, code: self._ended(current, child, code),
        )

    def _line(self, current: Retrieve, line: str) -> None:
        response = current.log.feed(line)
        if response is None:
            return
        current.progress_at = self._place.clock.monotonic()
        if not response.pending:
            if response.status == DESTINATION_UNKNOWN:
                current.charged = False
                current.contact.does_not_know_us(self._place.config)
            current.ended = MoveOutcome(
                status=response.status,
                completed=response.completed,
                failed=response.failed,
                warning=response.warning,
                reason="" if response.status == SUCCESS else status_text(response.status),
            )

    def _watch(self, current: Retrieve, child: Child) -> None:
        """End a movescu without answer or arrival for too long, and one that brings strangers' studies."""
        config, now = self._place.config, self._place.clock.monotonic()
        limit = config.idle_timeout if current.found else config.first_instance_timeout
        if self._place.gate.ends_what_runs and not current.paused:
            current.paused = True
            child.terminate()
        elif current.hung:
            if now - current.hung_at > KILL_SECONDS:
                child.kill()
        elif current.strangers > MOST_STRANGERS:
            current.hung, current.hung_at = STRANGERS, now
            child.terminate()
        elif self._silence(current, limit) > limit:
            current.hung, current.hung_at = f"no instance arrived for {limit:g} s", now
            child.terminate()

    def _ended(self, current: Retrieve, child: Child, code: int) -> None:
        current.child = None
        self._place.tools.require_running(child, code)
        if current.ended is not None:
            return
        if self._stopping or current.paused:
            current.charged = False
            current.ended = MoveOutcome(status=None, reason="paused")
            return
        reason = current.hung or failure_reason(child.output)
        self._place.tools.keep_output(child)

        def conclude(echo: Echo) -> None:
            if echo is not Echo.ANSWERED:
                current.contact.lost(echo)
                current.charged = False
            current.ended = MoveOutcome(status=None, reason=reason)

        current.contact.ask(conclude)

    def _is_quiet(self, current: Retrieve, outcome: MoveOutcome) -> bool:
        config = self._place.config
        grace = config.idle_timeout if outcome.status == SUCCESS else config.quiet_time
        return self._silence(current, grace) >= grace and self._progress.all_read()

    def _silence(self, current: Retrieve, limit: float) -> float:
        """Seconds since it came further, with what was begun before it was silent for too long."""
        growth = self._progress.growth_begun_by(current.progress_at + limit)
        return self._place.clock.monotonic() - max(current.progress_at, growth)

    def _conclude(self, current: Retrieve, outcome: MoveOutcome) -> None:
        ledger, row = self._place.ledger, current.row
        with ledger.transaction():
            for study, attempt in current.attempts.items():
                ledger.studies.end_move(study, attempt, outcome, grace=0.0)
            whole = outcome.status == SUCCESS
            now = self._place.clock.monotonic()
            if not current.charged or self._progress.nothing_could_arrive(current.begun, now):
                for study, attempt in current.attempts.items():
                    ledger.studies.refund(study, attempt)
                ledger.rows.ask_again(row.id, delay=0.0, charged=False, reason=outcome.reason)
            elif not whole and not current.hung and row.attempts < self._most:
                delay = retry_delay(self._place.config.retry_delay, row.attempts)
                ledger.rows.ask_again(row.id, delay=delay, charged=True, reason=outcome.reason)
            elif current.found:
                found, untold = current.found.values(), 0 if whole else 1  # there may have been more to come
                ledger.rows.matched(row.id, found, archive=current.contact.name, mismatches=0, untold=untold)
            else:
                self._fail(current, outcome)

    @property
    def _most(self) -> int:
        return self._place.config.max_attempts

    def _fail(self, current: Retrieve, outcome: MoveOutcome) -> None:
        why = current.hung or outcome.reason or "nothing arrived"
        passed = Passed(why=Why.FAILED, reason=f"the archive refuses the query, and by its keys: {why}")
        final = self._succession.row_not_given(current.row.id, current.contact, passed)
        if final is not None:
            self._place.ledger.rows.failed(current.row.id, final.reason)
