"""Where the pixels lie: the element behind the header, in the file or already in memory."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian

from niffler_ops.png.description import is_encapsulated, transfer_syntax
from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.quick import quick_header

_KEYWORDS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}
_ORDERS = {bytes.fromhex("e07f"): "<", bytes.fromhex("7fe0"): ">"}  # the group, 7FE0, as it lies in the bytes
_LONGEST_HEAD = 12
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"UN"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelElement:
    """A pixel element's value: `length` bytes of `stream` from `offset`; None where it is in fragments."""

    stream: BinaryIO
    keyword: str
    vr: str
    offset: int
    length: int | None


@contextmanager
def opened(path: Path) -> Iterator[tuple[Dataset, BinaryIO]]:
    """The header of a file, and the file, standing at the pixels; CannotRenderError where it is no DICOM.

    Raises OSError where the file cannot be opened.
    """
    with path.open("rb") as stream:
        yield _header(stream), stream


def pixel_element(header: Dataset, stream: BinaryIO) -> PixelElement:
    """The pixels of `header`: its own, or those at which `stream` stands."""
    if transfer_syntax(header) == DeflatedExplicitVRLittleEndian and not _held(header):
        stream.seek(0)
        header = _read(stream, up_to_pixels=False)
    keyword = _held(header)
    if keyword is None:
        return _element_at(stream)
    element = header[keyword]
    value = element.value if isinstance(element.value, bytes) else bytes(element.value or b"")
    length = None if is_encapsulated(transfer_syntax(header)) else len(value)
    return PixelElement(
        stream=io.BytesIO(value), keyword=keyword, vr=str(element.VR), offset=0, length=length
    )


def _held(header: Dataset) -> str | None:
    """The keyword of the pixel element that was read with the header."""
    return next((keyword for keyword in _KEYWORDS.values() if keyword in header), None)


def _header(stream: BinaryIO) -> Dataset:
    """What stands before the pixels."""
    with warnings.catch_warnings():
        # What pydicom warns about, it has put right or does not matter for the picture.
        warnings.simplefilter("ignore")
        header = quick_header(stream)
        if header is None:
            stream.seek(0)
            header = _read(stream, up_to_pixels=True)
        return header


def _read(stream: BinaryIO, *, up_to_pixels: bool) -> Dataset:
    try:
        return dcmread(stream, stop_before_pixels=up_to_pixels)
    except InvalidDicomError as error:
        raise CannotRenderError("not a DICOM file") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's; pydicom raises others for bytes that make no sense
        raise CannotRenderError("the header cannot be read") from error


def _element_at(stream: BinaryIO) -> PixelElement:
    """The pixel element whose first byte comes next; its own bytes say how it is encoded."""
    start = stream.tell()
    head = stream.read(_LONGEST_HEAD)
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < _LONGEST_HEAD:
        raise CannotRenderError("there are no pixels")
    (number,) = unpack(f"{order}H", head[2:4])
    if number not in _KEYWORDS:
        raise CannotRenderError("there are no pixels")
    explicit = head[4:6] in _LONG_VRS
    (length,) = unpack(f"{order}L", head[8:12] if explicit else head[4:8])
    return PixelElement(
        stream=stream,
        keyword=_KEYWORDS[number],
        vr=head[4:6].decode("ascii") if explicit else "OW",
        offset=start + (_LONGEST_HEAD if explicit else 8),
        length=None if length == _UNDEFINED else length,
    )
