"""The attributes of a header that matter for pictures, read several times as fast as all of them."""

from functools import lru_cache
from struct import Struct, error
from typing import BinaryIO

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from niffler_ops.headers.elements import (
    PIXEL_TAGS,
    UNDEFINED,
    Element,
    Encoding,
    FlawError,
    encoding_at,
    skip_value,
)
from niffler_ops.headers.forward import CutError, Forward

_START = 132
_META_GROUP = 2
_TRANSFER_SYNTAX = 0x00020010
_IMPLICIT, _BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_BLOCKS = 1 << 14, 1 << 20  # most headers fit into the first
_GROUPS = {0x0028, 0x2050, 0x7FE0}
_TAGS = {
    0x00089205,  # PixelPresentation
    0x00181164,  # ImagerPixelSpacing
    0x00182010,  # NominalScannedPixelSpacing
}
_FUNCTIONAL_GROUPS = 0x5200
_LONG = frozenset(vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32)
_META_ENCODING = Encoding(explicit=True, order="<")
_HEAD, _LENGTH = Struct("<HH2sH").unpack_from, Struct("<L").unpack_from

Elements = dict[BaseTag, DataElement | RawDataElement]


class _UnusualError(Exception):
    """Something that is left to pydicom."""


def quick_header(stream: BinaryIO) -> Dataset | None:
    """What a file says of its pixels, `stream` then standing at them; None where only pydicom will do.

    That is where something matters which is in a sequence, and for all that is unusual or wrong.
    """
    block = b""
    for size in _BLOCKS:
        block += stream.read(size)
        try:
            header, end = _read(block)
        except (error, CutError):
            continue  # the block ends before the header does
        except (_UnusualError, FlawError, RecursionError, UnicodeDecodeError):
            return None
        stream.seek(end)
        return header
    return None


def _read(block: bytes) -> tuple[Dataset, int]:
    """The header, and where the pixel element begins."""
    if block[_START - 4 : _START] != b"DICM":
        raise _UnusualError
    meta, position = _elements(block, _START, _META_ENCODING)
    stated = meta.get(BaseTag(_TRANSFER_SYNTAX))
    syntax = stated.value.decode("ascii").strip(" \0") if stated and stated.value else ""
    if syntax in {"", _BIG_ENDIAN, _DEFLATED}:
        raise _UnusualError
    stated_encoding = Encoding(explicit=syntax != _IMPLICIT, order="<")
    encoding = encoding_at(Forward([block[position : position + 8]]), stated_encoding)
    elements, position = _elements(block, position, encoding)
    header = Dataset(elements)
    header.file_meta = _file_meta(syntax)
    return header, position


def _elements(block: bytes, position: int, encoding: Encoding) -> tuple[Elements, int]:
    """The wanted elements from `position` on to the end of the file meta information, or to the pixels."""
    elements: Elements = {}
    in_meta = encoding is _META_ENCODING
    while True:
        group, number, vr, length = _HEAD(block, position)
        tag = group << 16 | number
        if tag in PIXEL_TAGS or (in_meta and group != _META_GROUP):
            return elements, position
        start = position + 8
        if not encoding.explicit:
            vr, (length,) = b"", _LENGTH(block, position + 4)
        elif vr in _LONG:
            (length,) = _LENGTH(block, start)
            start += 4
        elif not b"AA" <= vr <= b"ZZ":
            raise _UnusualError  # some writers switch to implicit VR inside an explicit data set
        wanted = group in _GROUPS or tag in _TAGS or tag == _TRANSFER_SYNTAX
        if group == _FUNCTIONAL_GROUPS or (wanted and (vr == b"SQ" or length == UNDEFINED)):
            raise _UnusualError
        if length == UNDEFINED:
            position = _behind(block, start, Element(tag, vr.decode("ascii"), length), encoding)
            continue
        position = start + length
        if wanted:
            elements[BaseTag(tag)] = _raw(tag, vr, block[start:position], start)


def _raw(tag: int, vr: bytes, value: bytes, start: int) -> RawDataElement:
    """An element as pydicom would have read it."""
    return RawDataElement(
        tag=BaseTag(tag),
        VR=vr.decode("ascii") if vr else None,
        length=len(value),
        value=value,
        value_tell=start,
        is_implicit_VR=not vr,
        is_little_endian=True,
    )


def _behind(block: bytes, start: int, element: Element, encoding: Encoding) -> int:
    """Where an element ends whose length is not stated."""
    source = Forward([block[start:]])
    skip_value(source, element, encoding)
    return len(block) - len(next(source.rest(), b""))


@lru_cache(maxsize=32)
def _file_meta(syntax: str) -> FileMetaDataset:
    """File meta information with the transfer syntax only."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    return meta
