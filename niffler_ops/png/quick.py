"""The attributes of a header that matter for pictures, read several times as fast as all of them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from niffler_ops.headers.elements import (
    PIXEL_TAGS,
    UNDEFINED,
    Element,
    Encoding,
    FlawError,
    encoding_at,
    read_element,
    skip_value,
)
from niffler_ops.headers.forward import CutError, Forward

_START = 132
_META_GROUP = (2).to_bytes(2, "little")
_META_ENCODING = Encoding(explicit=True, order="<")
_TRANSFER_SYNTAX = 0x00020010
_IMPLICIT, _BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_BLOCK = 1 << 14  # most headers fit
_LONGEST = 1 << 20
_GROUPS = {0x0028, 0x2050, 0x7FE0}
_TAGS = {
    0x00089205,  # PixelPresentation
    0x00181164,  # ImagerPixelSpacing
    0x00182010,  # NominalScannedPixelSpacing
}
_FUNCTIONAL_GROUPS = 0x5200


def quick_header(stream: BinaryIO) -> Dataset | None:
    """What a file says of its pixels, `stream` then standing at them; None where only pydicom will do.

    That is where something matters which is in a sequence, and for all that is unusual or wrong.
    """
    blocks = _Blocks(stream)
    source = Forward(blocks)
    try:
        header, ahead = _read(source)
    except (_UnusualError, FlawError, CutError, RecursionError, UnicodeDecodeError):
        return None
    stream.seek(blocks.position - len(next(source.rest(), b"")) - ahead)
    return header


class _UnusualError(Exception):
    """Something that is left to pydicom."""


class _Blocks:
    """The blocks of a file, and where the last of them ended."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.position = 0

    def __iter__(self) -> Iterator[bytes]:
        while block := self._stream.read(_BLOCK):
            self.position += len(block)
            yield block


def _read(source: Forward) -> tuple[Dataset, int]:
    """The header, and how far into the pixel element it was read."""
    if source.peek(_START)[-4:] != b"DICM":
        raise _UnusualError
    source.skip(_START)
    syntax = ""
    while source.peek(2) == _META_GROUP:
        element = read_element(source, _META_ENCODING)
        if element.tag == _TRANSFER_SYNTAX:
            syntax = source.take(element.length).decode("ascii").strip(" \0")
        else:
            skip_value(source, element, _META_ENCODING)
    if syntax in {"", _BIG_ENDIAN, _DEFLATED}:
        raise _UnusualError
    encoding = encoding_at(source, Encoding(explicit=syntax != _IMPLICIT, order="<"))
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    while (element := read_element(source, encoding)).tag not in PIXEL_TAGS:
        if element.tag >> 16 in _GROUPS or element.tag in _TAGS:
            elements[BaseTag(element.tag)] = _raw(source, element, encoding)
        elif element.tag >> 16 == _FUNCTIONAL_GROUPS:
            raise _UnusualError
        else:
            skip_value(source, element, encoding)
    header = Dataset(elements)
    header.file_meta = _file_meta(syntax)
    return header, 12 if element.vr else 8


def _raw(source: Forward, element: Element, encoding: Encoding) -> RawDataElement:
    """An element as pydicom would have read it."""
    if element.vr == "SQ" or element.length > _LONGEST or element.length == UNDEFINED:
        raise _UnusualError
    return RawDataElement(
        tag=BaseTag(element.tag),
        VR=element.vr or None,
        length=element.length,
        value=source.take(element.length),
        value_tell=0,
        is_implicit_VR=not encoding.explicit,
        is_little_endian=True,
    )


@lru_cache(maxsize=32)
def _file_meta(syntax: str) -> FileMetaDataset:
    """File meta information with the transfer syntax only."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    return meta
