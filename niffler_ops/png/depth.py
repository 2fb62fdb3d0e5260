"""From samples of so many bits to samples of 8 or 16."""

import numpy as np

from niffler_ops.png.words import Array


def to_depth(samples: Array, bits: int, depth: int) -> Array:
    """Unsigned samples of `bits` as samples of `depth`, rounded, the largest staying the largest."""
    kind = np.uint8 if depth == 8 else np.uint16  # noqa: PLR2004 - PNG's two
    if bits == depth:
        return samples.astype(kind, copy=False)
    whole, largest = (1 << depth) - 1, (1 << bits) - 1
    wide = np.uint32 if bits <= 16 else np.uint64  # noqa: PLR2004 - products of 32 bits fit the former
    return ((samples.astype(wide) * whole + largest // 2) // largest).astype(kind)
