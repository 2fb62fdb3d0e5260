"""The pixel data element on its way from file to file: as it is, or decoded.

Nothing here holds more than one frame, so that a file of gigabytes needs no memory of gigabytes.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from niffler_ops.deidentify.codestream import stated_size
from niffler_ops.deidentify.elements import whole_number
from niffler_ops.deidentify.regions import Region
from niffler_ops.errors import ORDERLY_ENDS

Frame = NDArray[np.generic]

UNDEFINED_LENGTH = 0xFFFFFFFF
MOST_NATIVE = 0xFFFFFFFE

BLOCK = 1 << 20
_ITEM_HEADER = 8
_SEQUENCE_END = 0xFFFEE0DD


class CutShortError(Exception):
    """The file ends before its pixel data."""


class CannotBlankError(Exception):
    """Pixels, or what lies in their unused bits, cannot be blanked; the text says why."""


class PixelElement(NamedTuple):
    """The header of a pixel data element, as bytes and read; the stream it comes from stands at the value."""

    header: bytes
    length: int
    order: str

    @property
    def tag(self) -> int:
        """Pixel Data, or Float or Double Float Pixel Data."""
        group, number = struct.unpack(f"{self.order}HH", self.header[:4])
        return int(group << 16 | number)


def number_of(source: Dataset, keyword: str, default: int) -> int:
    """What a header that describes pixels says in a number; CannotBlankError where it is not one number."""
    try:
        found = whole_number(source, keyword)
    except ValueError:
        raise CannotBlankError(f"{keyword} is not one number") from None
    return default if found is None else found


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
        item = exactly(stream, _ITEM_HEADER)
        target.write(item)
        group, number, length = struct.unpack(f"{element.order}HHL", item)
        if group << 16 | number == _SEQUENCE_END:
            return
        _copy_bytes(stream, target, length)


def _copy_bytes(stream: BinaryIO, target: BinaryIO, length: int) -> None:
    while length:
        block = exactly(stream, min(BLOCK, length))
        target.write(block)
        length -= len(block)


def exactly(stream: BinaryIO, length: int) -> bytes:
    """The next bytes; raises CutShortError where there are fewer."""
    try:
        data = stream.read(length)
    except OSError:  # of the original: only errors of what is written may look like one
        raise CutShortError from None
    if len(data) < length:
        raise CutShortError
    return data


def fill(frame: Frame, regions: Sequence[Region], value: tuple[int, ...]) -> None:
    """Give the pixels of the regions one value for each sample."""
    for left, top, right, bottom in regions:
        frame[top:bottom, left:right] = value


def decoded(source: Dataset, **options: Any) -> Iterator[tuple[Frame, dict[str, str | int]]]:
    """Every frame of compressed pixel data, and what pydicom says of it, by these `options` of its decoders.

    Raises CannotBlankError where the transfer syntax has no decoder, or the data are damaged.
    """
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - few files need it, and it is slow

    syntax = source.file_meta.TransferSyntaxUID
    try:
        _check_sizes(source)
        for pixels, properties in get_decoder(syntax).iter_array(source, **options):
            yield np.array(pixels), properties
    except (*ORDERLY_ENDS, CannotBlankError):
        raise
    except BaseException:  # noqa: BLE001 - decoders fail in their own ways
        name = syntax.name if syntax.is_transfer_syntax else "its transfer syntax"
        raise CannotBlankError(f"{name} cannot be decoded") from None


def _check_sizes(source: Dataset) -> None:
    """Refuse frames of another size, which decoders take for this one where it has as many pixels."""
    size = number_of(source, "Rows", 0), number_of(source, "Columns", 0)
    table = source.get("ExtendedOffsetTable"), source.get("ExtendedOffsetTableLengths")
    frames = generate_frames(
        source.PixelData,
        number_of_frames=number_of(source, "NumberOfFrames", 1) or 1,
        extended_offsets=table if all(table) else None,
    )
    if any(stated_size(frame) not in {None, size} for frame in frames):
        raise CannotBlankError("its frames have another size than Rows and Columns say")
