"""The pixel data element on its way from file to file: as it is, or frame by frame without its regions.

Nothing here holds more than one frame, so that a file of gigabytes needs no memory of gigabytes.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from niffler_ops.deidentify.regions import Region
from niffler_ops.errors import ORDERLY_ENDS

Frame = NDArray[np.generic]

UNDEFINED_LENGTH = 0xFFFFFFFF
MOST_NATIVE = 0xFFFFFFFE

_BLOCK = 1 << 20
_ITEM_HEADER = 8
_SEQUENCE_END = 0xFFFEE0DD
_BITS = {8: "u1", 16: "u2", 32: "u4", 64: "u8"}
_SUBSAMPLED = "YBR_FULL_422"
_GREY_CHROMINANCE = 128


class CutShortError(Exception):
    """The file ends before its pixel data."""


class CannotBlankError(Exception):
    """Pixels cannot be blanked; the text says why."""


class PixelElement(NamedTuple):
    """The header of a pixel data element, as bytes and read; the stream it comes from stands at the value."""

    header: bytes
    length: int
    order: str


def read_header(stream: BinaryIO, *, explicit: bool, little: bool) -> PixelElement | None:
    """The header of the pixel data element that comes next in `stream`, None at the end of the file.

    The VRs that pixel data may have are those with a length of 32 bits (PS3.5 7.1.2).
    """
    size = 12 if explicit else 8
    header = stream.read(size)
    if not header:
        return None
    if len(header) < size:
        raise CutShortError
    order = "<" if little else ">"
    (length,) = struct.unpack(f"{order}L", header[-4:])
    return PixelElement(header, length, order)


def copy(element: PixelElement, stream: BinaryIO, target: BinaryIO) -> None:
    """Copy the element byte by byte; raises CutShortError where the stream ends first."""
    target.write(element.header)
    if element.length != UNDEFINED_LENGTH:
        _copy_bytes(stream, target, element.length)
        return
    while True:
        item = _exactly(stream, _ITEM_HEADER)
        target.write(item)
        group, number, length = struct.unpack(f"{element.order}HHL", item)
        if group << 16 | number == _SEQUENCE_END:
            return
        _copy_bytes(stream, target, length)


def _copy_bytes(stream: BinaryIO, target: BinaryIO, length: int) -> None:
    while length:
        block = _exactly(stream, min(_BLOCK, length))
        target.write(block)
        length -= len(block)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    try:
        data = stream.read(length)
    except OSError:  # of the original: only errors of what is written may look like one
        raise CutShortError from None
    if len(data) < length:
        raise CutShortError
    return data


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the frames of native pixel data lie in its bytes.

    `keep` masks the bits that are no pixel's; `swapped`: bytes stand in words of the other order (PS3.5 A.3).
    """

    rows: int
    columns: int
    samples: int
    dtype: str
    by_plane: bool
    photometric: str
    keep: int | None
    swapped: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        samples = 2 if self.photometric == _SUBSAMPLED else self.samples
        return self.rows * self.columns * samples * np.dtype(self.dtype).itemsize


def layout_of(source: Dataset, element: PixelElement, *, mask: bool) -> Layout:
    """The layout that the header announces; raises CannotBlankError for one that is not understood."""
    if element.length == UNDEFINED_LENGTH:
        raise CannotBlankError("its pixels are not in the form that its transfer syntax says")
    bits = int(source.get("BitsAllocated") or 0)
    if bits not in _BITS:
        raise CannotBlankError(f"pixels of {bits} bits cannot be blanked")
    stored, high = int(source.get("BitsStored") or bits), int(source.get("HighBit", bits - 1))
    return Layout(
        rows=int(source.Rows),
        columns=int(source.Columns),
        samples=int(source.get("SamplesPerPixel") or 1),
        dtype=f"{element.order}{_BITS[bits]}",
        by_plane=int(source.get("PlanarConfiguration") or 0) == 1,
        photometric=str(source.get("PhotometricInterpretation", "")),
        swapped=bits == 8 and element.order == ">" and element.header[4:6] == b"OW",  # noqa: PLR2004
        keep=((1 << stored) - 1) << max(high + 1 - stored, 0) if mask else None,
    )


def copy_blanked(
    element: PixelElement, stream: BinaryIO, target: BinaryIO, layout: Layout, regions: Sequence[Region]
) -> None:
    """Copy native pixel data with the regions of each frame blanked."""
    if layout.swapped and layout.frame_bytes % 2:
        raise CannotBlankError("its frames do not end with a word")
    target.write(element.header)
    left = element.length
    while left >= layout.frame_bytes:
        data = bytearray(_exactly(stream, layout.frame_bytes))
        words = np.frombuffer(data, "u2") if layout.swapped else np.empty(0, "u2")
        words.byteswap(inplace=True)
        _blank_native(np.frombuffer(data, layout.dtype), layout, regions)
        words.byteswap(inplace=True)
        target.write(data)
        left -= layout.frame_bytes
    # What follows the last frame is padding, or nothing that a reader would show.
    target.write(bytes(left))


def _blank_native(pixels: NDArray[np.generic], layout: Layout, regions: Sequence[Region]) -> None:
    rows, columns = layout.rows, layout.columns
    if layout.keep is not None:
        np.bitwise_and(pixels, pixels.dtype.type(layout.keep), out=pixels)
    if layout.photometric == _SUBSAMPLED:
        pairs = pixels.reshape(rows, columns // 2, 4)  # two luminances, then the chrominance that they share
        halves = [Region(left // 2, top, -(-right // 2), bottom) for left, top, right, bottom in regions]
        _fill(pairs, halves, (0, 0, _GREY_CHROMINANCE, _GREY_CHROMINANCE))
        return
    if layout.by_plane:
        frame = np.moveaxis(pixels.reshape(layout.samples, rows, columns), 0, -1)
    else:
        frame = pixels.reshape(rows, columns, layout.samples)
    is_ybr = layout.photometric.startswith("YBR") and layout.samples == 3 and pixels.dtype.itemsize == 1  # noqa: PLR2004
    _fill(frame, regions, (0, _GREY_CHROMINANCE, _GREY_CHROMINANCE) if is_ybr else (0,) * layout.samples)


def _fill(frame: Frame, regions: Sequence[Region], value: tuple[int, ...]) -> None:
    for left, top, right, bottom in regions:
        frame[top:bottom, left:right] = value


def decoded_frames(
    source: Dataset, regions: Sequence[Region]
) -> Iterator[tuple[Frame, dict[str, str | int]]]:
    """Every frame of compressed pixel data decoded and blanked, with what pydicom says of it.

    Raises CannotBlankError where the transfer syntax has no decoder, or the data are damaged.
    """
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - few files need it, and it is slow

    syntax = source.file_meta.TransferSyntaxUID
    try:
        for pixels, properties in get_decoder(syntax).iter_array(source):
            frame = np.array(pixels)
            _fill(frame if frame.ndim > 2 else frame[..., None], regions, (0,))  # noqa: PLR2004
            yield frame, properties
    except ORDERLY_ENDS:
        raise
    except BaseException:  # noqa: BLE001 - decoders fail in their own ways
        name = syntax.name if syntax.is_transfer_syntax else "its transfer syntax"
        raise CannotBlankError(f"{name} cannot be decoded") from None
