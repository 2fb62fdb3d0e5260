"""When an instance was acquired, as its device's clock had it.

The first of these that is whole: AcquisitionDateTime; AcquisitionDate and AcquisitionTime; ContentDate and
ContentTime; SeriesDate and SeriesTime. It stays the wall time of the device, without a zone. Only where
AcquisitionDateTime itself gives an offset (&ZZXX, PS3.5 6.2) and TimezoneOffsetFromUTC another one, it is
brought to the latter, which is that of all other times. Where de-identification has put dummies in the place
of dates (LongitudinalTemporalInformationModified REMOVED, PS3.15 E.3.6), nothing tells it.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from niffler_ops.metadata.values import Facts
from niffler_ops.patterns.moments import moment_of

_REMOVED = "REMOVED"
_PAIRS = tuple((f"{of}Date", f"{of}Time") for of in ("Acquisition", "Content", "Series"))
_TO_THE_MINUTE = re.compile(r"[0-9]{12}.*?([+-][0-9]{4})?")
_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_MIDNIGHT = datetime(1970, 1, 1)  # noqa: DTZ001 - what a time without a date counts from


def acquired(facts: Facts) -> str | None:
    """ISO 8601 to the millisecond without zone, or None where nothing tells it."""
    if facts.get("LongitudinalTemporalInformationModified") == _REMOVED:
        return None
    moment = _date_time(_text(facts, "AcquisitionDateTime"), _text(facts, "TimezoneOffsetFromUTC"))
    if moment is not None:
        return moment
    for date, time in _PAIRS:
        moment = _joined(_text(facts, date), _text(facts, time))
        if moment is not None:
            return moment
    return None


def _text(facts: Facts, keyword: str) -> str:
    value = facts.get(keyword)
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=4096)
def _date_time(text: str, zone: str) -> str | None:
    match = _TO_THE_MINUTE.fullmatch(text)
    moment = moment_of("DT", text) if match else None
    if match is None or moment is None:
        return None
    if match[1] and zone:
        moment += _offset(zone, match[1]) - _offset(match[1], match[1])
    return moment.isoformat(timespec="milliseconds")


def _offset(text: str, otherwise: str) -> timedelta:
    match = _OFFSET.fullmatch(text) or _OFFSET.fullmatch(otherwise)
    if match is None:
        return timedelta()
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -ahead if match[1] == "-" else ahead


@lru_cache(maxsize=4096)
def _joined(date: str, time: str) -> str | None:
    day, clock = moment_of("DA", date), moment_of("TM", time)
    if day is None or clock is None:
        return None
    return (day + (clock - _MIDNIGHT)).isoformat(timespec="milliseconds")
