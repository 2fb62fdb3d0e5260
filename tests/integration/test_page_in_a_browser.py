"""The live page and the report in Chromium without a window, as people use them."""

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import identify
from niffler_ops.reporting.page import report_html
from tests.support.extractions import asked, fail, make_ledger, match, move, refused, retrieve, start_run
from tests.support.serving import CHROMIUM, NO_BROWSER, Served, browser, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None or find_spec("playwright") is None, reason=NO_BROWSER)

PHONE = {"width": 360, "height": 740}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ROWS = 40


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    with browser() as started:
        yield started


class Eyes:
    """A page that is looked at; whatever the browser complains about is kept."""

    def __init__(self, context: "BrowserContext") -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.asked_elsewhere: list[str] = []
        self.page.on("request", lambda request: self._request(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1", "file:", "data:")):
            self.asked_elsewhere.append(url)

    def sees(self, selector: str, text: str) -> None:
        """Wait until an element has this text in it."""
        self.page.locator(selector, has_text=text).first.wait_for(timeout=20_000)

    def is_as_wide_as_the_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def eyes(chromium: "Browser") -> Iterator[Eyes]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield Eyes(context)
    context.close()


@pytest.fixture
def supervisor() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture
def ledger(tmp_path: Path, supervisor: "subprocess.Popen[bytes]") -> Iterator[Ledger]:
    """An extraction at work with many rows, of which one is rejected for a hostile reason."""
    rows = [*(asked(line) for line in range(2, ROWS)), refused(ROWS, f"a wildcard {HOSTILE}")]
    ledger = make_ledger(tmp_path, rows)
    start_run(ledger, identify(supervisor.pid))
    match(ledger, {line: [f"1.2.{line}"] for line in range(2, ROWS - 5)})
    for line in range(2, 12):
        retrieve(ledger, f"1.2.{line}", missing=line % 3 == 0)
    yield ledger
    ledger.close()


@pytest.fixture
def server(tmp_path: Path, ledger: Ledger) -> Iterator[Served]:
    assert ledger.record() is not None
    with served(tmp_path) as started:
        yield started


def test_it_loads_and_updates_while_an_extraction_runs(eyes: Eyes, server: Served, ledger: Ledger) -> None:
    eyes.page.goto(server.address)
    eyes.sees("#live", "Live")
    eyes.sees("#headline", "running")
    assert eyes.page.locator("#charts figure").count() >= 4
    eyes.page.locator("#throughput-summary").click()
    eyes.page.locator("#throughput-summary").focus()
    eyes.page.evaluate("window.stays = true")
    fail(ledger, "1.2.12", "refused: out of resources (A700)")
    eyes.sees("#problems tr", "A700")
    eyes.sees("#rows tr", "A700")
    eyes.sees("#work tr", "A700")
    assert eyes.page.evaluate("window.stays"), "the page was loaded anew"
    assert eyes.page.locator("#throughput-numbers").get_attribute("open") is not None
    assert eyes.page.evaluate("document.activeElement.id") == "throughput-summary"
    assert eyes.complaints == []
    assert eyes.asked_elsewhere == []


def test_it_survives_the_death_of_the_supervisor(
    eyes: Eyes, server: Served, supervisor: "subprocess.Popen[bytes]"
) -> None:
    eyes.page.goto(server.address)
    eyes.sees("#headline", "running")
    supervisor.kill()
    supervisor.wait()
    eyes.sees("#headline", "crashed")
    eyes.sees("#headline", "Run the same command again")
    assert "crashed" in eyes.page.title()
    eyes.sees("#live", "Live")
    assert eyes.complaints == []


def test_what_is_written_in_a_csv_or_by_an_archive_is_text(eyes: Eyes, server: Served) -> None:
    eyes.page.goto(server.address)
    eyes.sees("#problems tr", "onerror=alert(1)")
    assert eyes.page.locator("main img, main script").count() == 0
    assert eyes.complaints == []


def test_a_server_that_is_gone_is_told_and_one_that_is_back_is_found(
    eyes: Eyes, tmp_path: Path, ledger: Ledger
) -> None:
    assert ledger.record() is not None
    with served(tmp_path) as first:
        eyes.page.goto(first.address)
        eyes.sees("#live", "Live")
    eyes.sees("#live.lost", "No connection")
    with served(tmp_path, port=first.port):
        eyes.sees("#live:not(.lost)", "Live")


def test_tables_are_sorted_and_filtered_by_keyboard(eyes: Eyes, server: Served, ledger: Ledger) -> None:
    page = eyes.page
    page.goto(server.address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reach(page, "table[data-name=rows] th:first-child button")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator("table[data-name=rows] th").first.get_attribute("aria-sort") == "descending"
    assert page.locator("#rows td").first.inner_text() == str(ROWS)
    page.locator("input[type=search]").last.focus()
    page.keyboard.type("PARTIAL missing")
    eyes.sees("output", "3 of 39 fit")
    assert visible_lines(page) == ["9", "6", "3"]
    retrieve(ledger, "1.2.12", missing=1)  # sorting and filter hold for what comes
    eyes.sees("output", "4 of 39 fit")
    assert visible_lines(page) == ["12", "9", "6", "3"]
    assert page.evaluate("document.activeElement.type") == "search"
    assert eyes.complaints == []


def reach(page: "Page", selector: str) -> None:
    """Press Tab until the element has the focus; what has it must be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def visible_lines(page: "Page") -> list[str]:
    return page.locator("#rows tr:not([hidden]) td:first-child").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(chromium: "Browser", server: Served, ledger: Ledger, scheme: Any) -> None:
    move(ledger, "1.2.13")
    context = chromium.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True)  # type: ignore[arg-type]
    eyes = Eyes(context)
    eyes.page.goto(server.address)
    eyes.sees("#live", "Live")
    assert eyes.is_as_wide_as_the_window()
    smallest = eyes.page.evaluate(
        "Math.min(...[...document.querySelectorAll('.chart')].map(chart =>"
        " parseFloat(getComputedStyle(chart.querySelector('text')).fontSize)"
        " * chart.getBoundingClientRect().width / chart.viewBox.baseVal.width))"
    )
    assert smallest >= 9
    assert eyes.complaints == []
    context.close()


def test_the_address_with_the_token_opens_it_and_the_token_leaves_the_address_bar(
    eyes: Eyes, tmp_path: Path, ledger: Ledger
) -> None:
    assert ledger.record() is not None
    with served(tmp_path, identifiers=True) as server:
        eyes.page.goto(server.address)
        eyes.sees("#live", "Live")
        eyes.sees("#rows td", "P2")
        assert "token" not in eyes.page.url
        assert eyes.complaints == []


def test_without_the_token_there_is_a_form_for_it(eyes: Eyes, tmp_path: Path, ledger: Ledger) -> None:
    assert ledger.record() is not None
    with served(tmp_path, token="a token that is known") as server:
        eyes.page.goto(f"http://127.0.0.1:{server.port}/")
        eyes.page.get_by_label("Token").fill("a token that is known")
        eyes.page.keyboard.press("Enter")
        eyes.sees("#live", "Live")


def test_several_extractions_stand_on_one_page_that_is_kept_up_to_date(
    eyes: Eyes, tmp_path: Path, ledger: Ledger
) -> None:
    with served(tmp_path, tmp_path / "other") as server:
        eyes.page.goto(server.address)
        eyes.sees("#live", "Live")
        assert eyes.page.locator(".card").count() == 2
        retrieve(ledger, "1.2.13")
        eyes.sees(".card dd", "8 of 39")
        eyes.page.keyboard.press("Tab")
        eyes.page.keyboard.press("Tab")
        eyes.page.keyboard.press("Enter")
        eyes.sees("h1", str(tmp_path))
        assert eyes.complaints == []


@pytest.mark.parametrize("scripts", [True, False])
def test_the_report_is_one_file_that_is_read_without_network_or_script(
    chromium: "Browser", tmp_path: Path, ledger: Ledger, scripts: Any
) -> None:
    assert ledger.record() is not None
    report = tmp_path / "report.html"
    report.write_text(report_html(Layout(tmp_path), SystemClock()), encoding="utf-8")
    context = chromium.new_context(viewport=PHONE, offline=True, java_script_enabled=scripts)  # type: ignore[arg-type]
    eyes = Eyes(context)
    eyes.page.goto(report.as_uri())
    eyes.sees("#rows td", "partial")
    eyes.sees("#problems td", "onerror=alert(1)")
    if scripts:
        assert eyes.is_as_wide_as_the_window()
        eyes.page.locator("input[type=search]").last.fill("partial")
        eyes.sees("output", "3 of 39 fit")
    else:
        assert eyes.page.locator("input, table button").count() == 0  # nothing that does not work
    assert eyes.complaints == []
    assert eyes.asked_elsewhere == []
    context.close()


def test_the_report_can_be_printed(eyes: Eyes, tmp_path: Path, ledger: Ledger) -> None:
    assert ledger.record() is not None
    report = tmp_path / "report.html"
    report.write_text(report_html(Layout(tmp_path), SystemClock()), encoding="utf-8")
    eyes.page.goto(report.as_uri())
    eyes.page.emulate_media(media="print")
    assert not eyes.page.locator(".filter").first.is_visible()
    cut_off = (
        "[...document.querySelectorAll('.table')].some(table => table.scrollHeight > table.clientHeight + 1)"
    )
    assert not eyes.page.evaluate(cut_off)
    assert eyes.page.pdf(format="A4").startswith(b"%PDF")
