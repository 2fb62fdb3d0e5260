"""Palette Color Lookup Tables (PS3.3 C.7.6.3.1.5, C.7.9): stored values to red, green and blue."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from niffler_ops.png.depth import to_depth
from niffler_ops.png.lookup import signed_word, table_entries, used_bits
from niffler_ops.png.segments import expanded
from niffler_ops.png.words import Array

_COLOURS = ("Red", "Green", "Blue")
_ALL_WORDS = 1 << 16
_BYTE = 8


@dataclass(frozen=True, slots=True)
class Palette:
    """Entries of 16 bits, red, green and blue in turn, of which `bits` count; `first` is as in Lookup."""

    first: int
    bits: int
    content: bytes

    def colours(self, stored: Array, depth: int) -> Array:
        """The colours of stored values: one more axis, of three."""
        entries, bits = np.frombuffer(self.content, "<u2").reshape(-1, 3), self.bits
        if bits > depth:
            # The upper bits are right both for writers who multiply 8 bits by 256 and by 257.
            entries, bits = entries >> np.uint16(bits - depth), depth
        entries = to_depth(entries, bits, depth)
        colours: Array = entries[np.clip(stored - self.first, 0, len(entries) - 1).astype(np.intp)]
        return colours


def palette_of(header: Dataset, *, signed: bool, little_endian: bool) -> Palette | None:
    """The palette of an image, None where there is none or it is incomplete."""
    descriptor = header.get("RedPaletteColorLookupTableDescriptor")
    if descriptor is None or len(descriptor) != len(_COLOURS):
        return None
    count, first, bits = (int(value) & (_ALL_WORDS - 1) for value in descriptor)
    columns = [_column(header, colour, count or _ALL_WORDS, bits, little_endian) for colour in _COLOURS]
    red, green, blue = columns
    if red is None or green is None or blue is None:
        return None
    entries = np.stack([red, green, blue], axis=-1)
    # Bytes in words are common where the descriptor says 16: as 16 bits they would all be black.
    stated = _BYTE if entries.max() < 1 << _BYTE else bits
    return Palette(signed_word(first) if signed else first, used_bits(stated, entries), entries.tobytes())


def _column(header: Dataset, colour: str, count: int, bits: int, little_endian: bool) -> Array | None:  # noqa: FBT001
    data = header.get(f"{colour}PaletteColorLookupTableData")
    if data is None:
        segments = header.get(f"Segmented{colour}PaletteColorLookupTableData")
        if not isinstance(segments, bytes):
            return None
        data = expanded(segments, wide=bits > _BYTE, little_endian=little_endian)
    return table_entries(data, count, little_endian=little_endian)
