"""Three samples a pixel to RGB (PS3.3 C.7.6.3.1.2)."""

import numpy as np

from niffler_ops.png.depth import to_depth
from niffler_ops.png.description import shown
from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.words import Array, Layout, StoredFrame

_YBR = {"YBR_FULL", "YBR_FULL_422"}


def rgb(frame: StoredFrame, depth: int) -> Array:
    """The frame in RGB with samples of `depth` bits; CannotRenderError for another colour model."""
    if frame.layout is None:
        raise CannotRenderError("colours in floating-point numbers")
    samples = _samples(frame.pixels, frame.layout)
    if frame.photometric in _YBR:
        samples = rgb_of_ybr(samples, frame.layout.stored)
    elif frame.photometric != "RGB":
        raise CannotRenderError(f"{shown(frame.photometric)} photometric interpretation of three samples")
    return to_depth(samples, frame.layout.stored, depth)


def rgb_of_ybr(samples: Array, bits: int) -> Array:
    """Luminance and two chrominances, full range, to RGB; the coefficients are those of ITU-T T.871."""
    middle, largest = 1 << (bits - 1), (1 << bits) - 1
    luminance, blue, red = (samples[..., plane].astype(np.float64) for plane in range(3))
    blue -= middle
    red -= middle
    colours = np.stack(
        [
            luminance + 1.402 * red,
            luminance - (0.344136286 * blue + 0.714136286 * red),
            luminance + 1.772 * blue,
        ],
        axis=-1,
    )
    return np.clip(np.floor(colours + 0.5, out=colours), 0, largest, out=colours).astype(samples.dtype)


def _samples(words: Array, layout: Layout) -> Array:
    """The samples themselves; colours have no sign."""
    if layout.stored == layout.bits:
        return words
    unsigned = Layout(layout.bits, layout.stored, layout.shift, signed=False)
    return unsigned.values(words).astype(words.dtype)
