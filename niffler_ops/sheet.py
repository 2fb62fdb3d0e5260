"""A sheet of `niffler-status --csv` given back as the CSV: its lines without what the sheet added.

So a line that was not touched has the cells that it had, and is known again also where they are refused.
"""

from collections.abc import Sequence

OURS = ("niffler_line", "niffler_reason", "niffler_state")
REMOVE_ME = "niffler: the columns of this line are wrong; remove this cell when they are right"


def own_columns(header: Sequence[str]) -> int:
    """How many columns are the user's: all of them, where a sheet's do not follow as they were written."""
    names = tuple(name.strip() for name in header)
    return len(names) - len(OURS) if names[-len(OURS) :] == OURS else len(names)


def own_cells(cells: Sequence[str], own: int, columns: int) -> tuple[str, ...]:
    """The cells of a line under the first `own` of `columns`, and those beyond the header."""
    if own == columns:
        return tuple(cells)
    beyond = tuple(cell for cell in cells[columns:] if cell != REMOVE_ME)
    kept = list(cells[:own])
    if cells[-1:] == [REMOVE_ME] and not beyond:  # filled up, because it had too few
        while kept and not kept[-1]:
            kept.pop()
    return (*kept, *beyond)
