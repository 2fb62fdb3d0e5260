"""Which rows a page shows: by state and from a line on; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from niffler_ops.reporting.counts import ROW_GROUPS
from niffler_ops.states import RowState

ALL = "all"
PROBLEMS = "problems"
LARGEST_LINE = 2**62
_PROBLEM_GROUPS = frozenset({"partial", "failed", "not_found", "rejected"})
CHOICES = (ALL, PROBLEMS, *(name for name in dict.fromkeys(ROW_GROUPS.values()) if name != "withdrawn"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Rows of `group` (one of CHOICES) from the line `first` on."""

    group: str = ALL
    first: int = 0

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """From the query of an address; what makes no sense there selects nothing in particular."""
        group, first = parameters.get("state", ALL), parameters.get("from", "")
        return cls(
            group=group if group in CHOICES else ALL,
            first=min(int(first), LARGEST_LINE) if first.isascii() and first.isdigit() else 0,
        )

    @property
    def states(self) -> list[RowState]:
        """The states of these rows."""
        return [state for state, group in ROW_GROUPS.items() if self._takes(group)]

    def following(self, first: int) -> str:
        """The query of an address that goes on at this line."""
        return f"?state={self.group}&from={first}"

    def _takes(self, group: str) -> bool:
        if self.group == PROBLEMS:
            return group in _PROBLEM_GROUPS
        return group == self.group or (self.group == ALL and group != "withdrawn")
