"""What the ledger says of a row and its studies, in words; pure. `story` reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from niffler_ops.dicomtools.failures import status_text
from niffler_ops.ledger.passing import Passed
from niffler_ops.ledger.tracing import TracedAttempt, TracedEvent, TracedHandover, TracedRow, TracedStudy
from niffler_ops.reporting.narration import short_name, without_uids
from niffler_ops.reporting.prospects import Prospect
from niffler_ops.reporting.words import counted, duration
from niffler_ops.states import HandoverState, RowState, StudyState


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Something that happened; `at` is ISO 8601."""

    at: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PostStory:
    """What a post-processor made of a study; `ahead` is what will happen next, "" for nothing."""

    processor: str
    text: str
    ahead: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyStory:
    """A study of the row. `name` is its hash of the log, or its UID where identifiers were asked for.

    `missing` names the first of the instances that are missing in the same way; `not_given` says what came
    of other archives while it is not at its end; `command` is the movescu that would ask for it by hand, ""
    where none has run.
    """

    name: str
    state: StudyState
    reason: str
    archive: str
    promised_by: str | None
    verified: str | None
    expected: int
    received: int
    surplus: int
    bytes_received: int
    missing: tuple[str, ...]
    moments: tuple[Moment, ...]
    not_given: tuple[str, ...]
    post: tuple[PostStory, ...]
    ahead: str
    command: str


_QUERIES: Mapping[str, str] = {
    RowState.PENDING: "no complete answer; it is asked for again",
    RowState.MATCHED: "its studies are named",
    RowState.NOT_FOUND: "nothing matches",
    RowState.FAILED: "given up",
    RowState.WITHDRAWN: "withdrawn, its line is not in the CSV any more",
}

_ROW_STEPS: Mapping[str, str] = {
    RowState.PENDING: "taken up again",
    RowState.WITHDRAWN: "withdrawn, its line is not in the CSV any more",
}

_STUDY_STEPS: Mapping[tuple[str | None, str], str] = {
    (None, StudyState.FOUND): "named by the archive",
    (StudyState.FOUND, StudyState.LISTING): "C-FIND: the archive is asked which instances it has",
    (StudyState.FOUND, StudyState.LISTED): "ready to be retrieved",
    (StudyState.LISTING, StudyState.FOUND): "C-FIND: no complete answer",
    (StudyState.LISTING, StudyState.LISTED): "C-FIND: what it promises is known",
    (StudyState.LISTING, StudyState.MOVED): "no archive is left that could have more of it",
    (StudyState.LISTED, StudyState.MOVED): "all that it promises is here already",
    (StudyState.LISTED, StudyState.FOUND): "another archive is asked",
    (StudyState.MOVED, StudyState.LISTED): "to be retrieved again",
    (StudyState.MOVED, StudyState.FOUND): "another archive is asked",
    (StudyState.MOVED, StudyState.RELISTING): "C-FIND: the archive is asked again which instances it has",
    (StudyState.RELISTING, StudyState.MOVED): "C-FIND: the question is answered, or given up",
    (StudyState.MOVED, StudyState.VERIFIED): "judged; its files are on their way to their final path",
    (StudyState.VERIFIED, StudyState.MOVED): "a file was lost before it was durable; judged again",
    (StudyState.DONE, StudyState.FOUND): "more of it is wanted",
    (StudyState.PARTIAL, StudyState.FOUND): "taken up again",
    (StudyState.FAILED, StudyState.FOUND): "taken up again",
}

# The attempts tell of these.
_RETRIEVES = frozenset(
    {
        (StudyState.LISTED, StudyState.MOVING),
        (StudyState.MOVING, StudyState.MOVED),
        (StudyState.MOVING, StudyState.LISTED),
    }
)


