"""What to do about rows with problems, in whatever state the extraction is; pure."""

from collections.abc import Iterator

from niffler_ops.reporting.status import AT_WORK, ExtractionState, Status

WHICH = "what is partial, failed or not found"
STORY = "niffler-status FOLDER --why LINE tells a line's story."


def remedy(status: Status) -> str:
    """In sentences; "" where no row has a problem."""
    return " ".join(_sentences(status))


def _sentences(status: Status) -> Iterator[str]:
    rows = status.rows
    if rows.problems > rows.rejected:
        yield _retry(status.state)
    if rows.rejected:
        yield f"Correct the rejected lines in the CSV and {_again(status.state)}."
    if rows.problems:
        yield STORY


def _retry(state: ExtractionState) -> str:
    if state in AT_WORK:
        return f"When it has ended, the same command with --retry-failed takes up {WHICH}."
    if state is ExtractionState.FINISHED:
        return f"Run the same command again with --retry-failed to take up {WHICH}."
    return f"With --retry-failed it takes up {WHICH}, too."


def _again(state: ExtractionState) -> str:
    again = "run the same command again"
    return f"{again} when it has ended" if state in AT_WORK else again
