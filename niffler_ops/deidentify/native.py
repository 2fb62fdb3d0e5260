"""Native pixel data without regions or unused bits: how frames lie in the bytes, and what is left of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from niffler_ops.deidentify.pixeldata import (
    BLOCK,
    UNDEFINED_LENGTH,
    CannotBlankError,
    PixelElement,
    exactly,
    fill,
    number_of,
)
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.unusedbits import PixelBits

_BITS = {8: "u1", 16: "u2", 32: "u4", 64: "u8"}
_FLOAT_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_NOT_NATIVE = "its pixels are not in the form that its transfer syntax says"
_GREY_CHROMINANCE = 128
_COLOURS = 3
_PAIR = 2  # columns that share their chrominance, and samples of each on average


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the frames of native pixel data lie in its bytes.

    `swapped`: bytes stand in words of the other order (PS3.5 A.3).
    """

    frames: int
    rows: int
    columns: int
    samples: int
    dtype: str
    by_plane: bool
    is_ybr: bool
    shares_chrominance: bool
    swapped: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        samples = _PAIR if self.shares_chrominance else self.samples
        return self.rows * self.columns * samples * np.dtype(self.dtype).itemsize


def layout_of(source: Dataset, element: PixelElement) -> Layout:
    """The layout that the header announces.

    Raises CannotBlankError for one that is not understood, or of another length than the data. Colours whose
    photometric interpretation lets pairs of columns share their chrominance are often stored without doing
    so, which their length tells.
    """
    if element.length == UNDEFINED_LENGTH:
        raise CannotBlankError(_NOT_NATIVE)
    bits = _FLOAT_BITS.get(element.tag) or number_of(source, "BitsAllocated", 0)
    if bits not in _BITS:
        raise CannotBlankError(f"pixels of {bits} bits cannot be blanked")
    planar = number_of(source, "PlanarConfiguration", 0)
    if planar not in {0, 1}:
        raise CannotBlankError("its PlanarConfiguration is neither 0 nor 1")
    photometric = str(source.get("PhotometricInterpretation", ""))
    whole = Layout(
        frames=number_of(source, "NumberOfFrames", 1) or 1,
        rows=number_of(source, "Rows", 0),
        columns=number_of(source, "Columns", 0),
        samples=number_of(source, "SamplesPerPixel", 1),
        dtype=f"{element.order}{_BITS[bits]}",
        by_plane=planar == 1,
        is_ybr=photometric.startswith("YBR"),
        shares_chrominance=False,
        swapped=bits == 8 and element.order == ">" and element.header[4:6] == b"OW",  # noqa: PLR2004
    )
    found = [whole]
    if photometric.endswith("_422") and whole.columns % _PAIR == 0 and not whole.by_plane:
        found.append(replace(whole, shares_chrominance=True))
    for layout in found:
        length = layout.frames * layout.frame_bytes
        if length and element.length in {length, length + length % 2}:
            return layout
    raise CannotBlankError("the length of its pixels is not that of its rows, columns and frames")


def copy_blanked(
    element: PixelElement,
    stream: BinaryIO,
    target: BinaryIO,
    layout: Layout,
    regions: Sequence[Region],
    bits: PixelBits | None,
) -> None:
    """Copy native pixel data with the regions of each frame blanked, all but the `bits` of pixels cleared."""
    if layout.swapped and layout.frame_bytes % 2:
        raise CannotBlankError("its frames do not end with a word")
    target.write(element.header)
    for _ in range(layout.frames):
        data = bytearray(exactly(stream, layout.frame_bytes))
        words = np.frombuffer(data, "u2") if layout.swapped else np.empty(0, "u2")
        words.byteswap(inplace=True)
        pixels = np.frombuffer(data, layout.dtype)
        if bits is not None:
            bits.clear(pixels)
        _blank(pixels, layout, regions)
        words.byteswap(inplace=True)
        target.write(data)
    target.write(bytes(element.length - layout.frames * layout.frame_bytes))


def copy_cleared(element: PixelElement, stream: BinaryIO, target: BinaryIO, bits: PixelBits) -> None:
    """Copy native pixel data with all but the `bits` of pixels cleared, wherever frames begin."""
    if element.length == UNDEFINED_LENGTH:
        raise CannotBlankError(_NOT_NATIVE)
    target.write(element.header)
    left = element.length
    while left:
        data = bytearray(exactly(stream, min(BLOCK, left)))
        left -= len(data)
        count = len(data) * 8 // bits.allocated
        words = np.frombuffer(data, f"{element.order}{_BITS[bits.allocated]}", count)
        bits.clear(words)
        target.write(words.tobytes())
        target.write(bytes(len(data) - words.nbytes))  # less than a word is no pixel


def _blank(pixels: NDArray[np.generic], layout: Layout, regions: Sequence[Region]) -> None:
    rows, columns = layout.rows, layout.columns
    if layout.shares_chrominance:
        pairs = pixels.reshape(rows, columns // 2, 4)  # two luminances, then the chrominance that they share
        halves = [Region(left // 2, top, -(-right // 2), bottom) for left, top, right, bottom in regions]
        fill(pairs, halves, (0, 0, _GREY_CHROMINANCE, _GREY_CHROMINANCE))
        return
    if layout.by_plane:
        frame = np.moveaxis(pixels.reshape(layout.samples, rows, columns), 0, -1)
    else:
        frame = pixels.reshape(rows, columns, layout.samples)
    is_ybr = layout.is_ybr and layout.samples == _COLOURS and pixels.dtype.itemsize == 1
    fill(frame, regions, (0, _GREY_CHROMINANCE, _GREY_CHROMINANCE) if is_ybr else (0,) * layout.samples)
