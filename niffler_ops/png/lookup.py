"""Look-up tables as data sets hold them (PS3.3 C.11.1.1.1): descriptor and data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

_DESCRIPTOR_VALUES = 3
_ALL_WORDS = 1 << 16
_LARGEST_SIGNED = (1 << 15) - 1
_BYTE = 8


@dataclass(frozen=True, slots=True)
class Lookup:
    """Entries of 16 bits, of which `bits` count; the first belongs to the input value `first`.

    Smaller inputs get the first entry, larger ones the last.
    """

    first: int
    bits: int
    content: bytes

    @property
    def entries(self) -> NDArray[np.uint16]:
        """The outputs in order."""
        return np.frombuffer(self.content, "<u2")

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The output for each input value; a fractional one counts as the nearest whole number."""
        entries = self.entries.astype(np.float64)
        index = np.rint(np.nan_to_num(values)) - self.first
        outputs: NDArray[np.float64] = entries[np.clip(index, 0, len(entries) - 1).astype(np.intp)]
        return outputs


def lookup_of(item: Dataset, *, negative: bool, little_endian: bool) -> Lookup | None:
    """The table of an item of a LUT sequence, None where it has none that could be used.

    `negative`: its input may be negative, so that the first input value is to be read as a signed number.
    """
    descriptor = item.get("LUTDescriptor")
    if not isinstance(descriptor, Sequence) or len(descriptor) != _DESCRIPTOR_VALUES:
        return None
    count, first, bits = (int(value) & (_ALL_WORDS - 1) for value in descriptor)
    entries = table_entries(item.get("LUTData"), count or _ALL_WORDS, little_endian=little_endian)
    if entries is None:
        return None
    return Lookup(signed_word(first) if negative else first, used_bits(bits, entries), entries.tobytes())


def table_entries(data: Any, count: int, *, little_endian: bool) -> NDArray[np.uint16] | None:
    """`count` entries from numbers, words, or bytes where there are too few for words; None if incomplete."""
    if isinstance(data, bytes):
        words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2")
        if len(words) >= count:
            return words[:count].astype("<u2")
        # Two entries of 8 bits in a word: the first in the low half (PS3.3 C.7.6.3.1.6).
        entries = words.astype("<u2").view(np.uint8).astype("<u2")
    elif isinstance(data, Sequence):
        entries = (np.array(data, np.int64) & (_ALL_WORDS - 1)).astype("<u2")
    else:
        return None
    return entries[:count] if len(entries) >= count else None


def used_bits(stated: int, entries: NDArray[np.uint16]) -> int:
    """The bits of an entry that count; descriptors that state fewer than the entries have are common."""
    return max(1, stated if stated <= 2 * _BYTE else 0, int(entries.max()).bit_length())


def signed_word(word: int) -> int:
    """A word of 16 bits as a signed number."""
    return word - _ALL_WORDS if word > _LARGEST_SIGNED else word
