"""Which rows with problems are shown where there is room for few; pure."""

from collections.abc import Sequence

from niffler_ops.reporting.status import NEWEST_PROBLEMS, Problem, Status
from niffler_ops.reporting.words import number


def few_problems(status: Status) -> tuple[Sequence[Problem], str]:
    """Some of them by line, the newest where that is known, and which of how many; "" where it is all."""
    total = status.rows.problems
    if status.newest_problems:
        return status.newest_problems, f"the newest {len(status.newest_problems)} of {number(total)}"
    first = status.problems[:NEWEST_PROBLEMS]
    return first, f"the first {len(first)} of {number(total)}" if total > len(first) else ""
