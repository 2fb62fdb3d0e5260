"""What the quickest transfers of a stretch lag, with an interval, and how a clock drifts."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from niffler_ops.insight.levels import AGREE, LOW_SHARE, Numbers, low

_LOW_OF_DAYS = 0.1
_DAYS_FOR_RANKS = 8
_DAYS_FOR_DRIFT = 10
_MOST_DAYS = 400  # the slope is taken from all pairs of days
_LEAST_DRIFT = 3.0  # minutes over the whole stretch
_DRIFT_TO_SCATTER = 4.0
_TAIL = 3.0  # -ln 0.05: in 95 of 100 cases the least of n exponential times is below 3/n of their mean
_TWO_SIDED = 1.96


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The least lag in minutes, at the end where it drifts; with 95 % it is from `least` to `most`.

    `agreeing` counts the lags close to it. `drift` is in minutes a day, positive for a clock that goes fast.
    """

    lag: float
    least: float
    most: float
    agreeing: int
    drift: float | None


def estimate(lags: Numbers, days: NDArray[np.int64]) -> Estimate:
    """The low quantile of each day's lags, and a low quantile of the days'."""
    known, place = np.unique(days, return_inverse=True)
    by_day = np.array([low(lags[place == number], LOW_SHARE) for number in range(len(known))])
    slope = _slope((known - known[-1]).astype(float), by_day)
    by_day = by_day - slope * (known - known[-1])
    level = lags - slope * (days - known[-1])
    lag = low(by_day, _LOW_OF_DAYS)
    least, most = _by_rank(by_day) if len(by_day) >= _DAYS_FOR_RANKS else _by_tail(level, lag)
    return Estimate(
        lag=lag,
        least=least,
        most=most,
        agreeing=int(np.count_nonzero(np.abs(level - lag) <= AGREE)),
        drift=-slope or None,
    )


def _slope(days: Numbers, values: Numbers) -> float:
    """Minutes a day by Theil and Sen, the median over all pairs of days; 0 where it is no clear drift."""
    if len(days) < _DAYS_FOR_DRIFT:
        return 0.0
    every = ceil(len(days) / _MOST_DAYS)
    days, values = days[::every], values[::every]
    one, other = np.triu_indices(len(days), 1)
    slope = float(np.median((values[other] - values[one]) / (days[other] - days[one])))
    rest = values - slope * days
    scatter = float(np.median(np.abs(rest - np.median(rest))))
    change = abs(slope) * (days[-1] - days[0])
    return slope if change >= max(_LEAST_DRIFT, _DRIFT_TO_SCATTER * scatter) else 0.0


def _by_rank(by_day: Numbers) -> tuple[float, float]:
    """Between which days' values the low quantile of all days is, by their ranks."""
    ordered, number = np.sort(by_day), len(by_day)
    middle = _LOW_OF_DAYS * (number - 1)
    wide = _TWO_SIDED * sqrt(number * _LOW_OF_DAYS * (1 - _LOW_OF_DAYS))
    return float(ordered[max(int(middle - wide), 0)]), float(ordered[min(ceil(middle + wide), number - 1)])


def _by_tail(lags: Numbers, lag: float) -> tuple[float, float]:
    """For few days: how far below the least of so many lags the least possible one may be."""
    mean = max(float(np.median(lags)) - lag, 0.0) / np.log(2)
    return min(float(lags.min()), lag) - _TAIL * mean / len(lags), lag
