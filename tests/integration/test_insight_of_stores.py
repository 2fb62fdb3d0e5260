"""Every analysis tells the same of both stores, in an amount of memory that more days do not change."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.insight import reading
from niffler_ops.insight.reading import Source
from niffler_ops.insight.reports import BY, ClockReport, Report, ScannerReport, UtilizationReport
from niffler_ops.insight.tables import csv_chunks
from niffler_ops.metadata import Record, Store, open_store
from tests.support.mongodb import database_url, needs_mongodb
from tests.unit.insight.series import record

DAY = 24 * 60
A_DAY = 60  # series, of four scanners
ANALYSES = [*BY, "clocks", "scanners"]
WHOLE: dict[str, Any] = {}
PART = {"first": date(2026, 3, 5), "last": date(2026, 3, 6), "devices": frozenset({"1"})}


def days_of(number: int) -> Iterator[Record]:
    """Series of so many days: the second scanner is fast, one patient's goes on over midnight."""
    for day in range(number):
        for place in range(A_DAY):
            start, scanner = day * DAY + 1440 * place / A_DAY, place % 4
            further = {
                "_id": f"2.25.{day}.{place}",
                "StudyInstanceUID": f"2.25.{day}.{place // 8}",
                "PatientID": f"P{place // 8}",
                "DeviceSerialNumber": f"{scanner}",
                "StationName": f"CT{scanner}" if day % 7 else "OLD",
            }
            fast = 40.0 if scanner == 1 else 0.0
            yield record(start, start + 20, received=start + 20 + place % 5, fast=fast, **further)


def filled(url: str, days: int) -> Store:
    store = open_store(url)
    store.upsert("default", list(days_of(days)))
    return store


def report(analysis: str, source: Source) -> Report:
    if analysis == "clocks":
        return ClockReport(source)
    return ScannerReport(source) if analysis == "scanners" else UtilizationReport(source, by=analysis)


def told(analysis: str, source: Source) -> tuple[bytes, bytes]:
    """The table as CSV, and the page."""
    made = report(analysis, source)
    return b"".join(csv_chunks(made.tables())), made.page()


@pytest.mark.parametrize("wanted", [pytest.param(wanted, marks=needs_mongodb) for wanted in (WHOLE, PART)])
def test_both_stores_are_told_of_alike(tmp_path: Path, wanted: dict[str, Any]) -> None:
    with database_url(tmp_path) as url:
        stores = [filled(f"sqlite:///{tmp_path}/records.sqlite", 4), filled(url, 4)]
        for analysis in ANALYSES:
            one, other = (
                told(analysis, Source(store=store, collection="default", **wanted)) for store in stores
            )
            assert one == other, analysis
            assert one[0].count(b"\n") > 1, analysis
        for store in stores:
            store.close()


@pytest.mark.parametrize("analysis", ["scanner", "clocks", "scanners"])
def test_years_need_hardly_more_memory_than_weeks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analysis: str
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 200)
    peaks = []
    for days in (4, 30):
        with closing(filled(f"sqlite:///{tmp_path}/{days}.sqlite", days)) as store:
            made = report(analysis, Source(store=store, collection="default"))
            tracemalloc.start()
            try:
                for _ in made.tables():
                    pass
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    assert peaks[1] - peaks[0] < 26 * A_DAY * 400, (
        peaks
    )  # a record is 600 bytes of text, and several in Python
