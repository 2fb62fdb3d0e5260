"""What is searched for, as hashes: ten bytes for a spelling, so that a million instances fit in memory."""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_COMPACT_AT = 1 << 21
_RECENT = 1 << 19

Hashes = NDArray[np.int64]
Labels = NDArray[np.uint16]


class Index:
    """Spellings, each with the attribute it comes from; for one process, whose `hash` it uses.

    `openings` has the first words of all phrases, with the lengths that occur, in words.
    """

    def __init__(self) -> None:
        self._hashes: Hashes = np.empty(0, np.int64)
        self._labels: Labels = np.empty(0, np.uint16)
        self._new_hashes = array("q")
        self._new_labels = array("H")
        self._recent: set[int] = set()
        self._names: dict[str, int] = {}
        self.openings: dict[int, frozenset[int]] = {}

    def __len__(self) -> int:
        self._merge()
        return len(self._hashes)

    def add(self, key: str, attribute: str) -> None:
        """Search for `key`, a kind's letter, a colon and a spelling."""
        number = hash(key)
        if number in self._recent:
            return
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        self._recent.add(number)
        self._new_hashes.append(number)
        self._new_labels.append(self._names.setdefault(attribute, min(len(self._names), 0xFFFF)))
        if len(self._new_hashes) >= _COMPACT_AT:
            self._merge()

    def add_phrase(self, phrase: Sequence[str], attribute: str) -> None:
        """Search for words in this order."""
        if len(phrase) > 1:
            first = hash(phrase[0])
            lengths = self.openings.get(first, frozenset())
            if len(phrase) not in lengths:
                self.openings[first] = lengths | {len(phrase)}
        self.add("w:" + " ".join(phrase), attribute)

    def find(self, numbers: Sequence[int]) -> list[tuple[int, str]]:
        """Which of the hashes are searched for: position, and the attribute."""
        self._merge()
        if not len(self._hashes) or not numbers:
            return []
        sought = np.array(numbers, np.int64)
        at = np.minimum(np.searchsorted(self._hashes, sought), len(self._hashes) - 1)
        names = list(self._names)
        return [
            (int(hit), names[self._labels[at[hit]]]) for hit in np.flatnonzero(self._hashes[at] == sought)
        ]

    def _merge(self) -> None:
        """Sort what is new into what is there; a spelling keeps the attribute that had it first."""
        if not self._new_hashes:
            return
        hashes = np.concatenate([self._hashes, np.frombuffer(self._new_hashes, np.int64)])
        labels = np.concatenate([self._labels, np.frombuffer(self._new_labels, np.uint16)])
        self._hashes, first = np.unique(hashes, return_index=True)
        self._labels = labels[first]
        self._new_hashes, self._new_labels = array("q"), array("H")
