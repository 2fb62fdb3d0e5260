"""How scanners are used: active time over on-time, by scanner and day, modality, hour and description.

On-time of a scanner on a day lasts from its first acquisition to its last; an encounter over midnight is
on-time of both days. Series, exams and encounters give ratios of three levels, after Kathiravelu, Sharma,
Sharma, IEEE Access 9:10621-10633 (2021).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from niffler_ops.insight.exams import DEVICE, acquired, encounters, exams
from niffler_ops.insight.intervals import divided, minutes, several_of, united

_BY = ["date", "device"]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MINUTES_OF_HOUR = 60


def utilization(series: pd.DataFrame) -> pd.DataFrame:
    """One line for each scanner and day; a percentage is never above 100.

    `utilization_percent` is that of encounters, `study_percent` of exams, `series_percent` of series; of a
    day without length all are 0. `overlaps` counts the encounters during which another patient was there.
    """
    found = exams(series)
    met = encounters(found)
    by_level = {"series": divided(acquired(series)), "exams": divided(found), "encounters": divided(met)}
    table = _days(by_level["series"], by_level["encounters"])
    on = table["on_minutes"]
    active = {
        level: united(parts, _BY).reindex(table.index, fill_value=0.0) for level, parts in by_level.items()
    }
    numbers = {level: _counted(parts, table.index) for level, parts in by_level.items()}
    parts = by_level["encounters"]
    return table.assign(
        active_minutes=active["encounters"],
        utilization_percent=percent(active["encounters"], on),
        **numbers,
        overlaps=_counted(parts[parts["overlaps"]], table.index),
        idle_minutes=on - active["encounters"],
        longest_idle_minutes=_gaps(parts).groupby(_BY)["minutes"].max().reindex(table.index, fill_value=0.0),
        encounters_per_hour=(numbers["encounters"] / (on / _MINUTES_OF_HOUR)).where(on > 0),
        study_percent=percent(active["exams"], on),
        series_percent=percent(active["series"], on),
    ).reset_index()[
        [
            *("date", *DEVICE, "modality", "start", "end", "on_minutes", "active_minutes"),
            *("utilization_percent", "exams", "encounters", "overlaps", "idle_minutes"),
            *("longest_idle_minutes", "encounters_per_hour", "series", "study_percent", "series_percent"),
        ]
    ]


def modalities(series: pd.DataFrame) -> pd.DataFrame:
    """One line for each modality and day; on-time is that of all devices that have the modality."""
    found = exams(series)
    days = _days(divided(acquired(series)), divided(encounters(found)))["on_minutes"]
    met = divided(encounters(found, ("device", "patient", "modality")))
    keys = [*_BY, "modality"]
    each = pd.DataFrame({"exams": divided(found).groupby(keys).size()})
    each["active_minutes"] = united(met, keys).reindex(each.index, fill_value=0.0)
    each["encounters"] = met.groupby(keys).size().reindex(each.index, fill_value=0)
    each = each.reset_index()
    each["on_minutes"] = days.reindex(pd.MultiIndex.from_frame(each[_BY])).to_numpy()
    each["scanners"] = 1
    names = ["scanners", "on_minutes", "active_minutes", "exams", "encounters"]
    table = each.groupby(["date", "modality"])[names].sum()
    used = percent(table["active_minutes"], table["on_minutes"])
    table.insert(3, "utilization_percent", used)
    return table.reset_index()


def hours(series: pd.DataFrame) -> pd.DataFrame:
    """Active minutes of each device on each day in each hour (0 to 23) that has any."""
    parts = divided(encounters(exams(series)), by_hour=True)
    active = united(parts, [*_BY, "hour"]).rename("active_minutes").reset_index()
    active["weekday"] = active["date"].dt.day_of_week
    return _named(active, parts)[["date", "weekday", "hour", *DEVICE, "active_minutes"]]


def weekdays(active: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """For each device how much of an hour of a weekday it is active, over the days on which it is used.

    From tables of hours and of utilization.
    """
    used = days.groupby(["device", days["date"].dt.day_of_week.rename("weekday")]).size().rename("days")
    table = active.groupby(["device", "weekday", "hour"])["active_minutes"].sum().reset_index()
    table["days"] = used.reindex(pd.MultiIndex.from_frame(table[["device", "weekday"]])).to_numpy()
    whole = table["days"] * _MINUTES_OF_HOUR
    table["utilization_percent"] = percent(table["active_minutes"], whole)
    return _named(table, days)[[*DEVICE, "weekday", "hour", "days", "active_minutes", "utilization_percent"]]


def gaps(series: pd.DataFrame) -> pd.DataFrame:
    """Idle times of each device between encounters, by day."""
    return _gaps(divided(encounters(exams(series))))


def descriptions(found: pd.DataFrame) -> pd.DataFrame:
    """How long exams of each modality and description last; from exams, or from tables of this kind."""
    if "total_minutes" not in found:
        lasting = minutes(found["end"] - found["start"])
        found = found.assign(total_minutes=lasting, shortest_minutes=lasting, longest_minutes=lasting)
    by = found.groupby(["modality", "description"])
    table = by[["exams", "series", "total_minutes"]].sum()
    return table.assign(
        mean_minutes=table["total_minutes"] / table["exams"],
        shortest_minutes=by["shortest_minutes"].min(),
        longest_minutes=by["longest_minutes"].max(),
        series_per_exam=table["series"] / table["exams"],
    ).reset_index()


def percent(part: "pd.Series[float]", whole: "pd.Series[float]") -> "pd.Series[float]":
    """How much of the whole, 0 where that is nothing."""
    share = np.divide(
        part.to_numpy(float), whole.to_numpy(float), out=np.zeros(len(part)), where=whole.to_numpy(float) > 0
    )
    return pd.Series(100 * share, index=part.index)


def _gaps(parts: pd.DataFrame) -> pd.DataFrame:
    parts = parts.sort_values([*_BY, "start", "end"], kind="stable")
    by = [parts[key] for key in _BY]
    reached = parts["end"].groupby(by).cummax().groupby(by).shift()
    idle = parts.assign(end=parts["start"], start=reached)[reached < parts["start"]]
    idle = idle.assign(minutes=minutes(idle["end"] - idle["start"]))
    return idle[["date", *DEVICE, "start", "end", "minutes"]].reset_index(drop=True)


def _days(taken: pd.DataFrame, met: pd.DataFrame) -> pd.DataFrame:
    """Each device and day with its names and its on-time, of the parts of series and of encounters.

    Of both, as the gap of an encounter over midnight has no series, and a moment at midnight no encounter.
    """
    named = taken.groupby(_BY)
    reached = pd.concat([parts[[*_BY, "start", "end"]] for parts in (taken, met)]).groupby(_BY)
    names = {name: several_of(named, name) for name in (*DEVICE[1:], "modality")}
    table = pd.DataFrame({**names, "start": reached["start"].min(), "end": reached["end"].max()})
    return table.assign(on_minutes=minutes(table["end"] - table["start"]))


def _counted(parts: pd.DataFrame, days: pd.Index) -> "pd.Series[int]":
    """How many parts there are of each device and day."""
    return parts.groupby(_BY).size().reindex(days, fill_value=0)


def _named(table: pd.DataFrame, known: pd.DataFrame, names: Sequence[str] = DEVICE[1:]) -> pd.DataFrame:
    """The table with each device's names."""
    by = known.groupby("device")
    return table.assign(**{name: table["device"].map(several_of(by, name)) for name in names})
