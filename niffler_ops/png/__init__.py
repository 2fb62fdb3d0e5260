"""Pixels to PNG: each frame of an instance as a radiologist would see it, or with its measured values."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset

from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.facts import Facts, Frame
from niffler_ops.png.instance import instance_of
from niffler_ops.png.painting import pictures
from niffler_ops.png.rendering import Aspect, Rectangle, Rendering, Scaling, Values
from niffler_ops.png.source import opened
from niffler_ops.png.spread import Spread
from niffler_ops.png.voi import Limits

__all__ = [
    "Aspect",
    "CannotRenderError",
    "Facts",
    "Frame",
    "Limits",
    "Rectangle",
    "Rendering",
    "Scaling",
    "Spread",
    "Values",
    "frames",
    "frames_of",
    "spread",
    "spread_of",
]


def frames(
    path: Path,
    rendering: Rendering,
    *,
    blank: Sequence[Rectangle] = (),
    limits: Limits | None = None,
) -> Iterator[Frame]:
    """The picture of each frame of a file in turn, one in memory at a time.

    `blank`: rectangles that are to be black and do not count in scaling. `limits`: black and white for
    images without VOI, required for Scaling.SERIES_PERCENTILES. Raises CannotRenderError, also after some
    frames, and OSError where the file cannot be read.
    """
    with opened(path) as (header, stream):
        yield from frames_of(header, stream, rendering, blank=blank, limits=limits)


def frames_of(
    header: Dataset,
    stream: BinaryIO,
    rendering: Rendering,
    *,
    blank: Sequence[Rectangle] = (),
    limits: Limits | None = None,
) -> Iterator[Frame]:
    """The same for a header that was read already, with its file meta information.

    `stream` is the open file, standing where dcmread(stream, stop_before_pixels=True) leaves it, at the pixel
    element; it is not looked at where the header holds the pixels.
    """
    if rendering.scaling == Scaling.SERIES_PERCENTILES and limits is None:
        raise ValueError("the limits of the series are wanting")
    return pictures(instance_of(header, stream), rendering, blank, limits)


def spread(path: Path, *, blank: Sequence[Rectangle] = ()) -> Spread:
    """Which modality's values a file has, to be added up over a series; nothing for colours.

    Raises as frames does.
    """
    with opened(path) as (header, stream):
        return spread_of(header, stream, blank=blank)


def spread_of(header: Dataset, stream: BinaryIO, *, blank: Sequence[Rectangle] = ()) -> Spread:
    """The same for a header that was read already; see frames_of."""
    instance = instance_of(header, stream)
    return instance.spread(instance.stored(), blank)
