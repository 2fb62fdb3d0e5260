"""What will happen next with a row, a study or a handover, and when; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from niffler_ops.ledger.tracing import TracedHandover, TracedRow, TracedStudy
from niffler_ops.reporting.status import ExtractionState
from niffler_ops.reporting.words import duration, local_time
from niffler_ops.states import HandoverState, RowState, StudyState

RETRY = "Nothing by itself; niffler-cold with --retry-failed takes it up again."
CONTINUE = "when the same niffler-cold command is run again"

_ROWS: Mapping[RowState, str] = {
    RowState.MATCHED: "It follows its studies, below.",
    RowState.DONE: "Nothing more: all that it asks for is there.",
    RowState.PARTIAL: RETRY,
    RowState.FAILED: RETRY,
    RowState.NOT_FOUND: RETRY,
    RowState.REJECTED: "Nothing: correct the line in the CSV, and run the same niffler-cold command again.",
    RowState.WITHDRAWN: "Nothing: its line is not in the CSV any more.",
}

_AT_WORK: Mapping[StudyState, str] = {
    StudyState.LISTING: "A findscu is asking the archive which instances it has.",
    StudyState.MOVING: "A movescu has it: it is being retrieved, or waits for its turn in the batch.",
    StudyState.MOVED: "What may still arrive is waited for; then what came is compared with the promise.",
    StudyState.RELISTING: "A findscu is asking again which instances it has.",
    StudyState.VERIFIED: "Its files are on their way to their final path.",
}

_ENDED: Mapping[StudyState, str] = {
    StudyState.DONE: "Nothing more: it is whole and at its final path.",
    StudyState.PARTIAL: RETRY,
    StudyState.FAILED: RETRY,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """How the extraction stands, which decides when anything happens."""

    state: ExtractionState
    pause_reason: str | None
    now: datetime

    def row(self, row: TracedRow) -> str:
        """What will become of a row."""
        if row.state is RowState.PENDING:
            return self._pending(row)
        if row.state is RowState.QUERYING:
            return self._while_running("A findscu is asking the archive for it.", "It is asked for again")
        return _ROWS[row.state]

    def study(self, study: TracedStudy) -> str:
        """What will become of a study."""
        if study.state is StudyState.DONE and study.verified is None:
            return "Nothing more: it is listed, and was not to be retrieved."
        if study.state in _ENDED:
            return _ENDED[study.state]
        if study.state is StudyState.FOUND:
            return f"{study.archive} is asked which instances it has {self._when(study.not_before)}."
        if study.state is StudyState.LISTED:
            return f"It is retrieved from {study.archive} {self._when(study.not_before)}."
        return self._while_running(_AT_WORK[study.state], "It is taken up where it was")

    def handover(self, handover: TracedHandover) -> str:
        """What will become of a study in the hands of a post-processor; "" where nothing will."""
        if handover.state is HandoverState.WAITING:
            return f"It is worked on {self._when(handover.not_before)}."
        if handover.state is HandoverState.PROCESSING:
            return self._while_running("A worker has it.", "It is worked on again")
        return RETRY if handover.state is HandoverState.FAILED else ""

    def _pending(self, row: TracedRow) -> str:
        when = self._when(row.not_before)
        if row.same_line is not None:
            return f"It asks for the same as line {row.same_line}, and follows that one."
        if row.unqueried:
            return f"It is retrieved by its own keys {when}, because the archive refuses its query."
        return f"{row.archive or 'The first archive of SrcAet'} is asked for it {when}."

    def _while_running(self, at_work: str, afterwards: str) -> str:
        if self.state in {ExtractionState.RUNNING, ExtractionState.PAUSED}:
            return at_work
        return f"{afterwards} {CONTINUE}."

    def _when(self, not_before: float) -> str:
        if self.state is ExtractionState.PAUSED:
            return f"after the pause ({self.pause_reason})"
        if self.state is not ExtractionState.RUNNING:
            return CONTINUE
        due = datetime.fromtimestamp(not_before, UTC)
        if due <= self.now:
            return "as soon as its turn comes"
        return f"at {local_time(due)}, in {duration(due - self.now)}"
