"""What stands beside the bars."""

from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.watch.bars import counted, throughput
from niffler_ops.reporting.watch.signs import ASCII


def test_no_pace_is_above_the_peak() -> None:
    """The steps of the line are whole ones: the first seconds are in none of them yet."""
    assert "2.5, peak 2.5" in throughput([0.0, 0.0], 2.5, 80, ASCII).plain
    assert "2.5, peak 9.0" in throughput([9.0, 0.0], 2.5, 80, ASCII).plain


def test_problems_of_many_kinds_are_told_together_where_the_terminal_is_narrow() -> None:
    counts = Counts(
        pending=20_000, active=312, done=15_234, partial=12, failed=33, not_found=4000, rejected=400
    )
    by_name = "15,234 of 39,991 done, 312 at work, 12 partial, 33 failed, 4,000 not found, 400 rejected"
    together = "15,234 of 39,991 done, 312 at work, 4,445 problems"
    assert counted("Rows", counts, 160, ASCII).plain.endswith(by_name)
    narrow = counted("Rows", counts, 80, ASCII).plain
    assert narrow.endswith(together)
    assert len(narrow) == 80
