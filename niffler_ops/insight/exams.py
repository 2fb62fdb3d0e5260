"""Series to exams, exams to encounters: intervals of a scanner's time.

An exam is the series that have study, patient, device, description and modality in common, from the first
acquisition to the last. An encounter is one patient's exams on a device, less than 20 minutes apart.
"""

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any, TypeAlias

import pandas as pd

from niffler_ops.insight.intervals import joined

SAME_ENCOUNTER = pd.Timedelta(minutes=20)
# A study that goes on after so long is another exam of it: nobody lies on a scanner over the pause.
LONGEST_PAUSE = pd.Timedelta(hours=6)
# Times that are further apart in one series are not those of one acquisition.
LONGEST_SERIES = pd.Timedelta(hours=24)

DEVICE = ("device", "device_serial_number", "station_name")
_EXAM = ("device", "study", "patient", "description", "modality")
_COLUMNS = [*DEVICE, "study", "patient", "description", "modality", "start", "end", "series", "instances"]


def acquired(series: pd.DataFrame) -> pd.DataFrame:
    """The series that took scanner time: original ones whose times of acquisition make sense."""
    lengths = series["end"] - series["start"]
    return series[series["original"] & (lengths >= pd.Timedelta(0)) & (lengths <= LONGEST_SERIES)]


def exams(series: pd.DataFrame) -> pd.DataFrame:
    """One line for each exam, in order of device and start."""
    found = joined(acquired(series)[_COLUMNS], _EXAM, LONGEST_PAUSE).assign(exams=1)
    return found.sort_values(["device", "start", "end", *_EXAM], kind="stable").reset_index(drop=True)


def encounters(found: pd.DataFrame, keys: Sequence[str] = ("device", "patient")) -> pd.DataFrame:
    """One line for each encounter of these exams; `overlaps` where another patient is on the device too.

    Encounters may be given as well, and come back as they are.
    """
    met = joined(found.drop(columns=["encounters", "overlaps"], errors="ignore"), keys, SAME_ENCOUNTER)
    met = met.sort_values(["device", "start", "end", *keys], kind="stable").reset_index(drop=True)
    return met.assign(encounters=1, overlaps=_overlaps(met))


def pieces(met: pd.DataFrame) -> pd.DataFrame:
    """Encounters divided so that none overlaps another: a moment belongs to who came last to the device."""
    clear = met[~met["overlaps"]]
    parts = [clear]
    for _, together in met[met["overlaps"]].groupby("device"):
        rows = [
            {**row, "start": start, "end": end} for row, start, end in _parts(together.to_dict("records"))
        ]
        parts.append(pd.DataFrame(rows, columns=met.columns).astype(met.dtypes.to_dict()))
    return pd.concat(parts).sort_values(["device", "start", "end"], kind="stable").reset_index(drop=True)


def _overlaps(met: pd.DataFrame) -> pd.Series:
    by = met["device"]
    reached = met["end"].groupby(by).cummax().groupby(by).shift()
    following = met["start"].groupby(by).shift(-1)
    return (reached > met["start"]) | (following < met["end"])


_Row: TypeAlias = dict[Hashable, Any]


def _parts(rows: list[_Row]) -> Iterator[tuple[_Row, pd.Timestamp, pd.Timestamp]]:
    """Who has which part of the time, of rows in order of their start."""
    yield from ((row, row["start"], row["end"]) for row in rows if row["start"] == row["end"])
    moments = sorted({row[name] for row in rows for name in ("start", "end")})
    owned: list[tuple[_Row, pd.Timestamp, pd.Timestamp]] = []
    for start, end in pairwise(moments):
        there = [row for row in rows if row["start"] <= start and row["end"] >= end]
        if not there:
            continue
        owner = max(there, key=itemgetter("start"))
        if owned and owned[-1][0] is owner and owned[-1][2] == start:
            owned[-1] = (owner, owned[-1][1], end)
        else:
            owned.append((owner, start, end))
    yield from owned
