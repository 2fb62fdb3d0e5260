"""The page of one real extraction in Chromium without a window, as people use it: live, and as a file."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import wait_until
from tests.support.rig import Rig, corpus_folder
from tests.support.serving import CHROMIUM, NO_BROWSER, Eyes, browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or find_spec("playwright") is None, reason=NO_BROWSER),
]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
MANY_SHADES = 100  # of 256; a window without text has few


@contextmanager
def looking(chromium: "Browser", **options: Any) -> Iterator[Eyes]:
    """A window that is looked at; at its end the browser must have had nothing to complain about."""
    context = chromium.new_context(**options)
    eyes = Eyes(context)
    yield eyes
    context.close()
    assert eyes.complaints == []
    assert eyes.asked_elsewhere == []


def test_the_page_follows_an_extraction_through_failure_death_and_end(plain_rig: Rig, some: Corpus) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(some), "slow=100")  # so that it is killed at work
    asked = [(study.patient_id, study.accession_number) for study in some.studies]
    rig.write_csv([*asked, (asked[0][0], "WILDCARD*"), (asked[1][0], "NOTTHERE1")])
    live = rig.start("--serve", "127.0.0.1:0", command="niffler-status", config=False)
    wait_until(lambda: "http" in live.output(), "the address of the page")
    address = live.output().strip()
    with browser() as chromium:
        with looking(chromium, viewport=DESKTOP) as eyes:
            eyes.page.goto(address)
            eyes.sees("#cards", "No extraction is known")
            cold = rig.start()
            eyes.sees(".card", str(rig.storage))
            eyes.page.keyboard.press("Tab")
            eyes.page.keyboard.press("Tab")
            eyes.page.keyboard.press("Enter")
            eyes.sees("h1", str(rig.storage))
            eyes.sees("#headline", "running")
            eyes.sees("#work", "answers")
            eyes.sees("#work", "at work")
            eyes.page.evaluate("window.stays = true")
            eyes.sees("#problems tr", "rejected")
            cold.kill()
            eyes.sees("#headline", "crashed")
            eyes.sees("#headline", "Run the same command again")
            rig.start()
            eyes.sees("#headline", "finished")
            eyes.sees("#problems tr", "not found")
            eyes.sees("#days .legend", "CT")
            assert eyes.page.evaluate("window.stays"), "it was kept up to date without being loaded anew"
            sort_and_filter_by_keyboard(eyes)
            page = eyes.page.url
        with looking(chromium, viewport=PHONE, color_scheme="dark") as eyes:
            eyes.page.goto(page)
            eyes.sees("#live", "Live")
            assert eyes.is_as_wide_as_the_window()
            assert not rig.identifiers & words_of(eyes.page.content())
        report = rig.private / "report.html"
        with looking(chromium, viewport=PHONE, offline=True) as eyes:
            eyes.page.goto(report.as_uri())
            eyes.sees("#rows td", "rejected")
            assert eyes.is_as_wide_as_the_window()
            assert not rig.identifiers & words_of(eyes.page.content())
    assert "niffler_rows" in metrics(address)
    live.process.terminate()
    assert live.end(10).status == 0


def test_what_is_drawn_fills_the_window_of_a_desk_and_of_a_phone(plain_rig: Rig, some: Corpus) -> None:
    plain_rig.serve(corpus_folder(some))
    plain_rig.ask_for(some.studies[:3])
    assert plain_rig.cold().status == 0
    report = (plain_rig.private / "report.html").as_uri()
    with browser() as chromium:
        for window in (DESKTOP, PHONE):
            for scheme in ("light", "dark"):
                with looking(chromium, viewport=window, color_scheme=scheme, offline=True) as eyes:
                    eyes.page.goto(report)
                    eyes.sees("#headline", "finished")
                    shot = Image.open(BytesIO(eyes.page.screenshot()))
                assert (shot.format, shot.size) == ("PNG", (window["width"], window["height"]))
                shades = shot.convert("L").histogram()
                assert sum(map(bool, shades)) >= MANY_SHADES
                assert (shades.index(max(shades)) >= 128) == (scheme == "light"), "the background's"


def sort_and_filter_by_keyboard(eyes: Eyes) -> None:
    page = eyes.page
    page.locator("#rows-title").scroll_into_view_if_needed()
    page.locator("table[data-name=rows] th:first-child button").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator("#rows td").first.inner_text() == "13"
    page.keyboard.press("Shift+Tab")
    page.locator("input[type=search]").last.focus()
    page.keyboard.type("done")
    eyes.sees("output", "10 of 12 fit")


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w*]+", text))


def metrics(address: str) -> str:
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text
