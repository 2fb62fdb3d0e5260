"""The words of parts of a page."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.status import ProcessStatus
from tests.unit.reporting.test_status_text import BASE


@pytest.mark.parametrize(
    ("restarts", "told"),
    [
        (0, "storescp 4712</li>"),
        (1, "storescp 4712, restarted once</li>"),
        (2, "storescp 4712, restarted 2 times</li>"),
    ],
)
def test_restarts_of_storescp_are_counted_for_extractions_and_receivers(restarts: int, told: str) -> None:
    process = ProcessStatus(role="storescp", pid=4712, alive=True, restarts=restarts)
    page = SimpleNamespace(
        status=replace(BASE, processes=(process,)),
        work=SimpleNamespace(answers=(), events=()),
        at_work=False,
    )
    assert told in render("fragments/work.html", page=page)
    status = SimpleNamespace(processes=[process], unreadable=(), unreadable_files=0, refused=())
    assert told in render("fragments/receiver_work.html", status=status)
