"""What the charts of a page say, of a history made by hand."""

from collections import Counter
from datetime import date

import pytest

from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.page.charts import charts
from niffler_ops.reporting.page.history import STEPS, History, modality
from niffler_ops.reporting.page.scales import COLUMNS, column_span, ticks
from niffler_ops.reporting.page.svg import element
from niffler_ops.states import StudyState

MINUTE = 29_000_000


def history() -> History:
    made = History()
    made.minutes = {MINUTE: Counter({StudyState.DONE: 3, StudyState.FAILED: 1}), MINUTE + 5: Counter()}
    made.instances = Counter({MINUTE: 30})
    made.days = {
        date(2026, 5, 1): Counter({("CT", StudyState.DONE): 2, ("<b>", StudyState.DONE): 1}),
        date(2026, 5, 2): Counter({("CT", StudyState.FAILED): 1}),
    }
    made.durations[STEPS.index(5)] = 9
    made.durations[-1] = 1
    return made


def drawn() -> dict[str, str]:
    counts = Counts(done=3, failed=1)
    made = charts(history(), rows=counts, studies=counts, now_minute=None)
    return {chart.name: f"{chart.title}: {chart.reading} {chart.drawing}" for chart in made}


def test_each_chart_tells_its_content_in_words() -> None:
    told = drawn()
    assert "4 rows: 3 done, 1 failed." in told["states-of-rows"]
    assert "4 studies ended in 6 min, at most 240 an hour." in told["throughput"]
    assert "Studies by modality and day: By the day" in told["days"]
    assert "3 CT, 1 &lt;b&gt;" in told["days"] or "3 CT, 1 <b>" in told["days"].partition("<svg")[0]
    assert "10 retrieves: half of them took up to 5 s, nine of ten up to 5 s." in told["durations"]


def test_what_an_archive_wrote_never_becomes_an_element_of_a_drawing() -> None:
    assert "<b>" not in drawn()["days"].partition("<svg")[2]
    assert element("text", "<b>", x=1.0, class_="a") == '<text x="1" class="a">&lt;b&gt;</text>'


def test_without_history_only_the_states_are_drawn() -> None:
    made = charts(History(), rows=Counts(pending=2), studies=Counts(), now_minute=MINUTE)
    assert [chart.name for chart in made] == ["states-of-rows", "states-of-studies"]


@pytest.mark.parametrize("minutes", [1, 47, 49, 1441, 100_000, 5_000_000])
def test_time_never_has_more_columns_than_there_is_room_for(minutes: int) -> None:
    assert minutes / column_span(minutes) <= COLUMNS


@pytest.mark.parametrize("highest", [0, 0.003, 1, 7, 99, 1000, 123_456])
def test_an_axis_has_few_round_ticks_and_reaches_the_highest_value(highest: float) -> None:
    marks = ticks(highest)
    assert 2 <= len(marks) <= 6
    assert marks[0] == 0
    assert marks[-1] >= highest * (1 - 1e-9)


@pytest.mark.parametrize(
    ("values", "kind"), [("", ""), ("SR\\CT", "CT"), ("SR", "SR"), ("PT\\CT\\SEG", "CT"), (" MR ", "MR")]
)
def test_a_study_is_of_the_kind_of_its_images(values: str, kind: str) -> None:
    assert modality(values) == kind
