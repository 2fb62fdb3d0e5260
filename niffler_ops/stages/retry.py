"""How long to wait before something is tried again."""

import random

LONGEST_SECONDS = 300.0
JITTER = 1.25
LONGEST_WAIT_SECONDS = LONGEST_SECONDS * JITTER
MOST_DOUBLINGS = 60  # after an archive was away for a night, a float would overflow


def doubled(first: float, times: int, longest: float) -> float:
    """The first one doubled so many times, at most the longest."""
    return min(first * 2.0 ** min(times, MOST_DOUBLINGS), longest)


def retry_delay(first: float, failures: int) -> float:
    """Seconds before the next try after this many failures: doubling, at most five minutes, with jitter.

    The jitter (up to a quarter) keeps what failed together from being tried together.
    """
    delay = doubled(first, max(failures - 1, 0), LONGEST_SECONDS)
    return delay * random.uniform(1.0, JITTER)  # noqa: S311 - no secret
