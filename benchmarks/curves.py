"""Draws the figures that belong to a number, as those of a row to the number of rows: one picture a run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.rows import Row

FEWEST = 3  # points, below which a table says as much
WIDTH, HEIGHT, DOTS = 6.4, 2.6, 120  # inches of each curve, and how many to the inch
Points = list[tuple[float, float]]


def draw(tables: Mapping[str, Sequence[Row]], path: Path) -> bool:
    """Write a PNG file; whether there was anything to draw."""
    drawn = {axis: lines for axis, lines in _curves(tables).items() if any(map(_is_long, lines.values()))}
    if not drawn:
        return False
    figure = Figure(figsize=(WIDTH, HEIGHT * len(drawn)), layout="constrained")
    for axes, (axis, lines) in zip(
        figure.subplots(len(drawn), squeeze=False)[:, 0], drawn.items(), strict=True
    ):
        _draw_one(axes, axis, lines)
    figure.savefig(path, dpi=DOTS)
    return True


def _curves(tables: Mapping[str, Sequence[Row]]) -> Mapping[tuple[str, str], dict[str, Points]]:
    """Unit and what it is drawn over, then the points of each line by its name."""
    curves: dict[tuple[str, str], dict[str, Points]] = defaultdict(lambda: defaultdict(list))
    for rows in tables.values():
        for row in rows:
            if row.curve is not None:
                curves[row.unit, row.curve.over][row.curve.name].append((row.curve.at, row.ours))
    return curves


def _is_long(points: Points) -> bool:
    return len(points) >= FEWEST


def _draw_one(axes: Axes, axis: tuple[str, str], lines: Mapping[str, Points]) -> None:
    unit, over = axis
    for name, points in lines.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
    axes.set(xlabel=over, ylabel=unit)
    axes.set_ylim(bottom=0, top=1.1 * max(value for points in lines.values() for _, value in points))
    if over == "rows":
        axes.set_xscale("log")
    axes.grid(alpha=0.3)
    axes.legend()
