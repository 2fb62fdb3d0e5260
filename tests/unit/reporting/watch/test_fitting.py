"""What matters most is on every screen; lists take what room there is, and say what they leave out."""

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from niffler_ops.reporting.watch.fitting import Section, fit


def section(name: str, lines: int, rank: int, *, least: int = 1, listing: bool = False) -> Section:
    return Section(
        rank=rank, lines=[Text(f"{name}{line}") for line in range(lines)], least=least, listing=listing
    )


def shown(sections: list[Section], height: int) -> list[str]:
    return [line.plain for line in fit(sections, height, "...")]


SECTIONS = [
    section("a", 1, 0),
    section("b", 4, 2, least=2, listing=True),
    section("c", 6, 3, least=2, listing=True),
    section("d", 1, 1),
]


def test_the_lowest_ranks_are_shown_where_there_is_little_room() -> None:
    assert shown(SECTIONS, 0) == []
    assert shown(SECTIONS, 1) == ["a0"]
    assert shown(SECTIONS, 2) == ["a0", "d0"]
    assert shown(SECTIONS, 3) == ["a0", "d0"], "a title alone is of no use"


def test_lists_grow_together_and_say_what_they_leave_out() -> None:
    assert shown(SECTIONS, 8) == ["a0", "b0", "b1", "  ... 2 more", "c0", "c1", "  ... 4 more", "d0"]


def test_where_there_is_room_sections_stand_apart() -> None:
    everything = shown(SECTIONS, 30)
    assert everything == ["a0", "", *(f"b{n}" for n in range(4)), "", *(f"c{n}" for n in range(6)), "d0"]


def test_a_section_without_lines_takes_none() -> None:
    assert shown([section("a", 0, 0), section("b", 1, 1)], 5) == ["b0"]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(1, 4), st.booleans()), max_size=8),
    st.integers(0, 40),
)
def test_no_more_lines_than_there_are(shapes: list[tuple[int, int, int, bool]], height: int) -> None:
    sections = [
        section(f"s{number}-", lines, rank, least=least, listing=listing)
        for number, (lines, rank, least, listing) in enumerate(shapes)
    ]
    assert len(shown(sections, height)) <= height
    whole = sum(lines for lines, *_ in shapes)
    if whole <= height:
        assert len([line for line in shown(sections, height) if line]) == whole
