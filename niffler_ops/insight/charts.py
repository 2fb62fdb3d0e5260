"""Pictures of the tables: a day of each scanner, an average week, a clock over time."""

from collections.abc import Iterable, Iterator
from datetime import date
from xml.etree.ElementTree import Element

import numpy as np
import pandas as pd

from niffler_ops.insight.drawing import dot, label, line, rectangle, shortened, svg
from niffler_ops.insight.intervals import minutes
from niffler_ops.insight.utilization import WEEKDAYS

_NAMES = 150.0
_ROW, _BAR = 22.0, 14.0
_HOUR = 33.0
_DAY_WIDTH = 24 * _HOUR
_CELL = 24.0
_PLOT_WIDTH, _PLOT_HEIGHT, _PLOT_LEFT = 880.0, 170.0, 60.0
_LEAST_MINUTE = 0.6  # wide enough to be seen
_MARGIN = 10.0  # minutes above and below the levels
_MOST_DOTS = 2000
_SHADES = 5
_SECONDS_OF_DAY = 86_400


def timeline(parts: pd.DataFrame, day: date) -> Element:
    """The encounters of each scanner on a day, divided where patients overlap."""
    devices = parts.groupby("device", sort=True)
    height = _ROW * (len(devices) + 1) + 8
    drawing = svg(_NAMES + _DAY_WIDTH + 20, height, f"Encounters on {day.isoformat()}")
    for hour in range(0, 25, 2):
        x = _NAMES + hour * _HOUR
        line(drawing, "grid", x1=x, y1=0, x2=x, y2=height - _ROW)
        label(drawing, f"{hour}:00", x=x, y=height - 6, kind="middle")
    for number, (_, encounters) in enumerate(devices):
        y = number * _ROW + (_ROW - _BAR) / 2
        label(drawing, shortened(name_of(encounters), _NAMES), x=0, y=y + _BAR - 3)
        _encounters(drawing, encounters, day, y)
    return drawing


def week(table: pd.DataFrame, name: str) -> Element:
    """How much of each hour of the week is active, in per cent; the darker the more."""
    drawing = svg(_NAMES + 24 * _HOUR, 8 * _CELL, f"{name}: utilization by hour and weekday")
    for hour in range(24):
        label(drawing, str(hour), x=_NAMES + (hour + 0.5) * _HOUR, y=_CELL - 8, kind="middle")
    for number, weekday in enumerate(WEEKDAYS):
        label(drawing, weekday, x=0, y=(number + 2) * _CELL - 8)
    for row in table.to_dict("records"):
        share, weekday, hour = row["utilization_percent"], row["weekday"], row["hour"]
        x, y = _NAMES + hour * _HOUR, (weekday + 1) * _CELL
        words = f"{WEEKDAYS[weekday]} {hour}:00, {share:.0f} %, {row['days']} days"
        rectangle(drawing, f"heat{_shade(share)}", x=x, y=y, width=_HOUR - 1, height=_CELL - 1, words=words)
        kind = "middle light" if _shade(share) >= _SHADES - 2 else "middle"
        label(drawing, f"{share:.0f}", x=x + _HOUR / 2, y=y + _CELL - 8, kind=kind)
    return drawing


