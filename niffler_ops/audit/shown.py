"""Pictures that show who it is: whether one of the output is still the whole of its original."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_ULTRASOUND = ("1.2.840.10008.5.1.4.1.1.6.", "1.2.840.10008.5.1.4.1.1.3.")

Pixels = NDArray[Any]


def may_show_text(dataset: Dataset) -> bool:
    """Whether pictures of this kind have names written into them."""
    sop_class = str(dataset.get("SOPClassUID", ""))
    image_type = str(dataset.get("ImageType", "")).upper()
    return (
        str(dataset.get("BurnedInAnnotation", "")).upper() == "YES"
        or sop_class.startswith((_SECONDARY_CAPTURE, *_ULTRASOUND))
        or "SCREEN" in image_type
        or "ConversionType" in dataset
    )


def is_whole(original: Path, frame: int, output: Path) -> bool:
    """Whether each value of the original's frame became one value of the output, so nothing was blanked.

    `output` is a PNG, or DICOM of as many frames; frames count from 1. Raises what the decoders raise.
    """
    before, after = _grey(_frame(original, frame)), _grey(_picture(output, frame))
    if before.shape != after.shape:
        return False
    values, inverse = np.unique(before, return_inverse=True)
    if len(values) == 1:
        return False  # nothing is shown that could be blanked
    pairs = np.unique(np.stack([inverse.ravel(), after.ravel()]), axis=1)
    return bool(pairs.shape[1] == len(values))


def _frame(path: Path, frame: int) -> Pixels:
    return pixel_array(path, index=frame - 1)


def _picture(path: Path, frame: int) -> Pixels:
    if path.suffix.lower() != ".png":
        return _frame(path, frame)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)


def _grey(pixels: Pixels) -> NDArray[np.int64]:
    """One number a pixel; the samples of a colour are put side by side."""
    if pixels.ndim == 2:  # noqa: PLR2004 - rows and columns
        return pixels.astype(np.int64)
    number = np.zeros(pixels.shape[:2], np.int64)
    for sample in range(pixels.shape[2]):
        number = (number << 16) | (pixels[..., sample].astype(np.int64) & 0xFFFF)
    return number
