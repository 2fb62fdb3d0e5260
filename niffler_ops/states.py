"""Every state of rows, studies and handovers, the tables of transitions, and how a row follows its studies.

States that end in -ing are in flight: a process works on them. Recovery rewinds exactly those.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class RowState(StrEnum):
    """Where one CSV line stands."""

    PENDING = "pending"  # not yet asked of the archive
    QUERYING = "querying"  # a findscu is asking for it
    MATCHED = "matched"  # its studies are known and not all at their end
    DONE = "done"  # every study it matches is done
    PARTIAL = "partial"  # its studies ended differently, one is partial, or not all that match are known
    FAILED = "failed"  # the query or every study failed
    NOT_FOUND = "not_found"  # the archive answered that nothing matches
    REJECTED = "rejected"  # the line itself cannot be asked
    WITHDRAWN = "withdrawn"  # the line is not in the CSV any more


class StudyState(StrEnum):
    """Where one study of the archive stands."""

    FOUND = "found"  # a query named it
    LISTING = "listing"  # a findscu asks which instances it has
    LISTED = "listed"  # what it promises is known; it may be retrieved
    MOVING = "moving"  # a movescu was given it
    MOVED = "moved"  # nobody asks for it; its instances may still arrive
    RELISTING = "relisting"  # a findscu asks again what it has, because arrival and promise differ
    VERIFIED = "verified"  # compared with the promise; its paths are decided and its files on their way
    DONE = "done"  # complete and durable at its final path
    PARTIAL = "partial"  # some instances could not be had; those that came are at their final path
    FAILED = "failed"  # nothing of it could be had


class HandoverState(StrEnum):
    """Where one done study stands with one post-processor."""

    WAITING = "waiting"  # to be worked on
    PROCESSING = "processing"  # a worker was given it
    DONE = "done"  # worked on to its end; single files may be listed in failures.csv
    FAILED = "failed"  # given up


ROW_TRANSITIONS: Mapping[RowState, frozenset[RowState]] = {
    RowState.PENDING: frozenset(
        {RowState.QUERYING, RowState.MATCHED, RowState.NOT_FOUND, RowState.FAILED, RowState.WITHDRAWN}
        # matched, not found and failed directly: a row identical with one that was asked
    ),
    RowState.QUERYING: frozenset(
        {RowState.PENDING, RowState.MATCHED, RowState.NOT_FOUND, RowState.FAILED, RowState.WITHDRAWN}
    ),
    RowState.MATCHED: frozenset({RowState.DONE, RowState.PARTIAL, RowState.FAILED, RowState.WITHDRAWN}),
    RowState.DONE: frozenset({RowState.WITHDRAWN}),
    RowState.PARTIAL: frozenset({RowState.PENDING, RowState.MATCHED, RowState.WITHDRAWN}),
    RowState.FAILED: frozenset({RowState.PENDING, RowState.MATCHED, RowState.WITHDRAWN}),
    RowState.NOT_FOUND: frozenset({RowState.PENDING, RowState.WITHDRAWN}),
    RowState.REJECTED: frozenset({RowState.WITHDRAWN}),
    RowState.WITHDRAWN: frozenset({RowState.PENDING, RowState.REJECTED}),
}

STUDY_TRANSITIONS: Mapping[StudyState, frozenset[StudyState]] = {
    StudyState.FOUND: frozenset({StudyState.LISTING, StudyState.LISTED}),
    StudyState.LISTING: frozenset(
        {
            StudyState.FOUND,
            StudyState.LISTED,
            StudyState.MOVED,  # no archive is left that could have it
            StudyState.DONE,  # this and the next: in the CFIND modes, where nothing is retrieved
            StudyState.PARTIAL,
        }
    ),
    StudyState.LISTED: frozenset(
        {StudyState.MOVING, StudyState.MOVED, StudyState.FOUND}
        # found: its archive does not answer any more, and another one is asked
    ),
    StudyState.MOVING: frozenset({StudyState.LISTED, StudyState.MOVED}),
    StudyState.MOVED: frozenset(
        {
            StudyState.LISTED,
            StudyState.FOUND,  # another archive is asked for what this one did not give
            StudyState.RELISTING,
            StudyState.VERIFIED,
            StudyState.FAILED,
            StudyState.DONE,  # this and the next: sent to another system, as the archive reports
            StudyState.PARTIAL,
        }
    ),
    StudyState.RELISTING: frozenset({StudyState.MOVED}),
    StudyState.VERIFIED: frozenset({StudyState.DONE, StudyState.PARTIAL, StudyState.MOVED}),
    StudyState.DONE: frozenset({StudyState.FOUND}),  # more of its series are wanted
    StudyState.PARTIAL: frozenset({StudyState.FOUND}),
    StudyState.FAILED: frozenset({StudyState.FOUND}),
}

HANDOVER_TRANSITIONS: Mapping[HandoverState, frozenset[HandoverState]] = {
    HandoverState.WAITING: frozenset({HandoverState.PROCESSING}),
    HandoverState.PROCESSING: frozenset({HandoverState.WAITING, HandoverState.DONE, HandoverState.FAILED}),
    # From both ends: taken up again by --retry-failed, after other settings, or because the study has grown.
    HandoverState.DONE: frozenset({HandoverState.WAITING}),
    HandoverState.FAILED: frozenset({HandoverState.WAITING}),
}

ROW_REWINDS: Mapping[RowState, RowState] = {RowState.QUERYING: RowState.PENDING}

STUDY_REWINDS: Mapping[StudyState, StudyState] = {
    StudyState.LISTING: StudyState.FOUND,
    StudyState.MOVING: StudyState.MOVED,  # the archive may still be sending
    StudyState.RELISTING: StudyState.MOVED,
}

HANDOVER_REWINDS: Mapping[HandoverState, HandoverState] = {HandoverState.PROCESSING: HandoverState.WAITING}

ROW_ENDS = frozenset(
    {
        RowState.DONE,
        RowState.PARTIAL,
        RowState.FAILED,
        RowState.NOT_FOUND,
        RowState.REJECTED,
        RowState.WITHDRAWN,
    }
)
STUDY_ENDS = frozenset({StudyState.DONE, StudyState.PARTIAL, StudyState.FAILED})
HANDOVER_ENDS = frozenset({HandoverState.DONE, HandoverState.FAILED})


def check_row_transition(before: RowState, after: RowState) -> None:
    """Raise ValueError where the table does not list the step."""
    if after not in ROW_TRANSITIONS[before]:
        raise ValueError(f"a row cannot go from {before} to {after}")


def check_study_transition(before: StudyState, after: StudyState) -> None:
    """Raise ValueError where the table does not list the step."""
    if after not in STUDY_TRANSITIONS[before]:
        raise ValueError(f"a study cannot go from {before} to {after}")


def check_handover_transition(before: HandoverState, after: HandoverState) -> None:
    """Raise ValueError where the table does not list the step."""
    if after not in HANDOVER_TRANSITIONS[before]:
        raise ValueError(f"a handover cannot go from {before} to {after}")


def row_outcome(studies: Iterable[StudyState], *, untold: int = 0) -> RowState:
    """The state of a row that matched these studies (at least one).

    `untold` is the number of studies that may match as well, of which the archive did not tell.
    """
    states = set(studies)
    if not states:
        raise ValueError("a row without studies has no outcome")
    if not states <= STUDY_ENDS:
        return RowState.MATCHED
    if states == {StudyState.DONE} and not untold:
        return RowState.DONE
    if states == {StudyState.FAILED}:
        return RowState.FAILED
    return RowState.PARTIAL
