import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from niffler_ops.png import Frame, Limits, Rectangle, Rendering, frames
from tests.support.dicomfiles import encode

Levels = NDArray[Any]
Draw = Callable[..., Levels]
DrawAll = Callable[..., list[tuple[Levels, Frame]]]


def levels_of(png: bytes) -> Levels:
    """What other people's libraries read in a PNG: Pillow, and OpenCV for colours of 16 bits."""
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        read = np.asarray(image)
        if image.mode != "RGB":
            return read
    colours: Levels = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))[:, :, ::-1]
    # Pillow keeps the upper 8 of 16 bits.
    assert np.array_equal(read, colours if colours.dtype == np.uint8 else colours >> 8)
    return colours


@pytest.fixture
def draw_all(tmp_path: Path) -> DrawAll:
    """Writes a data set to a file and gives what the PNG of each frame holds, with the frame."""

    def write_and_draw(
        dataset: Dataset,
        syntax: str = ExplicitVRLittleEndian,
        *,
        blank: Sequence[Rectangle] = (),
        limits: Limits | None = None,
        **settings: Any,
    ) -> list[tuple[Levels, Frame]]:
        path = tmp_path / "image.dcm"
        path.write_bytes(encode(dataset, syntax))
        drawn = frames(path, Rendering(**settings), blank=blank, limits=limits)
        return [(levels_of(frame.png), frame) for frame in drawn]

    return write_and_draw


@pytest.fixture
def draw(draw_all: DrawAll) -> Draw:
    """What the PNG of the only frame holds, in one row if grey."""

    def draw_one(*arguments: Any, **settings: Any) -> Levels:
        ((levels, _),) = draw_all(*arguments, **settings)
        return levels

    return draw_one
