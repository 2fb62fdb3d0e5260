"""Pages and CSV hold what headers say without doing what it asks for."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from niffler_ops.insight import Source, encounters, exams, reading, series_table, utilization
from niffler_ops.insight.reports import ClockReport, Report, ScannerReport, UtilizationReport
from niffler_ops.insight.tables import csv_chunks, text
from niffler_ops.metadata import Store, open_store
from tests.unit.insight.series import record

DAY = 24 * 60
DAY_ONE = date(2026, 3, 4)
EVIL = "</title><script>alert('x')</script>\" onload=\"\x1b[31m\ud800"


class Page(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self.texts.append(data)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    """Two weeks of two scanners, one of them with evil names."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.sqlite")) as store:
        fill(store)
        yield Source(store=store, collection="default")


def fill(store: Store) -> None:
    evil = EVIL.replace("\ud800", "")  # which no store takes
    for day in range(14):
        for start in range(480, 600, 30):
            begin = day * DAY + start
            names = [
                {"PatientID": f"A{start}"},
                {"DeviceSerialNumber": "2", "StationName": evil, "StudyDescription": evil},
            ]
            store.upsert(
                "default",
                [record(begin, begin + 15, received=begin + 16, fast=day, **fields) for fields in names],
            )


def page_of(report: Report) -> Page:
    for _ in report.tables():
        pass
    return Page(report.page())


def reports(source: Source) -> list[Report]:
    return [UtilizationReport(source), ClockReport(source), ScannerReport(source)]


def test_pages_have_charts_and_tables_and_need_no_network(source: Source) -> None:
    for report in reports(source):
        page = page_of(report)
        assert {"svg", "table", "text"} <= set(page.tags)
        assert not {"script", "link", "img", "iframe", "a"} & set(page.tags)
        assert not {"src", "href", "onload"} & {name for name, _ in page.attributes}
        assert not any("//" in value for _, value in page.attributes)


def test_what_headers_say_is_text_in_pages(source: Source) -> None:
    for report in reports(source):
        assert any("<script>" in shown for shown in page_of(report).texts)
        assert "\x1b" not in "".join(page_of(report).texts)


def test_pages_of_nothing(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.sqlite")) as store:
        store.upsert("default", [{"_id": "1"}])
        for report in reports(Source(store=store, collection="other")):
            assert "table" in page_of(report).tags


def test_the_timeline_shows_each_part_of_the_last_day_and_who_overlaps(source: Source) -> None:
    source.store.upsert("default", [record(13 * DAY + 485, 13 * DAY + 490, fast=13, PatientID="B")])
    page = page_of(UtilizationReport(source))
    kinds = [value for name, value in page.attributes if name == "class"]
    assert kinds.count("overlap") == 3
    assert kinds.count("one") + kinds.count("other") == 4  # the other scanner, and the rest of this one


@pytest.mark.parametrize("rows", [10, 20_000])
def test_a_single_clock_of_the_future_does_not_empty_the_timeline(
    source: Source, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", rows)
    source.store.upsert("default", [record(500, 510, received=512, fast=3650 * DAY)])
    page = page_of(UtilizationReport(source))
    assert "Tuesday, 2026-03-17" in page.texts
    assert not any("2036" in shown and "day" in shown for shown in page.texts)


def test_cells_that_a_spreadsheet_would_run_are_harmless() -> None:
    records = [
        record(0, 10, StudyDescription="=cmd()", StationName="+1"),
        record(60, 70, StudyDescription="-5"),
    ]
    written = b"".join(csv_chunks([encounters(exams(series_table(records)))])).decode()
    rows = list(csv.DictReader(io.StringIO(written)))
    assert [row["description"] for row in rows] == ["'=cmd()", "-5"]
    assert [row["station_name"] for row in rows] == ["+1", "CT1"]
    assert "device" not in rows[0]


def test_texts_that_utf8_cannot_hold_are_written_all_the_same() -> None:
    table = exams(series_table([record(0, 10, StudyDescription=EVIL)]))
    assert b"?" in b"".join(csv_chunks([table]))
    assert "\ud800" not in text(table)


def test_values_are_written_as_days_times_and_numbers_of_two_digits() -> None:
    table = utilization(series_table([record(480, 490), record(520, 530)]))
    (line,) = csv.DictReader(io.StringIO(b"".join(csv_chunks([table])).decode()))
    assert line["date"] == "2026-03-04"
    assert line["start"] == "2026-03-04T08:00:00"
    assert line["utilization_percent"] == "100.0"
    assert float(line["on_minutes"]) == 50
    assert "2026-03-04T08:00:00" in text(table)


def test_parts_of_a_table_have_one_header() -> None:
    table = exams(series_table([record(0, 10)]))
    assert len(b"".join(csv_chunks([table[:0], table, table])).splitlines()) == 3


@pytest.mark.parametrize("by", ["scanner", "modality", "gap", "exam", "encounter", "hour", "description"])
def test_each_table_of_utilization(source: Source, by: str) -> None:
    tables = list(UtilizationReport(source, by=by, pictures=False).tables())
    rows = sum(map(len, tables))
    assert (
        rows
        == {
            "scanner": 28,
            "modality": 14,
            "gap": 14 * 3,
            "exam": 70,
            "encounter": 70,
            "hour": 28,
            "description": 2,
        }[by]
    )


@pytest.mark.parametrize(
    ("by", "title", "chart"),
    [
        ("modality", "Modalities by day", "Utilization of each modality"),
        ("gap", "Idle times between encounters", None),
        ("exam", "Exams", None),
        ("encounter", "Encounters", None),
        ("hour", "Hours of the week", "Active minutes of each hour of the day"),
        ("description", "Exams by description", "Mean length of the exams of a description"),
    ],
)
def test_the_page_has_the_table_that_was_chosen(
    source: Source, by: str, title: str, chart: str | None
) -> None:
    page = page_of(UtilizationReport(source, by=by))
    assert title in page.texts
    assert page.tags.count("table") == 2
    drawings = page_of(UtilizationReport(source)).tags.count("svg")
    assert page.tags.count("svg") == drawings + (chart is not None)
    assert chart is None or chart in page.texts
    empty = page_of(UtilizationReport(Source(store=source.store, collection="other"), by=by))
    assert title in empty.texts


def test_of_a_long_table_that_was_chosen_the_page_has_the_beginning(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 10)
    records = [record(30 * number, 30 * number + 1, PatientID=f"{number}") for number in range(510)]
    source.store.upsert("long", records)
    page = page_of(UtilizationReport(replace(source, collection="long"), by="exam"))
    assert "The first 500 of 510 rows; --csv writes all." in page.texts
    assert page.texts.count("HEAD") == 500


def test_a_single_day_has_a_week_too(source: Source) -> None:
    assert "The week" in page_of(UtilizationReport(replace(source, first=DAY_ONE, last=DAY_ONE))).texts
