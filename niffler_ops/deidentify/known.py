"""What is known of patients and studies: one file names whom another leaves unnamed."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

_MOST_GROUPS = 4096
_MOST_VALUES = 2048  # of a patient: an id such as 0 is everybody's

Group = tuple[str, str]
Value = tuple[int, str]


class Known:
    """The values that were met in files, by patient and study; those longest not asked for are forgotten."""

    def __init__(self) -> None:
        self._groups: OrderedDict[Group, set[Value]] = OrderedDict()
        self.changes = 0

    def learn(self, groups: Iterable[Group], values: Iterable[Value]) -> frozenset[Value]:
        """Note the values of a file that belongs to these groups; gives all that is known of them."""
        own = set(values)
        known = set(own)
        for values_of_group in self._noted(groups):
            if len(values_of_group) < _MOST_VALUES and not own <= values_of_group:
                values_of_group.update(own)
                self.changes += 1
            known |= values_of_group
        return frozenset(known)

    def _noted(self, groups: Iterable[Group]) -> Iterator[set[Value]]:
        for group in groups:
            yield self._groups.setdefault(group, set())
            self._groups.move_to_end(group)
        while len(self._groups) > _MOST_GROUPS:
            self._groups.popitem(last=False)
            self.changes += 1
