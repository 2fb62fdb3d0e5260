"""The story of one row: what was asked, what each archive answered, what came, and what will happen next."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from niffler_ops.clock import Clock
from niffler_ops.errors import UsageError
from niffler_ops.layout import SNAPSHOT, Layout
from niffler_ops.ledger.reading import understood
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.tracing import EVENTS_AT_ONCE, TracedEvent, TracedRow, TracedStudy, Tracing
from niffler_ops.reporting.by_hand import query_by_hand, retrieve_by_hand
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.prospects import Prospect
from niffler_ops.reporting.retelling import Moment, StudyStory, Teller
from niffler_ops.reporting.standing import told_attempts
from niffler_ops.reporting.status import Status, gather
from niffler_ops.states import RowState

MOST_STUDIES = 50
MOST_MISSING = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """The story of the row on `line`; `keys` are empty unless identifiers were asked for.

    `not_given` says what came of other archives while it is not at its end; `studies` are the first of
    `studies_total`; `ahead` is what will happen next; `command` is the findscu that would ask for it by
    hand, "" where none has run.
    """

    line: int
    state: RowState
    reason: str
    keys: Mapping[str, str]
    mismatches: int
    untold: int
    moments: tuple[Moment, ...]
    not_given: tuple[str, ...]
    studies: tuple[StudyStory, ...]
    studies_total: int
    ahead: str
    command: str


class _Facts(NamedTuple):
    """What one transaction read."""

    row: TracedRow
    studies: list[TracedStudy]
    studies_total: int
    query: str
    retrieves: list[str]
    last_event: int


def read_story(layout: Layout, line: int, *, clock: Clock, identifiers: bool = False) -> Story:
    """The story of the row on this line of the CSV, the header being 1.

    Without `identifiers` it holds none: neither keys nor UIDs. Raises MissingInputError where there is no
    ledger to read, UsageError where the line is no row.
    """
    status = gather(layout, clock=clock)
    with understood(layout.ledger):
        return _story(layout, line, status, now=clock.now(), identifiers=identifiers)


def _story(layout: Layout, line: int, status: Status, *, now: datetime, identifiers: bool) -> Story:
    prospect = Prospect(state=status.state, pause_reason=status.pause_reason, now=now)
    facts = consult(layout.ledger, lambda ledger: _facts(ledger, line, identifiers=identifiers))
    events = _events(layout, facts)
    teller = Teller(prospect, most=told_attempts(layout, SNAPSHOT), identifiers=identifiers)
    studies = [
        teller.study(study, events["study", study.id], command)
        for study, command in zip(facts.studies, facts.retrieves, strict=True)
    ]
    row = facts.row
    return Story(
        line=row.line,
        state=row.state,
        reason=teller.words(row.reason),
        keys=row.keys if identifiers else {},
        mismatches=row.mismatches,
        untold=row.untold,
        moments=teller.row_moments(row, events["row", row.id]),
        not_given=teller.not_given(row.passed),
        studies=tuple(studies),
        studies_total=facts.studies_total,
        ahead=prospect.row(row),
        command=facts.query,
    )


def _facts(ledger: Ledger, line: int, *, identifiers: bool) -> _Facts:
    tracing = Tracing(ledger)
    row = tracing.row(line)
    if row is None:
        raise _no_row(line, tracing.lines())
    studies = tracing.studies(row.id, limit=MOST_STUDIES, missing=MOST_MISSING)
    return _Facts(
        row=row,
        studies=studies,
        studies_total=tracing.number_of_studies(row.id),
        query=query_by_hand(tracing, row, identifiers=identifiers),
        retrieves=[retrieve_by_hand(tracing, study, identifiers=identifiers) for study in studies],
        last_event=tracing.last_event(),
    )


def _no_row(line: int, lines: tuple[int, int] | None) -> UsageError:
    known = f"its rows are on lines {lines[0]} to {lines[1]}" if lines else "it has no rows"
    return UsageError(f"Line {line} of the CSV is no row: {known}, and blank lines count.")


def _events(layout: Layout, facts: _Facts) -> dict[tuple[str, int], list[TracedEvent]]:
    """The events by what they belong to. Nothing leads to them but all events, read a few at a time."""
    found: dict[tuple[str, int], list[TracedEvent]] = defaultdict(list)
    study_ids = [study.id for study in facts.studies]
    for after in range(0, facts.last_event, EVENTS_AT_ONCE):
        upto = min(after + EVENTS_AT_ONCE, facts.last_event)

        def page(ledger: Ledger, after: int = after, upto: int = upto) -> list[TracedEvent]:
            return Tracing(ledger).events(facts.row.id, study_ids, after=after, upto=upto)

        for event in consult(layout.ledger, page):
            found[event.subject, event.subject_id].append(event)
    return found
