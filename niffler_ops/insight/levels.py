"""Where a clock was changed: series' lags in order of their reception, divided into stretches of one level.

A lag is reception minus acquisition: what the transfer took, less what the clock is fast. Transfers take as
long as they like, but never less than nothing, so a level lies at the lower edge of its lags. Levels are the
hidden states of the cheapest path (Viterbi): a lag at its level costs nothing, a long transfer up to 1, an
arrival before the acquisition up to 3, and each change of level _CHANGE, more the longer the history is. The
costs are bounded, so that single absurd times do not bend the path.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]

AGREE = 2.0  # minutes within which a lag is that of its level
SMALLEST_STEP = 5.0  # minutes; less is a drift
LOW_SHARE = 0.05  # of series, that lag less than what counts as the least lag
_LONG = 10.0  # minutes from which a transfer is just long
_IMPOSSIBLE = 3.0
_CHANGE = 2.5  # three series on each side suffice
_LONGER = 1.5  # the more there is to be mistaken about
_MOST_LEVELS = 200
_FEW, _FEWEST = 10, 3
_TIGHT = 1.5  # minutes


@dataclass(kw_only=True, slots=True)
class _Run:
    """Lags of one level on the path; `edge` is where they begin."""

    start: int
    stop: int
    level: float
    edge: float
    tight: bool


def stretches(lags: Numbers, days: NDArray[np.int64]) -> list[tuple[slice, Numbers]]:
    """The stretches between steps, each with the level that each of its lags is at.

    `days` tells the day of each lag; both are in order of reception.
    """
    if not len(lags):
        return []
    path = _path(lags, _candidates(lags, days))
    ends = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(lags)]
    runs = [_run(lags, path[start], start, stop) for start, stop in pairwise(ends)]
    while (loose := _loose(runs)) is not None:
        _absorb(loose, lags, runs)
    steps = [
        after.start for before, after in pairwise(runs) if abs(after.edge - before.edge) >= SMALLEST_STEP
    ]
    levels = np.repeat([run.level for run in runs], [run.stop - run.start for run in runs])
    return [(slice(*ends), levels[slice(*ends)]) for ends in pairwise([0, *steps, len(lags)])]


def low(values: Numbers, share: float) -> float:
    """The value that this share of the others lies below: one of them, for few the least."""
    return float(np.sort(values)[math.floor(share * (len(values) - 1))])


def _candidates(lags: Numbers, days: NDArray[np.int64]) -> Numbers:
    """Levels that there may be: the lags themselves, or where they are many, each day's least two."""
    if len(lags) > _MOST_LEVELS:
        order = np.lexsort((lags, days))
        first = np.flatnonzero(np.diff(days[order], prepend=days[order[0]] - 1))
        lags = lags[order][np.union1d(first, np.minimum(first + 1, len(lags) - 1))]
    levels, numbers = np.unique(np.round(lags * 2) / 2, return_counts=True)
    return levels[np.sort(np.argsort(-numbers, kind="stable")[:_MOST_LEVELS])]


def _costs(excess: Numbers) -> Numbers:
    late = np.clip((excess - AGREE) / (_LONG - AGREE), 0.0, 1.0)
    early = np.clip(-excess - AGREE / 2, 0.0, _IMPOSSIBLE)
    return late + early


def _path(lags: Numbers, levels: Numbers) -> Numbers:
    """The level of each lag on the cheapest path."""
    change = _CHANGE + _LONGER * max(0.0, math.log(len(lags) / _FEW))
    total = _costs(lags[0] - levels)
    changed = np.zeros((len(lags), len(levels)), dtype=bool)
    origin = np.zeros(len(lags), dtype=np.intp)
    for number in range(1, len(lags)):
        origin[number] = total.argmin()
        cheaper = total[origin[number]] + change
        changed[number] = cheaper < total
        total = np.minimum(total, cheaper) + _costs(lags[number] - levels)
    path = np.empty(len(lags))
    level = total.argmin()
    for number in range(len(lags) - 1, -1, -1):
        path[number] = levels[level]
        if changed[number, level]:
            level = origin[number]
    return path


def _run(lags: Numbers, level: float, start: int, stop: int) -> _Run:
    part = lags[start:stop]
    near = part[part >= level - AGREE]
    edge = low(near, LOW_SHARE) if len(near) else level
    # A few lags above others may be long transfers; as a level of their own they have to agree.
    agreeing = np.count_nonzero(np.abs(part - edge) <= _TIGHT)
    tight = len(part) >= _FEW or (len(part) >= _FEWEST and agreeing >= min(len(part), _FEWEST + 1))
    return _Run(start=start, stop=stop, level=level, edge=edge, tight=bool(tight))


def _loose(runs: list[_Run]) -> int | None:
    """A run above one beside it that is no level of its own."""
    for place, run in enumerate(runs):
        beside = runs[max(place - 1, 0) : place] + runs[place + 1 : place + 2]
        if not run.tight and any(other.edge < run.edge for other in beside):
            return place
    return None


def _absorb(place: int, lags: Numbers, runs: list[_Run]) -> None:
    """Join a run with the nearest of those below it that are beside it, at the level of that one."""
    beside = [other for other in (place - 1, place + 1) if 0 <= other < len(runs)]
    other = max(
        (other for other in beside if runs[other].edge < runs[place].edge), key=lambda it: runs[it].edge
    )
    first, last = sorted((place, other))
    runs[first : last + 1] = [_run(lags, runs[other].level, runs[first].start, runs[last].stop)]
