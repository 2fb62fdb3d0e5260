"""A line of a table: our figure, the reference's, and how they stand to each other and to the goal.

The machine may be busy with other things, so that a figure by itself says little. Ours and the reference
take turns, each pair gives a ratio, and the median of the ratios is what is compared with the goal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeVar

Ours = TypeVar("Ours")
Reference = TypeVar("Reference")


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """Where a figure stands on the curve `name`: at which number `over` which it is drawn."""

    name: str
    over: str
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """`ratio` is ours to the reference; `reached` None where there is no goal."""

    what: str
    unit: str
    ours: float
    reference: float | None = None
    ratio: float | None = None
    goal: str = ""
    reached: bool | None = None
    curve: Point | None = None

    def on(self, name: str, over: str, at: float) -> "Row":
        """The same, as a point of a curve."""
        return replace(self, curve=Point(name=name, over=over, at=at))


def alternately(
    rounds: int, ours: Callable[[], Ours], reference: Callable[[], Reference]
) -> list[tuple[Ours, Reference]]:
    """Run both so many times, each first in every other round."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            own = ours()
            pairs.append((own, reference()))
        else:
            other = reference()
            pairs.append((ours(), other))
    return pairs


def by_ratio(
    what: str, unit: str, pairs: Sequence[tuple[float, float]], *, at_least: float | None = None
) -> Row:
    """A rate, better when larger, against the reference's."""
    ratio = median(ours / reference for ours, reference in pairs)
    return Row(
        what=what,
        unit=unit,
        ours=median(ours for ours, _ in pairs),
        reference=median(reference for _, reference in pairs),
        ratio=ratio,
        goal="" if at_least is None else f"≥ {at_least:g} x",
        reached=None if at_least is None else ratio >= at_least,
    )


def by_difference(
    what: str, unit: str, pairs: Sequence[tuple[float, float]], *, at_most: float | None = None
) -> Row:
    """A duration, better when smaller, that may exceed the reference's by so much."""
    excess = median(ours - reference for ours, reference in pairs)
    return Row(
        what=what,
        unit=unit,
        ours=median(ours for ours, _ in pairs),
        reference=median(reference for _, reference in pairs),
        ratio=median(ours / reference for ours, reference in pairs),
        goal="" if at_most is None else f"≤ {at_most:g} more",
        reached=None if at_most is None else excess <= at_most,
    )


def by_limit(
    what: str,
    unit: str,
    values: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    reference: float | None = None,
) -> Row:
    """A figure with a limit of its own; the reference, where there is one, only tells what is possible."""
    ours = median(values)
    goal, reached = "", None
    if at_most is not None:
        goal, reached = f"≤ {at_most:g}", ours <= at_most
    elif at_least is not None:
        goal, reached = f"≥ {at_least:g}", ours >= at_least
    return Row(
        what=what,
        unit=unit,
        ours=ours,
        reference=reference,
        ratio=None if reference is None else ours / reference,
        goal=goal,
        reached=reached,
    )
