"""Bars and sparklines never lie about there being something, and no state is told by colour alone."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from niffler_ops.reporting.status import ExtractionState
from niffler_ops.reporting.watch.signs import ASCII, STYLES, UNICODE, Signs, bar, shared, signs_for, sparkline

NUMBERS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=4)


@given(NUMBERS, st.integers(min_value=4, max_value=200))
def test_a_bar_is_full_and_shows_whatever_there_is(numbers: list[int], width: int) -> None:
    cells = shared(numbers, width)
    assert sum(cells) == (width if any(numbers) else 0)
    assert [bool(cell) for cell in cells] == [bool(number) for number in numbers]


@given(NUMBERS, st.integers(min_value=0, max_value=3))
def test_a_bar_without_room_for_each_is_no_wider(numbers: list[int], width: int) -> None:
    assert sum(shared(numbers, width)) <= width


def test_a_bar_of_thirds() -> None:
    assert shared([1, 1, 1], 10) == [4, 3, 3]
    parts = {"done": 1, "problem": 0, "active": 1, "pending": 2}
    assert bar(parts, 8, UNICODE).plain == "██▒▒····"
    assert bar({"done": 0}, 8, UNICODE).plain == " " * 8


def test_a_sparkline_has_its_lowest_level_only_where_there_was_nothing() -> None:
    assert sparkline([0, 0.01, 50, 100], UNICODE) == "▁▂▅█"
    assert sparkline([0, 0], ASCII) == "__"
    assert sparkline([], ASCII) == ""


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
def test_every_sign_takes_one_cell_and_states_of_one_kind_differ(signs: Signs) -> None:
    letters = [*signs.states.values(), signs.other, *signs.bar.values(), *signs.levels]
    assert {cell_len(letter) for letter in letters} == {1}
    assert len(set(signs.bar.values())) == len(signs.bar)
    ends = ("done", "partial", "failed", "not_found", "rejected")
    for one, other in combinations(ends, 2):
        assert signs.states[one] != signs.states[other]
    of_runs = [signs.states.get(state, signs.other) for state in ExtractionState if state != "finished"]
    assert len(set(of_runs)) == len(of_runs)


def test_what_has_a_colour_has_a_sign() -> None:
    assert set(STYLES) == set(UNICODE.states) == set(ASCII.states)


@pytest.mark.parametrize(
    ("encoding", "signs"), [("utf-8", UNICODE), ("ascii", ASCII), ("iso8859-1", ASCII), ("nonsense", ASCII)]
)
def test_a_terminal_is_sent_what_it_can_show(encoding: str, signs: Signs) -> None:
    assert signs_for(encoding) is signs
