"""Series records to tables: from either store, in bounded memory, also over years.

A table of series has these columns, empty text where a record lacks the attribute: `uid`, `study`, `patient`,
`device` (serial number, or station name where there is none), `device_serial_number`, `station_name`,
`manufacturer`, `model`, `modality`, `description`, `software`; `original` (false for derived and secondary
images, and for what no scanner acquires); `start` and `end` of acquisition by the device's clock,
`received` and `last_received` by the receiver's, all wall times without zone, NaT where unknown; the counts
`series` (1) and `instances`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from niffler_ops.insight.intervals import SEPARATOR
from niffler_ops.metadata.folding import Record, plain
from niffler_ops.metadata.stores import Days, Store

TEXTS = {
    "uid": "_id",
    "study": "StudyInstanceUID",
    "patient": "PatientID",
    "device_serial_number": "DeviceSerialNumber",
    "station_name": "StationName",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "modality": "Modality",
    "description": "StudyDescription",
    "software": "SoftwareVersions",
}
TIMES = {
    "start": "first_acquisition",
    "end": "last_acquisition",
    "received": "first_received",
    "last_received": "last_received",
}
_FIELDS = (*TEXTS.values(), *TIMES.values(), "instances", "image_types")
# Made afterwards, on any workstation.
_NOT_ACQUIRED = frozenset(
    {"SR", "PR", "KO", "SEG", "REG", "FID", "DOC", "PLAN", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RWV"}
)
_ROWS_AT_ONCE = 20_000
_MOST_INSTANCES = 10**9  # of a series: more is no count
_DAYS_WITHOUT_LOOKING = 31


@dataclass(frozen=True, kw_only=True)
class Source:
    """A collection of a store, and what is wanted of it: days, devices; how its times are to be read.

    `devices` are serial numbers, or station names of devices without one; None is all of them. `zone` is
    that of the scanners, where the receiver runs in another one. `derived` takes derived images for original.
    """

    store: Store
    collection: str
    first: date | None = None
    last: date | None = None
    devices: Collection[str] | None = None
    zone: tzinfo | None = None
    derived: bool = False

    def is_empty(self) -> bool:
        """Whether the collection holds nothing at all."""
        return next(iter(self.store.records(self.collection, fields=())), None) is None

    def days(self, by: Days) -> list[date]:
        """The days in question on which series began or ended."""
        first, last = self.first, self.last
        if first and last and (last - first).days < _DAYS_WITHOUT_LOOKING:
            return [first + timedelta(days=number) for number in range((last - first).days + 1)]
        names = [f"{end}_{by}" for end in ("first", "last")]
        records = self.store.records(self.collection, first=first, last=last, by=by, fields=names)
        texts = {str(record[name])[:10] for record in records for name in names if name in record}
        found = sorted(day for day in map(_day, texts) if day is not None)
        return [day for day in found if (first or date.min) <= day <= (last or date.max)]

    def tables(self, by: Days) -> Iterator[pd.DataFrame]:
        """All series of the days in question, each once, some thousands at a time."""
        records = self.store.records(self.collection, first=self.first, last=self.last, by=by, fields=_FIELDS)
        batch = []
        for record in records:
            batch.append(record)
            if len(batch) == _ROWS_AT_ONCE:
                yield self._table(batch)
                batch = []
        if batch:
            yield self._table(batch)

    def around_days(self) -> Iterator[tuple[date, date, pd.DataFrame]]:
        """From which day to which, and the series acquired on these, on the day before and the day after.

        As many days at a time as make some thousands of series.
        """
        read = lru_cache(maxsize=2)(partial(self._day, by="acquisition"))
        days = self.days("acquisition")
        while days:
            tables, number = [read(_beside(days[0], -1)), read(days[0])], 1
            while number < len(days) and sum(map(len, tables[1:])) < _ROWS_AT_ONCE:
                tables.append(read(days[number]))
                number += 1
            tables.append(read(_beside(days[number - 1], 1)))
            yield days[0], days[number - 1], _distinct(tables)
            days = days[number:]

    def received_days(self) -> Iterator[pd.DataFrame]:
        """Day by day the series whose reception began on it."""
        for day in self.days("received"):
            records, begun = self._records(day, "received"), day.isoformat()
            yield self._table(
                record for record in records if str(record.get("first_received")).startswith(begun)
            )

    def _day(self, day: date, by: Days) -> pd.DataFrame:
        return self._table(self._records(day, by))

    def _records(self, day: date, by: Days) -> Iterator[Record]:
        return self.store.records(self.collection, first=day, last=day, by=by, fields=_FIELDS)

    def _table(self, records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        table = series_table(records, zone=self.zone, derived=self.derived)
        return table if self.devices is None else table[table["device"].isin(list(self.devices))]


def series_table(
    records: Iterable[Mapping[str, Any]], *, zone: tzinfo | None = None, derived: bool = False
) -> pd.DataFrame:
    """The table of these records; `zone` and `derived` as in Source."""
    rows = list(records)
    columns: dict[str, Any] = {
        name: pd.array([_text(row.get(field)) for row in rows], dtype="str") for name, field in TEXTS.items()
    }
    for name, field in TIMES.items():
        moments = [_moment(row.get(field), zone) for row in rows]
        columns[name] = np.array(moments, dtype="datetime64[ms]")
    columns["original"] = np.array([_is_original(row, derived=derived) for row in rows], dtype=bool)
    columns["series"] = np.ones(len(rows), dtype=np.int64)
    columns["instances"] = np.array([_number(row.get("instances")) for row in rows], dtype=np.int64)
    table = pd.DataFrame(columns)
    without_serial = table["device_serial_number"] == ""
    table["device"] = table["device_serial_number"].where(~without_serial, table["station_name"])
    # Whoever is not told apart is nobody else's exam.
    table["patient"] = table["patient"].where(table["patient"] != "", table["study"])
    return table


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(plain(value)).strip().encode("utf-8", "replace").decode()


def _number(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value <= _MOST_INSTANCES else 0


def _moment(value: Any, zone: tzinfo | None) -> datetime | None:
    """The wall time that a record's text tells, in this zone if the text has one too."""
    try:
        moment = datetime.fromisoformat(value)
        if zone is not None and moment.tzinfo is not None:
            moment = moment.astimezone(zone)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None)


def _is_original(record: Mapping[str, Any], *, derived: bool) -> bool:
    """Whether any of its images may be original and primary; those without image type may."""
    if _text(record.get("Modality")) in _NOT_ACQUIRED:
        return False
    types = record.get("image_types")
    if derived or not isinstance(types, list) or not types:
        return True
    kinds = [[*str(kind).upper().split(SEPARATOR), ""] for kind in types]
    return any(pixels != "DERIVED" and examination != "SECONDARY" for pixels, examination, *_ in kinds)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _beside(day: date, number: int) -> date:
    """So many days later, or the first or last day that there is."""
    return date.fromordinal(min(max(day.toordinal() + number, 1), date.max.toordinal()))


def _distinct(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """As one; a series that lasted over midnight is in two of them."""
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled, ignore_index=True).drop_duplicates("uid", ignore_index=True)
