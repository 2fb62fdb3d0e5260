"""Which clocks are wrong, by how much and since when: what lies between acquisition and reception.

The least lag of a scanner's series (reception less acquisition) is what the quickest transfers take, less
what its clock is fast. See docs/insight.md for the estimate and its interval.
"""

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from niffler_ops.insight.estimating import estimate
from niffler_ops.insight.exams import DEVICE, acquired
from niffler_ops.insight.findings import Stretch, finding
from niffler_ops.insight.intervals import minutes, several_of
from niffler_ops.insight.levels import AGREE, Numbers, stretches

QUICKEST_TRANSFER = 1.0  # minutes that the quickest transfer may take without being noticed
_MOST_A_DAY = 32  # lags of one scanner on one day, so that years of them fit into memory
_SCANNERS_TO_COMPARE = 3
_NAMES = list(DEVICE)
_COLUMNS = [
    *("device_serial_number", "station_name", "from", "to", "offset_minutes", "low_minutes", "high_minutes"),
    *("series", "finding", "confidence", "agreeing", "step_minutes", "drift_minutes_per_day", "device"),
]


def lags(series: pd.DataFrame) -> pd.DataFrame:
    """For each original series when it was received, and how many minutes after its acquisition.

    The lesser of what passed from first acquisition to first reception and from last to last: neither is less
    than nothing where the clock is right, whether a scanner sends at once or when the series is complete.
    """
    known = acquired(series).dropna(subset=["start", "received"])
    first = minutes(known["received"] - known["start"])
    last = minutes(known["last_received"] - known["end"])
    table = known[[*_NAMES, "received", "series"]].assign(lag_minutes=np.fmin(first, last))
    return table.sort_values(["device", "received", "lag_minutes"], kind="stable").reset_index(drop=True)


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Of the lags of a device and day at most 32: the least of as many series that came one after another."""
    table = table.sort_values(["device", "received", "lag_minutes"], kind="stable")
    by = [table["device"], table["received"].dt.floor("D")]
    place, number = table.groupby(by).cumcount(), table.groupby(by)["device"].transform("size")
    block = (place * _MOST_A_DAY // number).where(number > _MOST_A_DAY, place)
    groups = table.groupby([*by, block])
    least = table.loc[groups["lag_minutes"].idxmin()]
    return least.assign(series=groups["series"].sum().to_numpy()).reset_index(drop=True)


def clocks(table: pd.DataFrame, *, quickest: float = 0.0) -> pd.DataFrame:
    """From lags, thinned or not: one line for each stretch between the steps of a scanner's clock.

    Scanners stand in order of what their clock is wrong by in the end. `quickest` is what the quickest
    transfer is known to take, in minutes.
    """
    found = {
        str(device): _stretches_of(one, quickest)
        for device, one in table.sort_values(["device", "received", "lag_minutes"]).groupby("device")
    }
    ranked = sorted(found, key=lambda device: (-abs(found[device][-1].offset), device))
    common = _common([found[device][-1].offset for device in ranked])
    by = table.groupby("device")
    names = pd.DataFrame({name: several_of(by, name) for name in _NAMES[1:]}).to_dict("index")
    rows = [
        _row(device, stretch, finding(stretch, common=common)) | names[device]
        for device in ranked
        for stretch in found[device]
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _row(device: str, stretch: Stretch, text: str) -> dict[Hashable, object]:
    return {
        "device": device,
        "from": stretch.first,
        "to": stretch.last,
        "offset_minutes": stretch.offset,
        "low_minutes": stretch.low,
        "high_minutes": stretch.high,
        "series": stretch.series,
        "finding": text,
        "confidence": stretch.confidence,
        "agreeing": stretch.agreeing,
        "step_minutes": stretch.step,
        "drift_minutes_per_day": stretch.drift,
    }


def _stretches_of(table: pd.DataFrame, quickest: float) -> list[Stretch]:
    values = table["lag_minutes"].to_numpy(float)
    days = table["received"].to_numpy("datetime64[D]").astype(np.int64)
    parts = _parts(values, days)
    found: list[Stretch] = []
    for number, (place, levels) in enumerate(parts):
        part, possible = table.iloc[place], values[place] >= levels - AGREE
        guess = estimate(values[place][possible], days[place][possible])
        offset = quickest - guess.lag
        days_long = int(days[place][-1] - days[place][0])
        found.append(
            Stretch(
                first=part["received"].iloc[0],
                last=part["received"].iloc[-1],
                offset=offset,
                low=quickest - guess.most,
                high=quickest - guess.least + QUICKEST_TRANSFER,
                series=int(part["series"].sum()),
                agreeing=guess.agreeing,
                step=offset - (guess.drift or 0.0) * days_long - found[-1].offset if found else None,
                drift=guess.drift,
                latest=number == len(parts) - 1,
            )
        )
    return found


def _parts(values: Numbers, days: NDArray[np.int64]) -> list[tuple[slice, Numbers]]:
    """The stretches between steps; a single one where a drift of the whole explains the lags better."""
    parts = stretches(values, days)
    if len(parts) > 1 and (drift := estimate(values, days).drift) is not None:
        taken_off = drift * (days - days[-1])
        level = stretches(values + taken_off, days)
        if len(level) == 1 and _scatter(values + taken_off, days, level) < _scatter(values, days, parts):
            place, levels = level[0]
            return [(place, levels - taken_off)]
    return parts


def _scatter(values: Numbers, days: NDArray[np.int64], parts: list[tuple[slice, Numbers]]) -> float:
    """How far the quickest of each day are from the middle of their stretch, on average in minutes."""
    apart = []
    for place, _ in parts:
        lags, on = values[place], days[place]
        least = np.array([lags[on == day].min() for day in np.unique(on)])
        apart.append(np.abs(least - np.median(least)))
    return float(np.concatenate(apart).mean())


def _common(offsets: list[float]) -> float | None:
    """What the clocks of more than half of at least three scanners are wrong by."""
    middle = float(np.median(offsets)) if len(offsets) >= _SCANNERS_TO_COMPARE else np.nan
    alike = sum(abs(offset - middle) <= AGREE for offset in offsets)
    return middle if alike > len(offsets) / 2 else None
