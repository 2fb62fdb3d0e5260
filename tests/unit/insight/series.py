"""Records of series as the receiver stores them, with times in minutes after a moment."""

from datetime import UTC, datetime, timedelta
from itertools import count

from niffler_ops.metadata import Record

MOMENT = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)  # a Wednesday
_numbers = count(1)


def at(minutes: float) -> datetime:
    """So many minutes after the moment."""
    return MOMENT + timedelta(minutes=minutes)


def record(
    start: float, end: float, *, received: float | None = None, fast: float = 0.0, **further: object
) -> Record:
    """A series acquired from start to end by a clock that is so many minutes fast, and received.

    `further` are fields of the record, None for one that it lacks.
    """
    number = next(_numbers)
    fields: dict[str, object] = {
        "_id": f"2.25.{number}",
        "StudyInstanceUID": "2.25.1000",
        "PatientID": "PATIENT",
        "Modality": "CT",
        "Manufacturer": "ACME",
        "ManufacturerModelName": "Ring",
        "DeviceSerialNumber": "1",
        "StationName": "CT1",
        "StudyDescription": "HEAD",
        "first_acquisition": _wall(start + fast),
        "last_acquisition": _wall(end + fast),
        "instances": 10,
        "image_types": ["ORIGINAL\\PRIMARY\\AXIAL"],
    }
    if received is not None:
        moments = {f"{name}_received": f"{_wall(received)}+00:00" for name in ("first", "last")}
        fields |= moments
    return {name: value for name, value in (fields | further).items() if value is not None}  # type: ignore[misc]  # values as JSON has them


def _wall(minutes: float) -> str:
    return at(minutes).replace(tzinfo=None).isoformat(timespec="milliseconds")
