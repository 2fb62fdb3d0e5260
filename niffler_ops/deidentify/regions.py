"""Rectangles of an image, and what a mask of them leaves."""

from collections.abc import Iterable
from typing import NamedTuple


class Region(NamedTuple):
    """A rectangle of pixels: columns from `left` up to `right`, rows from `top` up to `bottom`, from 0."""

    left: int
    top: int
    right: int
    bottom: int

    def within(self, columns: int, rows: int) -> "Region":
        """The part of it that an image of this size has."""
        return Region(
            min(max(self.left, 0), columns),
            min(max(self.top, 0), rows),
            min(max(self.right, 0), columns),
            min(max(self.bottom, 0), rows),
        )

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is in it."""
        return self.left >= self.right or self.top >= self.bottom

    def without(self, other: "Region") -> tuple["Region", ...]:
        """What is left of it when `other` is cut out: up to four rectangles, above, below, left and right."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        if Region(left, top, right, bottom).is_empty:
            return (self,)
        parts = (
            Region(self.left, self.top, self.right, top),
            Region(self.left, bottom, self.right, self.bottom),
            Region(self.left, top, left, bottom),
            Region(right, top, self.right, bottom),
        )
        return tuple(part for part in parts if not part.is_empty)


def blanked(steps: Iterable[tuple[bool, Region]], columns: int, rows: int) -> tuple[Region, ...]:
    """What is to be blanked of an image after all steps, each blanking (True) or keeping a rectangle."""
    result: list[Region] = []
    for is_blank, region in steps:
        clipped = region.within(columns, rows)
        if clipped.is_empty:
            continue
        # Cut out of the others first, so that no two of the result overlap.
        result = [part for blank in result for part in blank.without(clipped)]
        if is_blank:
            result.append(clipped)
    return tuple(result)
