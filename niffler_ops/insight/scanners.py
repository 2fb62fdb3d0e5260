"""Which scanners there are: make, names, software, since when, how much they make."""

from typing import Self

import numpy as np
import pandas as pd

from niffler_ops.insight.intervals import several

_NAMES = [
    *("device", "device_serial_number", "manufacturer", "model", "station_name", "modality", "software"),
]
_COLUMNS = [*_NAMES[1:], "first_seen", "last_seen", "studies", "series", "instances", "note"]


def scanners(series: pd.DataFrame) -> pd.DataFrame:
    """One line for each device, of all its series; `note` tells what is odd about its names."""
    return Census().add(series).table()


class Census:
    """The same for series that come in several tables, in the memory of a number for each study."""

    def __init__(self) -> None:
        self._names = pd.DataFrame()
        self._studies: dict[str, np.ndarray[tuple[int], np.dtype[np.uint64]]] = {}

    def add(self, series: pd.DataFrame) -> Self:
        """Take in series, which are in no other table that is added."""
        seen = series.rename(columns={"received": "first_seen", "last_received": "last_seen"})
        self._names = (
            pd.concat([self._names, seen], ignore_index=True)
            .groupby(_NAMES, sort=True)
            .agg({"first_seen": "min", "last_seen": "max", "series": "sum", "instances": "sum"})
            .reset_index()
        )
        for device, studies in series.groupby("device")["study"]:
            known = self._studies.get(str(device), np.empty(0, np.uint64))
            hashes = pd.util.hash_array(studies.to_numpy(object), categorize=True)
            self._studies[str(device)] = np.union1d(known, hashes)
        return self

    def is_empty(self) -> bool:
        """Whether no series was added."""
        return self._names.empty

    def table(self) -> pd.DataFrame:
        """What was added, in order of serial number and name."""
        by = self._names.sort_values(["first_seen", *_NAMES]).groupby("device")
        table = by.agg(
            dict.fromkeys(_NAMES[1:], several)
            | {"first_seen": "min", "last_seen": "max", "series": "sum", "instances": "sum"}
        )
        table["studies"] = [len(self._studies[str(device)]) for device in table.index]
        table["note"] = table.index.map(self._notes())
        return table.sort_values(["device_serial_number", "station_name"]).reset_index()[_COLUMNS]

    def _notes(self) -> dict[str, str]:
        """What is odd, by device."""
        named = self._names[self._names["station_name"] != ""]
        homes = named.groupby("station_name")["device"].nunique()
        return {str(device): _note(names, homes) for device, names in self._names.groupby("device")}


def _note(names: pd.DataFrame, homes: "pd.Series[int]") -> str:
    """What is odd about a device; `homes` tells how many devices have a station name."""
    parts = [] if names["device_serial_number"].any() else ["no serial number"]
    for column, what in (("station_name", "station names"), ("model", "models"), ("manufacturer", "makers")):
        number = len(set(names[column]) - {""})
        if number > 1:
            parts.append(f"{number} {what}")
    parts += [
        f"{name} is the name of {homes[name]} devices"
        for name in sorted(set(names["station_name"]))
        if homes.get(name, 0) > 1
    ]
    return "; ".join(parts)
