"""A page of the analyses is a file of its own: it opens offline, is complete, and fits a phone."""

import os
import subprocess
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from niffler_ops.metadata import Record, open_store
from tests.support.processes import ROOT
from tests.support.serving import CHROMIUM, NO_BROWSER, Eyes, browser
from tests.unit.insight.series import record

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or find_spec("playwright") is None, reason=NO_BROWSER),
]

DAY = 24 * 60
HOSTILE = "<img src=x onerror=alert(1)>"
UNREADABLE = "[...document.querySelectorAll('svg')].some(chart => chart.getBoundingClientRect().width < 600)"


def week_of(serial: str, station: str, modality: str) -> list[Record]:
    """Eight exams on each of five days."""
    return [
        record(
            day * DAY + 480 + number * (30 + int(serial)),
            day * DAY + 495 + number * (30 + int(serial)) + day,
            received=day * DAY + 520 + number * 35,
            PatientID=f"P{day}.{number}",
            StudyInstanceUID=f"2.25.{serial}.{day}.{number}",
            DeviceSerialNumber=serial,
            StationName=station,
            Modality=modality,
            StudyDescription=("HEAD", "ABDOMEN AND PELVIS WITH CONTRAST", HOSTILE)[number % 3],
        )
        for day in range(5)
        for number in range(8)
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each page as the command writes it, by what it is of."""
    folder = tmp_path_factory.mktemp("pages")
    url = f"sqlite:///{folder}/store.sqlite"
    with closing(open_store(url)) as store:
        for scanner in (("1", "CT1", "CT"), ("2", "MR-EAST-3T", "MR"), ("3", HOSTILE, "CT")):
            store.upsert("default", week_of(*scanner))
    asked: dict[str, tuple[str, ...]] = {
        by: ("utilization", "--by", by) for by in ("scanner", "modality", "hour", "description")
    }
    asked |= {"clocks": ("clocks",), "scanners": ("scanners",)}
    written = {name: folder / f"{name}.html" for name in asked}
    environment = {name: value for name, value in os.environ.items() if name != "MONGO_URI"}
    for name, arguments in asked.items():
        command = [f"{ROOT}/bin/niffler-insight", *arguments, "--store", url, "--html", str(written[name])]
        subprocess.run(command, check=True, timeout=120, env=environment)
    return written


def test_pages_open_offline_with_their_charts_and_fit_a_phone(pages: dict[str, Path]) -> None:
    charts = {"scanner": 5, "modality": 6, "hour": 6, "description": 6, "clocks": 3, "scanners": 1}
    with browser() as chromium:
        context = chromium.new_context(offline=True, viewport={"width": 390, "height": 800})
        for name, path in pages.items():
            eyes = Eyes(context)
            eyes.page.goto(path.as_uri())
            assert eyes.page.locator("svg").count() == charts[name], name
            assert eyes.is_as_wide_as_the_window(), name
            assert not eyes.page.evaluate(UNREADABLE), name
            assert eyes.page.locator("img, script").count() == 0, name
            assert (eyes.complaints, eyes.asked_elsewhere) == ([], []), name
            eyes.page.close()
