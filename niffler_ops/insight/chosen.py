"""The table of utilization that was chosen, as a section of the page."""

from collections.abc import Callable
from typing import NamedTuple
from xml.etree.ElementTree import Element

import pandas as pd

from niffler_ops.insight import charts
from niffler_ops.insight.pages import MOST_ROWS, table_section
from niffler_ops.insight.utilization import percent

MOST_BARS = 40


class _Kind(NamedTuple):
    title: str
    words: str = ""
    chart: Callable[[pd.DataFrame], Element] | None = None


class Chosen:
    """What the page shows of a table in parts: its beginning, or all of it where it has a chart."""

    def __init__(self, by: str) -> None:
        self._kind = _KINDS[by]
        self._parts: list[pd.DataFrame] = []
        self._rows = 0

    def add(self, table: pd.DataFrame) -> None:
        """A further part."""
        begun = MOST_ROWS - self._rows
        self._rows += len(table)
        if self._kind.chart is not None:
            self._parts.append(table)
        elif begun > 0:
            self._parts.append(table.head(begun))

    def section(self) -> Element:
        """The chart and the table."""
        filled = [part for part in self._parts if len(part)]
        table = pd.concat(filled, ignore_index=True) if filled else self._parts[0]
        drawn = [("", self._kind.chart(table))] if self._kind.chart is not None and len(table) else []
        words = self._kind.words if drawn else ""
        return table_section(self._kind.title, table, of=self._rows, words=words, charts=drawn)


def _modalities(table: pd.DataFrame) -> Element:
    sums = table.groupby("modality")[["active_minutes", "on_minutes"]].sum()
    used = percent(sums["active_minutes"], sums["on_minutes"])
    return charts.bars(sums.index, used, "Utilization of each modality", unit=" %")


def _hours(table: pd.DataFrame) -> Element:
    days = table.drop_duplicates(["device", "weekday"])["days"].sum()
    active = table.groupby("hour")["active_minutes"].sum().reindex(range(24), fill_value=0.0)
    hours = [f"{hour}:00" for hour in active.index]
    return charts.bars(hours, active / days, "Active minutes of each hour of the day", unit=" min")


def _descriptions(table: pd.DataFrame) -> Element:
    most = table.sort_values("exams", ascending=False, kind="stable").head(MOST_BARS)
    names = (
        most["modality"] + " " + most["description"].where(most["description"] != "", "without description")
    )
    return charts.bars(names, most["mean_minutes"], "Mean length of the exams of a description", unit=" min")


_KINDS = {
    "modality": _Kind("Modalities by day", "Active time over on-time of all days, in per cent.", _modalities),
    "gap": _Kind("Idle times between encounters"),
    "exam": _Kind("Exams"),
    "encounter": _Kind("Encounters"),
    "hour": _Kind(
        "Hours of the week", "Active minutes of each hour of the day, mean of scanners and days.", _hours
    ),
    "description": _Kind(
        "Exams by description", f"Mean minutes of an exam, of the {MOST_BARS} most frequent.", _descriptions
    ),
}
