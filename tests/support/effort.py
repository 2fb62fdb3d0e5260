"""How the effort grows with the length of a text, whatever the machine and its load."""

import time
from collections.abc import Callable

_LENGTH, _TIMES, _TRIES = 2000, 4, 3
_LINEAR = 10  # quadratic would be 16


def grows_with_the_length_alone(work: Callable[[str], object], unit: str) -> bool:
    """Whether four times as much of `unit`, with something else at the end, is about four times the work."""
    short, long = (
        _effort(work, unit * (length // len(unit)) + "!") for length in (_LENGTH, _TIMES * _LENGTH)
    )
    return long < _LINEAR * short


def _effort(work: Callable[[str], object], text: str) -> float:
    """Seconds of the processor, the least of several tries."""
    efforts = []
    for _ in range(_TRIES):
        before = time.process_time()
        work(text)
        efforts.append(time.process_time() - before)
    return min(efforts)
