"""From stored values to those of the modality, Hounsfield units for example (PS3.3 C.11.1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from niffler_ops.png.groups import holder
from niffler_ops.png.lookup import Lookup, lookup_of
from niffler_ops.png.values import first_number, items_of


@dataclass(frozen=True, slots=True)
class Rescale:
    """A straight line."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The modality's values."""
        if self.slope == 1.0 and self.intercept == 0.0:
            return values
        return values * self.slope + self.intercept


Modality = Rescale | Lookup


def modality_of(header: Dataset, frame: int, *, signed: bool, little_endian: bool) -> Modality:
    """The modality transformation of a frame: its table, else slope and intercept, else none."""
    items = items_of(header, "ModalityLUTSequence")
    table = lookup_of(items[0], negative=signed, little_endian=little_endian) if items else None
    if table is not None:
        return table
    place = holder(header, frame, "PixelValueTransformationSequence")
    # A slope of 0 would make all pixels equal: nobody means it.
    slope = first_number(place, "RescaleSlope") or 1.0
    return Rescale(slope, first_number(place, "RescaleIntercept") or 0.0)
