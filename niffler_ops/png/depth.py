"""From samples of so many bits to samples of 8 or 16."""

import numpy as np

from niffler_ops.png.words import Array


def to_depth(samples: Array, bits: int, depth: int) -> Array:
    """Unsigned samples of `bits` as samples of `depth`, the largest staying the largest.

    Fewer bits are the upper ones, which is right both for writers who multiply 8 bits by 256 and by 257.
    """
    kind = np.uint8 if depth == 8 else np.uint16  # noqa: PLR2004 - PNG's two
    if bits > depth:
        return (samples >> np.uint8(bits - depth)).astype(kind)
    if bits == depth:
        return samples.astype(kind, copy=False)
    whole, largest = (1 << depth) - 1, (1 << bits) - 1
    return ((samples.astype(np.uint32) * whole + largest // 2) // largest).astype(kind)
