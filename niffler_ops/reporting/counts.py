"""The states of rows and studies in the few words of status and scripts."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

from niffler_ops.ledger.handovers import SUBJECT
from niffler_ops.states import HandoverState, RowState, StudyState

ROW_GROUPS: Mapping[RowState, str] = {
    RowState.PENDING: "pending",
    RowState.QUERYING: "active",
    RowState.MATCHED: "active",
    RowState.DONE: "done",
    RowState.PARTIAL: "partial",
    RowState.FAILED: "failed",
    RowState.NOT_FOUND: "not_found",
    RowState.REJECTED: "rejected",
    RowState.WITHDRAWN: "withdrawn",
}

STUDY_GROUPS: Mapping[StudyState, str] = {
    StudyState.FOUND: "pending",  # until the archive is asked to send it, a study waits
    StudyState.LISTING: "pending",
    StudyState.LISTED: "pending",
    StudyState.MOVING: "active",
    StudyState.MOVED: "active",
    StudyState.RELISTING: "active",
    StudyState.VERIFIED: "active",
    StudyState.DONE: "done",
    StudyState.PARTIAL: "partial",
    StudyState.FAILED: "failed",
}

POST_GROUPS: Mapping[str, str] = {HandoverState.WAITING: "pending", HandoverState.PROCESSING: "active"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many rows or studies wait, are worked on, or ended how; a study is never the last three."""

    pending: int = 0
    active: int = 0
    done: int = 0
    partial: int = 0
    failed: int = 0
    not_found: int = 0
    rejected: int = 0
    withdrawn: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def open(self) -> int:
        """Those not at their end."""
        return self.pending + self.active

    def at_rest(self) -> Self:
        """The same where nobody is at work: what was worked on waits for the next run."""
        return replace(self, pending=self.open, active=0)

    @property
    def problems(self) -> int:
        """Those that ended otherwise than done."""
        return self.partial + self.failed + self.not_found + self.rejected


def row_counts(tallies: Mapping[tuple[str, str], int]) -> Counts:
    """The rows of the CSV, from the ledger's tallies."""
    return _counts("row", ROW_GROUPS, tallies)


def study_counts(tallies: Mapping[tuple[str, str], int]) -> Counts:
    """The studies that the archive named, from the ledger's tallies."""
    return _counts("study", STUDY_GROUPS, tallies)


@dataclass(frozen=True, kw_only=True, slots=True)
class PostCounts:
    """How many studies a post-processor has to do and has done, their `files`, and those that were `held`."""

    pending: int = 0
    active: int = 0
    done: int = 0
    failed: int = 0
    files: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        """All studies of it."""
        return self.pending + self.active + self.done + self.failed


def post_counts(tallies: Mapping[tuple[str, str], int]) -> dict[str, PostCounts]:
    """The work of each post-processor, from the ledger's tallies."""
    numbers: dict[str, dict[str, int]] = {}
    for (subject, name), number in tallies.items():
        if subject.startswith(SUBJECT):
            group = POST_GROUPS.get(name, name)
            numbers.setdefault(subject.removeprefix(SUBJECT), {})[group] = number
    return {processor: PostCounts(**counts) for processor, counts in sorted(numbers.items())}


def _counts(
    subject: str,
    groups: Mapping[RowState, str] | Mapping[StudyState, str],
    tallies: Mapping[tuple[str, str], int],
) -> Counts:
    numbers: dict[str, int] = {}
    for state, group in groups.items():
        numbers[group] = numbers.get(group, 0) + tallies.get((subject, state), 0)
    return Counts(**numbers)
