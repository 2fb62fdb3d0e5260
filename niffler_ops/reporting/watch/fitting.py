"""Which lines a screen of some height shows: what matters most first, lists as far as there is room."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

NARROWEST = 20  # columns, in which text is wrapped however narrow the screen is


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Lines that stand together; the lower its `rank`, the sooner they get room.

    It is shown with `least` lines or not at all. A `listing` that is cut says how many are left out, those
    `beyond` its lines as well.
    """

    rank: int
    lines: Sequence[Text]
    least: int = 1
    listing: bool = False
    beyond: int = 0


def fit(sections: Sequence[Section], height: int, more: str) -> list[Text]:
    """At most `height` lines of the sections, in their order, blank lines between where there is room."""
    filled = [section for section in sections if section.lines]
    given = _shared(filled, height)
    shown = [_cut(section, lines, more) for section, lines in zip(filled, given, strict=True) if lines]
    blanks = height - sum(map(len, shown))
    lines: list[Text] = []
    for block in shown:
        if lines and len(block) > 1 and blanks > 0:
            lines.append(Text())
            blanks -= 1
        lines += block
    return lines


def _shared(sections: Sequence[Section], height: int) -> list[int]:
    """By rank what each needs at least, then a line at a time to each that has more."""
    given = [0] * len(sections)
    order = sorted(range(len(sections)), key=lambda index: sections[index].rank)
    left = height
    for index in order:
        least = min(sections[index].least, len(sections[index].lines))
        if least <= left:
            given[index] = least
            left -= least
    growing = True
    while left and growing:
        growing = False
        for index in order:
            if left and 0 < given[index] < len(sections[index].lines):
                given[index] += 1
                left -= 1
                growing = True
    return given


def _cut(section: Section, lines: int, more: str) -> list[Text]:
    left_out = len(section.lines) - lines + section.beyond
    if not left_out or not section.listing or lines < 2:  # noqa: PLR2004 - a title and a line
        return list(section.lines[:lines])
    return [*section.lines[: lines - 1], Text(f"  {more} {left_out + 1} more", style="dim")]