def clock(lags: pd.DataFrame, stretches: pd.DataFrame) -> Element:
    """What each series says of a clock, and what the stretches between steps are; minutes over time.

    Series that took long lie below what is shown.
    """
    plot = _Plot(lags, stretches)
    drawing = svg(
        _PLOT_LEFT + _PLOT_WIDTH, _PLOT_HEIGHT + 30, f"{name_of(stretches)}: offset of the clock in minutes"
    )
    for mark in _marks(plot.bottom, plot.top):
        y = plot.down(mark)
        line(drawing, "grid", x1=_PLOT_LEFT, y1=y, x2=_PLOT_LEFT + _PLOT_WIDTH, y2=y)
        label(drawing, f"{mark:g}", x=_PLOT_LEFT - 6, y=y + 4, kind="end")
    for moment, kind in ((plot.first, "start"), (plot.last, "end")):
        label(drawing, f"{moment:%Y-%m-%d %H:%M}", x=plot.across(moment), y=_PLOT_HEIGHT + 26, kind=kind)
    seen = lags[-lags["lag_minutes"] >= plot.bottom]
    for row in seen.iloc[:: max(1, -(-len(seen) // _MOST_DOTS))].to_dict("records"):
        dot(drawing, "dot", x=plot.across(row["received"]), y=max(plot.down(-row["lag_minutes"]), 2.0))
    for row in stretches.to_dict("records"):
        x, days = plot.across(row["from"]), (row["to"] - row["from"]).total_seconds() / _SECONDS_OF_DAY
        drift = 0.0 if pd.isna(row["drift_minutes_per_day"]) else row["drift_minutes_per_day"] * days
        y1, y2 = plot.down(row["offset_minutes"] - drift), plot.down(row["offset_minutes"])
        x2 = max(plot.across(row["to"]), x + 2)
        line(drawing, "level", x1=x, y1=y1, x2=x2, y2=y2, words=row["finding"])
    return drawing


class _Plot:
    """Where times and offsets stand."""

    def __init__(self, lags: pd.DataFrame, stretches: pd.DataFrame) -> None:
        self.bottom = float(min(0.0, stretches["low_minutes"].min())) - _MARGIN
        self.top = float(max(0.0, stretches["high_minutes"].max())) + _MARGIN
        self.first, self.last = lags["received"].min(), lags["received"].max()
        self._seconds: float = max((self.last - self.first).total_seconds(), 1.0)

    def across(self, moment: pd.Timestamp) -> float:
        """The x of a time of reception."""
        since: float = (moment - self.first).total_seconds()
        return _PLOT_LEFT + since / self._seconds * (_PLOT_WIDTH - 10)

    def down(self, offset: float) -> float:
        """The y of an offset."""
        return _PLOT_HEIGHT * (self.top - offset) / (self.top - self.bottom) + 8


def bars(labels: Iterable[str], values: "pd.Series[float]", name: str, *, unit: str = "") -> Element:
    """A bar for each label, as long as its value, which stands beside it to a whole number."""
    most = max(float(values.max()), 1.0)
    drawing = svg(_NAMES + _DAY_WIDTH, _ROW * len(values) + 4, name)
    for number, (text, value) in enumerate(zip(labels, values, strict=True)):
        y, width = number * _ROW + (_ROW - _BAR) / 2, value / most * (_DAY_WIDTH - 100)
        label(drawing, shortened(text, _NAMES), x=0, y=y + _BAR - 3)
        if value:
            words = f"{text}: {value:,.0f}{unit}"
            rectangle(drawing, "one", x=_NAMES, y=y, width=max(width, 1), height=_BAR, words=words)
        label(drawing, f"{value:,.0f}{unit}", x=_NAMES + width + 6, y=y + _BAR - 3)
    return drawing


def _encounters(drawing: Element, encounters: pd.DataFrame, day: date, y: float) -> None:
    since = minutes(encounters["start"] - pd.Timestamp(day))
    lasting = minutes(encounters["end"] - encounters["start"])
    for number, (row, start, length) in enumerate(
        zip(encounters.to_dict("records"), since, lasting, strict=True)
    ):
        kind = "overlap" if row["overlaps"] else ("one", "other")[number % 2]
        words = f"{row['start']:%H:%M}-{row['end']:%H:%M}, {length:.0f} min, "
        words += f"{row['modality']} {row['description']}"
        rectangle(
            drawing,
            kind,
            x=_NAMES + start / 60 * _HOUR,
            y=y,
            width=max(length, _LEAST_MINUTE) / 60 * _HOUR,
            height=_BAR,
            words=words + (", overlaps another patient" if row["overlaps"] else ""),
        )


def _marks(bottom: float, top: float) -> Iterator[float]:
    """Round values in a range, about five."""
    rough = (top - bottom) / 5
    whole = 10 ** np.floor(np.log10(rough))
    step = float(next(whole * factor for factor in (1, 2, 5, 10) if whole * factor >= rough))
    yield from (number * step for number in range(int(np.ceil(bottom / step)), int(top // step) + 1))


def _shade(share: float) -> int:
    return min(int(share / 100 * _SHADES), _SHADES - 1)


def name_of(table: pd.DataFrame) -> str:
    """What a scanner is called, after the first row of a table of its own."""
    first = table.iloc[0]
    return str(first["station_name"] or first["device_serial_number"] or "unnamed")
