"""How often which value of the modality occurs: over an image, or added up over a series."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from niffler_ops.png.voi import Limits

_PRECISION = 17
"""Bits to which values are told apart: whole numbers below 131 072 are exact, and memory is bounded."""


def _none() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spread:
    """Distinct values in ascending order, and how many pixels have each; the extremes are exact."""

    values: NDArray[np.float64] = field(default_factory=_none)
    counts: NDArray[np.float64] = field(default_factory=_none)
    least: float = np.inf
    largest: float = -np.inf

    def __add__(self, other: "Spread") -> "Spread":
        """Both together."""
        if not len(other.values):
            return self
        return _spread(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.counts, other.counts]),
            (min(self.least, other.least), max(self.largest, other.largest)),
        )

    def limits(self, low: float = 0.0, high: float = 100.0) -> Limits:
        """The values that `low` and `high` percent of the pixels do not exceed (nearest rank).

        0 and 100 are the least and the largest. Where there is no pixel at all: 0 and 0.
        """
        if not len(self.values):
            return Limits(0.0, 0.0)
        ranks = np.cumsum(self.counts)
        first, last = (int(np.searchsorted(ranks, share / 100 * ranks[-1])) for share in (low, high))
        top = len(self.values) - 1
        return Limits(
            self.least if low <= 0 else float(self.values[min(first, top)]),
            self.largest if high >= 100 else float(self.values[min(last, top)]),  # noqa: PLR2004 - percent
        )


def spread_of(values: NDArray[np.float64], counts: NDArray[np.integer] | None = None) -> Spread:
    """How often each of `values` occurs: once, or as `counts` say. Infinities and NaN are left out."""
    finite = np.isfinite(values)
    weights = np.ones(values.shape) if counts is None else counts.astype(np.float64)
    if not finite.all():
        values, weights = values[finite], weights[finite]
    if not values.size:
        return Spread()
    return _spread(values.ravel(), weights.ravel(), (float(values.min()), float(values.max())))


def _spread(
    values: NDArray[np.float64], counts: NDArray[np.float64], extremes: tuple[float, float]
) -> Spread:
    fraction, exponent = np.frexp(values)
    rounded = np.ldexp(np.rint(np.ldexp(fraction, _PRECISION)), exponent - _PRECISION)
    distinct, position = np.unique(rounded, return_inverse=True)
    return Spread(
        values=distinct,
        counts=np.bincount(position, counts).astype(np.float64),
        least=extremes[0],
        largest=extremes[1],
    )
