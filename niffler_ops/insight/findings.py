"""What is wrong with a clock, in words: since when, by how much, and what to do about it."""

from dataclasses import dataclass

import pandas as pd

RIGHT_WITHIN = 2.0  # minutes
_ZONE = 15.0  # minutes that zones differ by, or several times as much
_SMALLEST_ZONE = 30.0
_ZONE_WITHIN = 1.5
_MANY, _SOME = 8, 3
_NARROW, _WIDE = 3.0, 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A scanner's clock between two steps, in minutes; `offset` is positive where it is fast.

    `first` and `last` are times of reception, `step` what the clock was moved by at the first.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    offset: float
    low: float
    high: float
    series: int
    agreeing: int
    step: float | None
    drift: float | None
    latest: bool

    @property
    def confidence(self) -> str:
        """high, medium or low: by how many series agree, and how wide the interval is."""
        width = self.high - self.low
        if self.agreeing >= _MANY and width <= _NARROW:
            return "high"
        return "medium" if self.agreeing >= _SOME and width <= _WIDE else "low"


def finding(stretch: Stretch, *, common: float | None = None) -> str:
    """In words; `common` is what most scanners' clocks seem to be wrong by."""
    zone = "" if stretch.drift is not None else _like_zone(stretch.offset)
    parts = [_state(stretch, zone)]
    if stretch.step is not None:
        way = "forward" if stretch.step > 0 else "back"
        hint = "" if zone else _like_zone(stretch.step)
        parts.append(
            f"it was moved {way} by {_minutes(stretch.step)} before {stretch.first:%Y-%m-%d %H:%M}{hint}"
        )
    if stretch.drift is not None:
        way = "gains" if stretch.drift > 0 else "loses"
        parts.append(f"it {way} {abs(stretch.drift):.2f} minutes a day: let it follow a time server")
    if common is not None and abs(common) > RIGHT_WITHIN >= abs(stretch.offset - common) and stretch.latest:
        parts.append("most scanners seem wrong by as much: look at the receiver's clock and zone first")
    if stretch.confidence == "low":
        parts.append(f"uncertain: {stretch.agreeing} of {stretch.series} series agree")
    return "; ".join(parts)


def _state(stretch: Stretch, zone: str) -> str:
    offset = stretch.offset
    verb, size = ("is" if stretch.latest else "was"), _minutes(offset)
    if abs(offset) <= RIGHT_WITHIN:
        return f"the clock {verb} right within {RIGHT_WITHIN:.0f} minutes"
    if offset > 0:
        remedy = f"set it back by {size}" if stretch.latest else f"take {size} off its times"
        return f"the clock {verb} fast by {size}{zone}: {remedy}"
    remedy = f"set it forward by {size}" if stretch.latest else f"add {size} to its times"
    return f"the clock {verb} slow by {size}{zone}, unless each transfer takes as long: {remedy}"


def _like_zone(offset: float) -> str:
    """Whether it is what zones differ by, and not what a clock drifts."""
    whole = round(offset / _ZONE) * _ZONE
    if abs(whole) < _SMALLEST_ZONE or abs(offset - whole) > _ZONE_WITHIN:
        return ""
    return " (like a time zone or daylight saving)"


def _minutes(offset: float) -> str:
    return f"{abs(offset):.1f}".removesuffix(".0") + " minutes"
