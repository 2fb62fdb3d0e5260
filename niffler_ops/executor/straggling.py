"""Which batch is so late that it is worth a second start; the first of the two that ends counts."""

from collections.abc import Sequence
from statistics import median

FEWEST = 3
TIMES = 3
SHORTEST_SECONDS = 10.0


def is_straggling(waited: float, files: int, paces: Sequence[float]) -> bool:
    """Whether a study of so many files takes much longer than others took: three times, and ten seconds more.

    `waited` are the seconds since its batch gave the last sign, `paces` the seconds a file that others took.
    """
    return len(paces) >= FEWEST and waited > SHORTEST_SECONDS + TIMES * median(paces) * files
