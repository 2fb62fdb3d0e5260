"""Colour in JPEG: what the three components are, the codestream knows better than the header.

By pydicom's plugins an image with an Adobe marker comes out wrong: one has its chrominance converted twice,
another not at all, depending on what PhotometricInterpretation says.
"""

import io

import numpy as np
from PIL import Image

from niffler_ops.deidentify.codestream import says_colour_space
from niffler_ops.png.words import Array


def rgb_of_jpeg(encoded: bytes, *, photometric: str) -> Array:
    """The decoded image in RGB, (rows, columns, 3), 8 bits; the library's errors where that cannot be.

    Without an Adobe or JFIF marker or components named R, G and B, PhotometricInterpretation decides.
    """
    with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as image:
        if photometric == "RGB" and not says_colour_space(encoded):
            # The library would take it for YCbCr; asked for YCbCr, it converts nothing.
            image.draft("YCbCr", image.size)
        return np.asarray(image)
