"""What stands beside the bars."""

from niffler_ops.reporting.watch.bars import throughput
from niffler_ops.reporting.watch.signs import ASCII


def test_no_pace_is_above_the_peak() -> None:
    """The steps of the line are whole ones: the first seconds are in none of them yet."""
    assert "2.5, peak 2.5" in throughput([0.0, 0.0], 2.5, 80, ASCII).plain
    assert "2.5, peak 9.0" in throughput([9.0, 0.0], 2.5, 80, ASCII).plain
