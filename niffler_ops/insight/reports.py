"""What the command asks for: an analysis run over a source, its tables, and its page."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Protocol
from xml.etree.ElementTree import Element

import pandas as pd

from niffler_ops.insight import charts
from niffler_ops.insight.chosen import Chosen
from niffler_ops.insight.clocks import clocks, lags, thinned
from niffler_ops.insight.exams import encounters, exams, pieces
from niffler_ops.insight.intervals import divided
from niffler_ops.insight.pages import page, section, table_section
from niffler_ops.insight.reading import Source, series_table
from niffler_ops.insight.scanners import Census
from niffler_ops.insight.utilization import descriptions, gaps, hours, modalities, utilization, weekdays
from niffler_ops.metadata.stores import Days

MOST_CHARTS = 40
BY_DAY: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "scanner": utilization,
    "modality": modalities,
    "gap": gaps,
    "exam": exams,
    "encounter": lambda series: encounters(exams(series)),
}
BY = (*BY_DAY, "hour", "description")
_WEEK = ["device", "weekday", "hour"]


class Report(Protocol):
    """An analysis of a source, which is read once."""

    def tables(self) -> Iterator[pd.DataFrame]:
        """The table in parts, the first of which may be empty; to be called once."""
        ...

    def page(self) -> bytes:
        """The page, after the tables."""
        ...


class UtilizationReport:
    """How scanners are used, `by` one of BY; with `pictures` what the page needs is kept."""

    def __init__(self, source: Source, *, by: str = "scanner", pictures: bool = True) -> None:
        self._source, self._by = source, by
        self._keep = pictures or by == "hour"
        nothing = series_table([])
        self._days, self._week = utilization(nothing), hours(nothing)
        self._descriptions = descriptions(exams(nothing))
        self._latest: tuple[date, pd.DataFrame] | None = None
        self._most = 0  # scanners on a day
        self._chosen = Chosen(by) if pictures and by != "scanner" else None

    def tables(self) -> Iterator[pd.DataFrame]:
        """See Report."""
        for table in self._tables():
            if self._chosen is not None:
                self._chosen.add(table)
            yield table

    def _tables(self) -> Iterator[pd.DataFrame]:
        analysis = BY_DAY.get(self._by)
        if analysis is not None:
            yield analysis(series_table([]))
        for first, last, series in self._source.around_days():
            days = None
            if analysis is not None:
                table = _between(first, last, analysis(series))
                days = table if self._by == "scanner" else None
                yield table
            elif self._by == "description":
                found = descriptions(_between(first, last, exams(series)))
                self._descriptions = descriptions(together(self._descriptions, found))
            if self._keep:
                self._add(first, last, series, days)
        if analysis is None:
            yield self._descriptions if self._by == "description" else weekdays(self._week, self._days)

    def page(self) -> bytes:
        """See Report."""
        sections = [] if self._chosen is None else [self._chosen.section()]
        if self._latest is not None:
            day, parts = self._latest
            words = "Encounters of each scanner; red where another patient is on it at the same time."
            sections.append(section(f"{day:%A, %Y-%m-%d}", words, [("", charts.timeline(parts, day))]))
        if len(self._days):
            sections.append(self._weeks())
        sections.append(table_section("Scanners by day", self._days))
        return page("Utilization of scanners", "Active time over on-time, in per cent.", sections)

    def _add(self, first: date, last: date, series: pd.DataFrame, days: pd.DataFrame | None) -> None:
        if days is None:
            days = _between(first, last, utilization(series))
        self._days = together(self._days, days)
        active = _between(first, last, hours(series))
        week = together(self._week, active).groupby(_WEEK)["active_minutes"]
        self._week = week.sum().reset_index()
        day = self._ordinary(days)
        if day is not None:
            self._latest = day, _between(day, day, divided(pieces(encounters(exams(series)))))

    def _ordinary(self, days: pd.DataFrame) -> date | None:
        """The last day of these on which many scanners were used; a single one may have a wrong clock."""
        used = days.groupby("date")["device"].nunique()
        self._most = max(self._most, int(used.max()) if len(used) else 0)
        ordinary = used[used * 2 > self._most]
        return ordinary.index.max().date() if len(ordinary) else None

    def _weeks(self) -> Element:
        all_days, all_active = self._days.assign(device=""), self._week.assign(device="")
        pictures = [("All scanners", charts.week(weekdays(all_active, all_days), "All scanners"))]
        by_device = weekdays(self._week, self._days).groupby("device")
        for device, table in list(by_device)[:MOST_CHARTS]:
            name = charts.name_of(table) or str(device)
            pictures.append((name, charts.week(table, name)))
        words = "Active minutes of each hour, in per cent, over the days on which a scanner is used."
        return section("The week", words, pictures)


class ClockReport:
    """Which clocks are wrong; `quickest` is what the quickest transfer takes, in minutes."""

    def __init__(self, source: Source, *, quickest: float = 0.0) -> None:
        self._source, self._quickest = source, quickest
        self._lags = thinned(lags(series_table([])))
        self._clocks = clocks(self._lags)

    def tables(self) -> Iterator[pd.DataFrame]:
        """See Report."""
        parts = [part for series in self._source.received_days() if len(part := thinned(lags(series)))]
        if parts:
            self._lags = pd.concat(parts, ignore_index=True)
            self._clocks = clocks(self._lags, quickest=self._quickest)
        yield self._clocks

    def page(self) -> bytes:
        """See Report."""
        pictures = []
        for device in list(dict.fromkeys(self._clocks["device"]))[:MOST_CHARTS]:
            stretches = self._clocks[self._clocks["device"] == device]
            points = self._lags[self._lags["device"] == device]
            name = f"{charts.name_of(stretches)}: {stretches['finding'].iloc[-1]}"
            pictures.append((name, charts.clock(points, stretches)))
        words = (
            "Each dot is a series: how far its time of acquisition is ahead of its reception, in minutes. The"
            " line is what the clock is fast by, or slow where it is below zero. Dots below the line took"
            " longer to arrive."
        )
        sections = [section("Over time", words, pictures), table_section("Clocks", self._clocks)]
        return page("Clocks of scanners", "Scanners whose clock is wrong by most come first.", sections)


class ScannerReport:
    """Which scanners there are."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scanners = Census().add(series_table([])).table()

    def tables(self) -> Iterator[pd.DataFrame]:
        """See Report; by day of reception, or of acquisition where no receiver told that."""
        census = self._census("received")
        if census.is_empty():
            census = self._census("acquisition")
        if not census.is_empty():
            self._scanners = census.table()
        yield self._scanners

    def _census(self, by: Days) -> Census:
        census = Census()
        for series in self._source.tables(by):
            census.add(series)
        return census

    def page(self) -> bytes:
        """See Report."""
        sections = [table_section("Scanners", self._scanners)]
        if len(self._scanners):
            most = self._scanners.sort_values("instances", ascending=False).head(MOST_CHARTS)
            names = most["station_name"].where(most["station_name"] != "", most["device_serial_number"])
            chart = charts.bars(names, most["instances"], "Instances of each scanner")
            sections.insert(0, section("Instances", "Images and other objects received.", [("", chart)]))
        return page("Scanners", "What the headers of received images tell.", sections)


def together(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Two tables as one; an empty one has no say in the types of columns."""
    parts = [table for table in (one, other) if len(table)]
    return pd.concat(parts, ignore_index=True) if parts else one


def _between(first: date, last: date, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of these days: by `date`, or where there is none by start."""
    days = (table["date"] if "date" in table else table["start"]).dt.date
    here: pd.DataFrame = table[(days >= first) & (days <= last)]
    return here
