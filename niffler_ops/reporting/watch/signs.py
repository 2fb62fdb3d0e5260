"""Signs, colours and bars. Every state has a sign of its own, and colour only repeats what that says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

# Okabe and Ito's palette: people with any colour vision tell them apart, on dark and on light ground.
GREEN, BLUE, ORANGE, VERMILION, PURPLE = "#009E73", "#0072B2", "#E69F00", "#D55E00", "#CC79A7"
STYLES: Mapping[str, str] = {
    "done": GREEN,
    "finished": GREEN,
    "answers": GREEN,
    "running": BLUE,
    "active": BLUE,
    "paused": PURPLE,
    "waits": PURPLE,
    "partial": ORANGE,
    "not_found": ORANGE,
    "unknown": ORANGE,
    "rejected": ORANGE,
    "problem": VERMILION,
    "failed": VERMILION,
    "crashed": VERMILION,
}
LABEL = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Signs:
    """The characters to draw with: by state, of bars, of sparklines from nothing to the highest."""

    states: Mapping[str, str]
    other: str
    bar: Mapping[str, str]
    levels: str
    more: str


UNICODE = Signs(
    states={
        "done": "✓",
        "finished": "✓",
        "answers": "✓",
        "running": "▸",
        "active": "▸",
        "paused": "‖",
        "waits": "‖",
        "partial": "◐",
        "not_found": "?",
        "unknown": "?",
        "rejected": "!",
        "problem": "✗",
        "failed": "✗",
        "crashed": "✗",
    },
    other="·",
    bar={"done": "█", "active": "▒", "problem": "✗", "pending": "·"},
    levels="▁▂▃▄▅▆▇█",
    more="…",
)
ASCII = Signs(
    states={
        "done": "+",
        "finished": "+",
        "answers": "+",
        "running": ">",
        "active": ">",
        "paused": "=",
        "waits": "=",
        "partial": "~",
        "not_found": "?",
        "unknown": "?",
        "rejected": "!",
        "problem": "x",
        "failed": "x",
        "crashed": "x",
    },
    other="-",
    bar={"done": "#", "active": ">", "problem": "x", "pending": "."},
    levels="_.:-=+*#",
    more="...",
)


def signs_for(encoding: str) -> Signs:
    """What a terminal of this encoding can show."""
    try:
        "".join((*UNICODE.states.values(), *UNICODE.bar.values(), UNICODE.levels)).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def sign(state: str, signs: Signs) -> Text:
    """The sign of a state, in its colour."""
    return Text(signs.states.get(state, signs.other), style=STYLES.get(state, ""))


def bar(parts: Mapping[str, int], width: int, signs: Signs) -> Text:
    """So many cells for each kind of `Signs.bar`, none of them gone while there is one of it."""
    text = Text()
    for kind, cells in zip(parts, shared(list(parts.values()), width), strict=True):
        text.append(signs.bar[kind] * cells, style=STYLES.get(kind, "dim"))
    text.pad_right(width - len(text))
    return text


def shared(numbers: Sequence[int], width: int) -> list[int]:
    """Cells by the shares of the numbers: `width` in all, at least one for each where there is room."""
    total = sum(numbers)
    if not total:
        return [0] * len(numbers)
    cells = [max(number * width // total, 1 if number else 0) for number in numbers]
    while sum(cells) > width:
        cells[cells.index(max(cells))] -= 1
    if sum(cells) < width:
        cells[numbers.index(max(numbers))] += width - sum(cells)
    return cells


def sparkline(values: Sequence[float], signs: Signs) -> str:
    """A level for each value; nothing at all has the lowest, and whatever there is a higher one."""
    highest = max(values, default=0.0)
    steps = len(signs.levels) - 1
    return "".join(
        signs.levels[min(int(value / highest * steps) + 1, steps) if value > 0 else 0] for value in values
    )
