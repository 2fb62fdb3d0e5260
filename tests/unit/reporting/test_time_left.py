"""The expected end is the same wherever it is told, and counts the hours of NightlyOnly only."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from niffler_ops.clock import timestamp
from niffler_ops.reporting.page.headline import figures
from niffler_ops.reporting.registry_text import facts
from niffler_ops.reporting.status import ExtractionState, Status
from niffler_ops.reporting.status_json import status_json
from niffler_ops.reporting.status_text import WIDTH, status_text
from niffler_ops.reporting.time_left import end_of, until_when
from niffler_ops.reporting.together import together_json, together_text
from niffler_ops.stages.windows import Window
from tests.unit.reporting.test_prometheus import value
from tests.unit.reporting.test_status_text import BASE, NOW

HOUR = timedelta(hours=1)


def window(opens_in: int, hours: int) -> Window:
    """One that opens in so many hours, in the zone of this machine."""
    start = (NOW + opens_in * HOUR).astimezone().hour
    return Window(start_hour=start, end_hour=(start + hours) % 24)


def paused(**changes: object) -> Status:
    return replace(
        BASE,
        state=ExtractionState.PAUSED,
        pause_reason="NightlyOnly",
        resumes_at=timestamp(NOW + 3 * HOUR),
        eta_seconds=90 * 60,
        night=window(3, 1),
        **changes,  # type: ignore[arg-type]
    )


def test_the_hours_in_which_no_archive_may_be_asked_are_no_time_of_work() -> None:
    assert end_of(BASE) == NOW + timedelta(seconds=4000)
    assert end_of(replace(BASE, night=window(0, 1))) == NOW + 24 * HOUR + timedelta(seconds=400)
    assert end_of(replace(BASE, eta_seconds=None)) is None


def test_a_pause_counts_from_its_end_and_one_that_waits_for_a_person_has_none() -> None:
    assert end_of(paused()) == NOW + 27.5 * HOUR
    waits = replace(paused(), resumes_at=None, night=None)
    assert end_of(waits) is None
    assert until_when(waits) == ", once it goes on"


@pytest.mark.parametrize("status", [replace(BASE, night=window(0, 1)), paused()], ids=["running", "paused"])
def test_text_page_list_scripts_and_prometheus_tell_the_same(status: Status) -> None:
    end = end_of(status)
    assert end is not None
    told = f"from {status.night} only, until about {end.astimezone():%a %d %b %H:%M}"
    text = status_text(status)
    assert told in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert told in {figure.label: figure.detail for figure in figures(status)}["to go, about"]
    assert told in ", ".join(facts(status))
    assert datetime.fromisoformat(status_json(status)["expected_end"]) == end
    assert value("niffler_expected_end_timestamp_seconds", status=status) == end.timestamp()


def test_what_is_not_known_is_null_and_absent() -> None:
    stopped = replace(BASE, state=ExtractionState.STOPPED, eta_seconds=None)
    assert status_json(stopped)["expected_end"] is None
    assert value("niffler_expected_end_timestamp_seconds", status=stopped) is None


def test_several_end_with_the_last_of_them() -> None:
    last = paused(storage_folder="/data/other")
    total = together_json([BASE, last])["total"]
    assert datetime.fromisoformat(total["expected_end"]) == end_of(last)
    assert f", until about {NOW.astimezone() + 27.5 * HOUR:%a %d %b %H:%M}" in together_text([BASE, last])
    assert together_json([BASE, replace(last, eta_seconds=None)])["total"]["expected_end"] is None
