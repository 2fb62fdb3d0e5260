"""What of the pages only a browser can show, over ledgers without an extraction; one browser for all."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.page import report_html
from tests.support.extractions import asked, fail, make_ledger, match, refused, retrieve, start_run
from tests.support.serving import CHROMIUM, NO_BROWSER, Eyes, browser, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or find_spec("playwright") is None, reason=NO_BROWSER),
]

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ROWS = 40
TOKEN = "a token that is known"
CUT_OFF = (
    "[...document.querySelectorAll('.table')].some(table => table.scrollHeight > table.clientHeight + 1)"
)


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    with browser() as started:
        yield started


@pytest.fixture
def eyes(chromium: "Browser") -> Iterator[Eyes]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield Eyes(context)
    context.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An extraction at work with many rows, of which one is rejected for a hostile reason."""
    rows = [*(asked(line) for line in range(2, ROWS)), refused(ROWS, f"a wildcard {HOSTILE}")]
    ledger = make_ledger(tmp_path, rows)
    start_run(ledger)
    match(ledger, {line: [f"1.2.{line}"] for line in range(2, ROWS - 5)})
    for line in range(2, 12):
        retrieve(ledger, f"1.2.{line}", missing=line % 3 == 0)
    yield ledger
    ledger.close()


def test_a_study_that_fails_is_shown_in_the_page_that_is_open(
    eyes: Eyes, tmp_path: Path, ledger: Ledger
) -> None:
    page = eyes.page
    with served(tmp_path) as server:
        page.goto(server.address)
        eyes.sees("#live", "Live")
        eyes.sees("#problems tr", "onerror=alert(1)")
        page.evaluate("window.stays = true")
        page.locator("#throughput-summary").click()
        page.locator("#throughput-summary").focus()
        fail(ledger, "1.2.12", "refused: out of resources (A700)")
        for part in ("#problems tr", "#rows tr", "#work tr"):
            eyes.sees(part, "A700")
        assert page.evaluate("window.stays"), "the page was loaded anew"
        assert page.locator("#throughput-numbers").get_attribute("open") is not None
        assert page.evaluate("document.activeElement.id") == "throughput-summary"
        assert page.locator("main img, main script").count() == 0
        assert eyes.complaints == []


def test_without_the_token_there_is_a_form_for_it(eyes: Eyes, tmp_path: Path, ledger: Ledger) -> None:
    assert ledger.record() is not None
    with served(tmp_path, token=TOKEN) as server:
        eyes.page.goto(f"http://127.0.0.1:{server.port}/")
        eyes.page.get_by_label("Token").fill(TOKEN)
        eyes.page.keyboard.press("Enter")
        eyes.sees("#live", "Live")
        assert "token" not in eyes.page.url


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


def test_the_report_is_read_without_script_and_printed(
    chromium: "Browser", eyes: Eyes, tmp_path: Path, ledger: Ledger
) -> None:
    assert ledger.record() is not None
    report = tmp_path / "report.html"
    report.write_text(report_html(Layout(tmp_path), SystemClock()), encoding="utf-8")
    context = chromium.new_context(offline=True, java_script_enabled=False)
    plain = Eyes(context)
    plain.page.goto(report.as_uri())
    plain.sees("#rows td", "partial")
    plain.sees("#problems td", "onerror=alert(1)")
    assert plain.page.locator("input, table button").count() == 0, "nothing that does not work"
    assert (plain.complaints, plain.asked_elsewhere) == ([], [])
    context.close()
    eyes.page.goto(report.as_uri())
    eyes.page.emulate_media(media="print")
    assert not eyes.page.locator(".filter").first.is_visible()
    assert not eyes.page.evaluate(CUT_OFF)
    assert eyes.page.pdf(format="A4").startswith(b"%PDF")
    assert eyes.complaints == []
