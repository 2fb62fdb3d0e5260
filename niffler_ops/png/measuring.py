"""Which values an image has, as far as they are to decide what becomes black and white."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from niffler_ops.png.blanking import unblanked
from niffler_ops.png.display import stored_values
from niffler_ops.png.modality import Modality
from niffler_ops.png.padding import Padding
from niffler_ops.png.palette import Palette
from niffler_ops.png.rendering import Rectangle
from niffler_ops.png.spread import Spread, spread_of
from niffler_ops.png.words import TABLE_BITS, StoredFrame


def frame_spread(
    frame: StoredFrame,
    modality: Modality,
    *,
    padding: Padding | None,
    palette: Palette | None,
    blank: Sequence[Rectangle],
) -> Spread:
    """The modality's values of a frame without padding, what a palette colours, and what is not shown."""
    stored, counts = _stored(frame, blank)
    if padding is None and palette is None:
        return spread_of(modality(stored), counts)
    kept = np.ones(stored.shape, np.bool_) if padding is None else ~padding(stored)
    if palette is not None:
        kept &= stored < palette.first
    return spread_of(modality(stored[kept]), None if counts is None else counts[kept])


def _stored(
    frame: StoredFrame, blank: Sequence[Rectangle]
) -> tuple[NDArray[np.float64], NDArray[np.integer] | None]:
    """The stored values of a frame; each once with its number of pixels where words are short."""
    pixels = unblanked(frame.pixels, blank)
    if frame.layout is None:
        return pixels.astype(np.float64), None
    if frame.layout.bits > TABLE_BITS:
        return frame.layout.values(pixels), None
    counts = np.bincount(pixels)
    words = np.flatnonzero(counts)
    return stored_values(frame.layout)[words], counts[words]
