"""A whole screen as lines: title, sections as far as they fit, and a foot with the keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len
from rich.text import Text

from niffler_ops.reporting.watch.fitting import fit
from niffler_ops.reporting.watch.picture import Picture
from niffler_ops.reporting.watch.signs import Signs
from niffler_ops.reporting.words import duration
from niffler_ops.terminal import printable

KEYS = "q leaves"
OLD = timedelta(seconds=10)
APART = 2


def frame(
    picture: Picture, *, width: int, height: int, signs: Signs, now: datetime, looked_at: datetime, error: str
) -> list[Text]:
    """Exactly `height` lines of at most `width` cells; `error` is why the picture is not of now."""
    if height < 1 or width < 1:
        return []
    head = ends(f"niffler-status  {printable(picture.title)}", f"{now.astimezone():%H:%M:%S}", width, signs)
    foot = ends(_age(now - looked_at, error), KEYS, width, signs)
    foot.stylize("bold" if error else "dim")
    middle = fit(picture.sections(width, signs), max(height - 2, 0), signs.more)
    lines = [head, *middle, *[Text()] * (height - 2 - len(middle)), foot]
    return [_cut(line, width, signs) for line in lines[:height]]


def ends(left: str, right: str, width: int, signs: Signs) -> Text:
    """One text at each end; the left one loses its middle where there is no room."""
    room = width - cell_len(right) - APART
    if room < 1:
        return Text(left)
    text = Text(shortened(left, room, signs), style="bold")
    text.pad_right(width - cell_len(text.plain) - cell_len(right))
    return text.append(right)


def shortened(text: str, room: int, signs: Signs) -> str:
    """A text in so many cells: of a long path its end matters as much as its beginning."""
    if cell_len(text) <= room:
        return text
    keep = max(room - cell_len(signs.more), 0)
    first, last = text[: keep // 2], text[len(text) - (keep - keep // 2) :]
    while first + last and cell_len(first + signs.more + last) > room:
        first, last = first[:-1], last[1:]
    return first + signs.more + last


def _age(age: timedelta, error: str) -> str:
    if error:
        return printable(f"As it was {duration(age)} ago. {error}")
    return f"As it was {duration(age)} ago: the ledger does not answer" if age > OLD else ""


def _cut(line: Text, width: int, signs: Signs) -> Text:
    if cell_len(line.plain) <= width:
        return line
    cut = line.copy()
    cut.truncate(max(width - cell_len(signs.more), 0))
    cut.append(signs.more[:width])
    return cut


def as_text(lines: Sequence[Text]) -> str:
    """The lines without colour, as tests and documents show them."""
    return "".join(f"{line.plain.rstrip()}\n" for line in lines)
