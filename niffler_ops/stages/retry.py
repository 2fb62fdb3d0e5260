"""How long to wait before something is tried again."""

import random

LONGEST_SECONDS = 300.0
MOST_DOUBLINGS = 60  # after an archive was away for a night, a float would overflow


def retry_delay(first: float, failures: int) -> float:
    """Seconds before the next try after this many failures: doubling, at most five minutes, with jitter.

    The jitter (up to a quarter) keeps what failed together from being tried together.
    """
    doublings = min(max(failures - 1, 0), MOST_DOUBLINGS)
    delay = min(first * 2.0**doublings, LONGEST_SECONDS)
    return delay * random.uniform(1.0, 1.25)  # noqa: S311 - no secret
