"""An instance with its pixels: what its header says, and its frames as they are stored."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset

from niffler_ops.png.decoding import decoded_frames
from niffler_ops.png.description import ImagePixel, image_pixel
from niffler_ops.png.groups import own_groups
from niffler_ops.png.measuring import frame_spread
from niffler_ops.png.modality import Modality, Rescale, modality_of
from niffler_ops.png.native import native_frames, reads_plainly
from niffler_ops.png.padding import Padding, padding_of
from niffler_ops.png.palette import Palette, palette_of
from niffler_ops.png.rendering import Rectangle
from niffler_ops.png.source import PixelElement, pixel_element
from niffler_ops.png.spread import Spread
from niffler_ops.png.values import text_of
from niffler_ops.png.voi import Voi, voi_of
from niffler_ops.png.words import StoredFrame, stored_layout

_WITH_COLOURS = {"COLOR", "MIXED"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a frame's grey values mean; `voi` is None where the header does not say what is to be seen."""

    modality: Modality
    voi: Voi | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """`plans` are those of the first frames, the last also of all others; none for colours.

    `palette` may be a supplement to grey.
    """

    header: Dataset
    element: PixelElement
    pixel: ImagePixel
    plans: Sequence[Plan]
    palette: Palette | None
    padding: Padding | None

    def stored(self) -> Iterator[StoredFrame]:
        """The frames, read anew each time; one is held at a time."""
        if self.element.length is not None and reads_plainly(self.pixel, self.element):
            return native_frames(self.pixel, self.element)
        return decoded_frames(self.pixel, self.element, self.header)

    def plan(self, frame: int) -> Plan:
        """The plan of a frame, 0 the first."""
        return self.plans[min(frame, len(self.plans) - 1)]

    def spread(self, frames: Iterator[StoredFrame], blank: Sequence[Rectangle]) -> Spread:
        """Which values of the modality the frames have; nothing for colours."""
        if not self.plans:
            return Spread()
        spreads = (
            frame_spread(
                frame,
                self.plan(number).modality,
                padding=self.padding,
                palette=self.palette,
                blank=blank,
            )
            for number, frame in enumerate(frames)
        )
        return sum(spreads, start=Spread())


def instance_of(header: Dataset, stream: BinaryIO) -> Instance:
    """The instance of `header`, which holds the pixels, or `stream` stands at them.

    CannotRenderError where they are not there or are described by nonsense.
    """
    with warnings.catch_warnings():
        # Values that are not quite what their VR allows are read as far as they make sense.
        warnings.simplefilter("ignore")
        element = pixel_element(header, stream)
        pixel = image_pixel(header, element.keyword)
        little_endian = pixel.syntax.is_little_endian
        palette = None
        if pixel.photometric == "PALETTE COLOR" or (pixel.is_grey and _has_colours(header)):
            palette = palette_of(header, signed=pixel.signed, little_endian=little_endian)
        return Instance(
            header=header,
            element=element,
            pixel=pixel,
            plans=_plans(header, pixel, little_endian=little_endian) if pixel.is_grey else (),
            palette=palette,
            padding=padding_of(header, pixel),
        )


def _has_colours(header: Dataset) -> bool:
    return text_of(header, "PixelPresentation") in _WITH_COLOURS


def _plans(header: Dataset, pixel: ImagePixel, *, little_endian: bool) -> Sequence[Plan]:
    number = min(pixel.frames, own_groups(header) + 1)
    return [_plan(header, pixel, frame, little_endian=little_endian) for frame in range(number)]


def _plan(header: Dataset, pixel: ImagePixel, frame: int, *, little_endian: bool) -> Plan:
    modality = modality_of(header, frame, signed=pixel.signed, little_endian=little_endian)
    voi = voi_of(header, frame, negative=_may_be_negative(modality, pixel), little_endian=little_endian)
    return Plan(modality, voi)


def _may_be_negative(modality: Modality, pixel: ImagePixel) -> bool:
    """Whether the modality's values can be below zero."""
    if not isinstance(modality, Rescale):
        return False
    if pixel.is_float:
        return True
    layout = stored_layout(pixel)
    ends = (layout.lowest * modality.slope, layout.largest * modality.slope)
    return min(ends) + modality.intercept < 0
