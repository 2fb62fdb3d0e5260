"""A chart of stacked columns, and one of bars with their numbers, as SVG of about 440 units in width."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from niffler_ops.reporting.page.scales import tick_text, ticks
from niffler_ops.reporting.page.svg import element

WIDTH, HEIGHT = 440.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 10.0, 172.0
LABEL_LINE = 192.0
GAP = 1.0  # between columns and between the parts of one, so that no border is told by colour alone
ROOM_AT_END = 18.0  # for half a label
BAR_LINE, BAR, BAR_LEFT, BAR_RIGHT = 26.0, 16.0, 104.0, 350.0


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it begins and ends from 0 to 1, its parts (kind and value, from below), its words."""

    begin: float
    end: float
    parts: Sequence[tuple[str, float]]
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its kind, label, value and the words for the value."""

    kind: str
    label: str
    value: int
    words: str


def columns(
    drawn: Sequence[Column],
    *,
    name: str,
    labels: Iterable[tuple[float, str]],
    bands: Iterable[tuple[float, float]] = (),
) -> Markup:
    """Stacked columns over an axis with `labels`, `bands` shaded behind them; `name` says what it shows."""
    marks = ticks(max((sum(value for _, value in column.parts) for column in drawn), default=0.0))
    return element(
        "svg",
        element("title", name),
        *(_band(*band) for band in bands),
        *(_grid(mark, marks[-1]) for mark in marks),
        *(_column(column, marks[-1]) for column in drawn),
        *(_label(place, text) for place, text in labels),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        class_="chart",
    )


def bars(drawn: Sequence[Bar], *, name: str, left: float = BAR_LEFT) -> Markup:
    """Bars below one another, the longest being the highest value, each with its label and number.

    They begin at `left`, which leaves room for the labels.
    """
    highest = max((bar.value for bar in drawn), default=0) or 1
    return element(
        "svg",
        element("title", name),
        *(_bar(bar, BAR_LINE * index, highest, left) for index, bar in enumerate(drawn)),
        viewBox=f"0 0 {WIDTH:g} {max(BAR_LINE * len(drawn), 1):g}",
        role="img",
        class_="chart",
    )


def _across(place: float) -> float:
    return LEFT + place * (WIDTH - LEFT - RIGHT)


def _up(value: float, highest: float) -> float:
    return BOTTOM - value / highest * (BOTTOM - TOP)


def _band(begin: float, end: float) -> Markup:
    return element(
        "rect",
        x=_across(begin),
        y=TOP,
        width=_across(end) - _across(begin),
        height=BOTTOM - TOP,
        class_="band",
    )


def _grid(mark: float, highest: float) -> Markup:
    height = _up(mark, highest)
    return Markup("").join(
        (
            element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=height, y2=height, class_="grid"),
            element("text", tick_text(mark), x=LEFT - 6, y=height + 4, text_anchor="end"),
        )
    )


def _column(column: Column, highest: float) -> Markup:
    begin, end = _across(column.begin), _across(column.end)
    parts, below = [element("title", column.words)], 0.0
    for kind, value in column.parts:
        top, bottom = _up(below + value, highest), _up(below, highest)
        below += value
        if value:
            parts.append(
                element(
                    "rect",
                    x=begin + GAP / 2,
                    y=top,
                    width=max(end - begin - GAP, GAP),
                    height=max(bottom - top - GAP, GAP),
                    class_=kind,
                )
            )
    return element("g", *parts) if len(parts) > 1 else Markup("")


def _label(place: float, text: str) -> Markup:
    across = _across(place)
    anchor = "end" if across > WIDTH - ROOM_AT_END else "middle"
    return element("text", text, x=min(across, WIDTH - 1), y=LABEL_LINE, text_anchor=anchor)


def _bar(bar: Bar, top: float, highest: int, left: float) -> Markup:
    length = bar.value / highest * (BAR_RIGHT - left)
    middle = top + BAR_LINE / 2
    return element(
        "g",
        element("title", f"{bar.label}: {bar.words}"),
        element("text", bar.label, x=left - 8, y=middle + 4, text_anchor="end"),
        element(
            "rect",
            x=left,
            y=middle - BAR / 2,
            width=max(length, 2.0) if bar.value else 0.0,
            height=BAR,
            rx=2,
            class_=bar.kind,
        ),
        element("text", bar.words, x=left + (length if bar.value else 0) + 8, y=middle + 4),
    )