class Teller:
    """Without `identifiers` it tells of studies and instances by hash; `most` is MaxAttempts, where known."""

    def __init__(self, prospect: Prospect, *, most: int | None, identifiers: bool) -> None:
        self._prospect = prospect
        self._most = most
        self._identifiers = identifiers

    def words(self, text: str) -> str:
        """A reason as it may be shown."""
        return text if self._identifiers else without_uids(text)

    def row_moments(self, row: TracedRow, events: Sequence[TracedEvent]) -> tuple[Moment, ...]:
        """What the queries for a row came to, and its ends."""
        return tuple(Moment(at=event.at, text=self._row_event(row, event)) for event in events)

    def not_given(self, passed: Mapping[str, Passed]) -> tuple[str, ...]:
        """What came of the archives that were asked in vain or passed over."""
        return tuple(f"{name}: {self.words(one.reason)}" for name, one in passed.items())

    def study(self, study: TracedStudy, events: Sequence[TracedEvent], command: str) -> StudyStory:
        """The story of one study."""
        told = [event for event in events if (event.before, event.after) not in _RETRIEVES]
        moments = [
            *(Moment(at=event.at, text=self._study_event(event)) for event in told),
            *(
                Moment(at=attempt.started_at, text=self._attempt(attempt, number))
                for attempt, number in zip(study.attempted, _numbers(study), strict=True)
            ),
        ]
        return StudyStory(
            name=self._name(study.study_instance_uid),
            state=study.state,
            reason=self.words(study.reason),
            archive=study.archive,
            promised_by=study.promised_by,
            verified=study.verified,
            expected=study.expected,
            received=study.received,
            surplus=study.surplus,
            bytes_received=study.bytes,
            missing=tuple(self._name(uid) for uid in study.missing),
            moments=tuple(sorted(moments, key=lambda moment: moment.at)),
            not_given=self.not_given(study.passed),
            post=tuple(self._post(handover) for handover in study.handovers),
            ahead=self._prospect.study(study),
            command=command,
        )

    def _name(self, uid: str) -> str:
        return uid if self._identifiers else short_name(uid)

    def _row_event(self, row: TracedRow, event: TracedEvent) -> str:
        if event.after == RowState.QUERYING:
            return "C-FIND: an archive is asked for it"
        if event.before == RowState.QUERYING:
            return self._because(f"C-FIND: {_QUERIES.get(event.after, event.after)}", event.reason)
        if event.before == RowState.PENDING and row.same_line is not None:
            return self._because(f"{_spaced(event.after)}, as line {row.same_line}", event.reason)
        return self._because(_ROW_STEPS.get(event.after, _spaced(event.after)), event.reason)

    def _study_event(self, event: TracedEvent) -> str:
        step = _STUDY_STEPS.get((event.before, event.after), _spaced(event.after))
        return self._because(step, event.reason)

    def _because(self, text: str, reason: str) -> str:
        return f"{text}: {self.words(reason)}" if reason else text

    def _attempt(self, attempt: TracedAttempt, number: int | None) -> str:
        how = f"lane {attempt.lane}" if attempt.lane else "by the row's keys"
        head = f"C-MOVE from {attempt.archive}, {how}, level {attempt.level}"
        if attempt.ended_at is None:
            return f"{head}: under way"
        status = "no final response" if attempt.status is None else status_text(attempt.status)
        reason = "" if attempt.reason == status else self.words(attempt.reason)
        charge = self._charge(number) if attempt.charged else "not counted as an attempt"
        took = datetime.fromisoformat(attempt.ended_at) - datetime.fromisoformat(attempt.started_at)
        parts = (status, _counters(attempt), reason, f"took {duration(took)}", charge)
        return f"{head}: {'; '.join(part for part in parts if part)}"

    def _charge(self, number: int | None) -> str:
        if number is None:
            return ""
        return f"attempt {number}" + (f" of {self._most}" if self._most and number <= self._most else "")

    def _post(self, handover: TracedHandover) -> PostStory:
        if handover.state is HandoverState.DONE:
            text = f"done, {counted(handover.files, 'file')}"
            text += f", {handover.held} of them in failures.csv" if handover.held else ""
        else:
            text = self._because(_spaced(handover.state), handover.reason)
        return PostStory(processor=handover.processor, text=text, ahead=self._prospect.handover(handover))


def _numbers(study: TracedStudy) -> list[int | None]:
    """Which attempt each retrieve was; none before it was taken up again, or asked of another archive."""
    charged = [index for index, one in enumerate(study.attempted) if one.charged and one.ended_at is not None]
    counted_now = charged[max(len(charged) - study.attempts, 0) :]
    numbers = {index: number for number, index in enumerate(counted_now, start=1)}
    return [numbers.get(index) for index in range(len(study.attempted))]


def _counters(attempt: TracedAttempt) -> str:
    """The sub-operations as the archive counts them."""
    numbers = (
        (attempt.completed, "sent"),
        (attempt.failed, "failed"),
        (attempt.warning, "with a warning"),
    )
    return ", ".join(f"{number} {what}" for number, what in numbers if number is not None)


def _spaced(state: str) -> str:
    return state.replace("_", " ")
