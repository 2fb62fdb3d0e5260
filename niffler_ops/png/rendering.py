"""How pixels are to become pictures: settings, and nothing that depends on an image."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Rectangle = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the stored image; x1 and y1 lie outside it."""


class Values(StrEnum):
    """What a grey value of the PNG means."""

    DISPLAY = "display"  # what a screen should show: black is 0, white is the largest
    RAW = "raw"  # the modality's values in 16 bits; slope and intercept of the facts lead back to them


class Scaling(StrEnum):
    """What becomes black and white where the image has neither VOI LUT nor window."""

    FULL = "full"  # the least and the largest value of the instance, padding left out
    IMAGE_PERCENTILES = "image percentiles"  # the same without the extremes
    SERIES_PERCENTILES = "series percentiles"  # limits that the caller found over the series


class Aspect(StrEnum):
    """What becomes of pixels that are not square."""

    STATE = "state"  # they stay as they are, the facts say their shape
    RESAMPLE = "resample"  # the shorter direction is stretched until they are square


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendering:
    """`percentiles` are those that become black and white, from 0 to 100. Raw values always have 16 bits."""

    bits: Literal[8, 16] = 8
    values: Values = Values.DISPLAY
    scaling: Scaling = Scaling.FULL
    percentiles: tuple[float, float] = (1.0, 99.0)
    aspect: Aspect = Aspect.STATE

    @property
    def depth(self) -> Literal[8, 16]:
        """Bits of a sample of the PNG."""
        return 16 if self.values == Values.RAW else self.bits
