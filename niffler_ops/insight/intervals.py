"""Intervals of time in tables with the columns `start` and `end`: joined, divided, united."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas.core.groupby import DataFrameGroupBy

COUNTS = ("encounters", "exams", "series", "instances")
SEPARATOR = "\\"  # as DICOM writes several values

_DAY, _HOUR = np.timedelta64(1, "D"), np.timedelta64(1, "h")
_MINUTE = pd.Timedelta(minutes=1)


def minutes(lengths: "pd.Series[pd.Timedelta]") -> "pd.Series[float]":
    """Lengths of time as minutes."""
    return lengths / _MINUTE


def several(texts: Iterable[str]) -> str:
    """Several texts as one: the distinct ones in order, each of which may be several already."""
    return SEPARATOR.join(sorted({part for text in texts for part in text.split(SEPARATOR)} - {""}))


def several_of(groups: "DataFrameGroupBy[Any, Any]", name: str) -> "pd.Series[str]":
    """The texts of a column in each group, as `several` has them; quick where they are all the same."""
    texts = groups[name].first()
    differing = texts.index[groups[name].nunique() > 1]
    if len(differing):
        texts.loc[differing] = [several(groups[name].get_group(key)) for key in differing]
    return texts


def joined(table: pd.DataFrame, keys: Sequence[str], gap: pd.Timedelta) -> pd.DataFrame:
    """Intervals of the same keys that overlap, or lie less than `gap` apart, as one.

    Counts are added up, and texts that differ stand side by side. In order of keys and start; joining once
    more changes nothing.
    """
    ordered = table.sort_values([*keys, "start", "end"], kind="stable").reset_index(drop=True)
    reached = _reached_before(ordered, keys)
    first = reached.isna() | (ordered["start"] - reached >= gap)
    groups = ordered.groupby(first.cumsum().to_numpy(), sort=True)
    columns: dict[Hashable, pd.Series] = {}
    for name in table.columns:
        if name in COUNTS:
            columns[name] = groups[name].sum()
        elif name == "end":
            columns[name] = groups[name].max()
        elif name in keys or name == "start":
            columns[name] = groups[name].first()
        else:
            columns[name] = several_of(groups, str(name))
    return pd.DataFrame(columns, columns=table.columns).reset_index(drop=True)


def divided(table: pd.DataFrame, *, by_hour: bool = False) -> pd.DataFrame:
    """Each interval as its parts on each day, or in each hour; `date` and `hour` tell which.

    An interval that ends at midnight has no part on the next day.
    """
    starts = table["start"].to_numpy("datetime64[ms]")
    ends = table["end"].to_numpy("datetime64[ms]")
    unit = _HOUR if by_hour else _DAY
    floors = starts.astype("datetime64[h]" if by_hour else "datetime64[D]").astype("datetime64[ms]")
    numbers = np.maximum(np.ceil((ends - floors) / unit).astype(int), 1)
    rows = np.repeat(np.arange(len(table)), numbers)
    begins = floors[rows] + unit * (np.arange(len(rows)) - np.repeat(np.cumsum(numbers) - numbers, numbers))
    parts = table.take(rows.tolist()).reset_index(drop=True)
    return parts.assign(
        start=np.maximum(starts[rows], begins),
        end=np.minimum(ends[rows], begins + unit),
        date=begins.astype("datetime64[D]").astype("datetime64[ms]"),
        hour=(begins - begins.astype("datetime64[D]")) // _HOUR,
    )


def united(table: pd.DataFrame, keys: Sequence[str]) -> "pd.Series[float]":
    """Minutes for each of the keys that at least one of its intervals covers."""
    ordered = table.sort_values([*keys, "start", "end"], kind="stable")
    reached = _reached_before(ordered, keys)
    begin = ordered["start"].where(~(reached > ordered["start"]), reached)
    lengths = ordered["end"].where(ordered["end"] > begin, begin) - begin
    return minutes(lengths.groupby([ordered[key] for key in keys]).sum())


def _reached_before(ordered: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """Until when the intervals before each one last, none for the first of its keys."""
    by = [ordered[key] for key in keys]
    return ordered["end"].groupby(by).cummax().groupby(by).shift()
