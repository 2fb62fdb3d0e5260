"""What can be watched, and how one look at it is told: as sections of a screen, and in a line."""

from collections.abc import Hashable, Sequence
from typing import Protocol

from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.signs import Signs


class Picture(Protocol):
    """One look. `told_at_once` is what a plain line is written for when it changes."""

    @property
    def title(self) -> str:
        """What is looked at."""
        ...

    @property
    def at_work(self) -> bool:
        """Whether anything will change by itself."""
        ...

    @property
    def told_at_once(self) -> Hashable:
        """The state, the problems: what nobody wants to hear of later."""
        ...

    @property
    def line(self) -> str:
        """How it stands, in a line."""
        ...

    def sections(self, width: int, signs: Signs) -> Sequence[Section]:
        """How it stands, in lines of at most `width` cells."""
        ...


class Source(Protocol):
    """Something that can be looked at again and again."""

    def look(self) -> Picture:
        """How it stands now; MissingInputError where that cannot be read."""
        ...
