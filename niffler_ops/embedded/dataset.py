"""Data elements as the bytes they are: enough to read headers, query files and answers."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from niffler_ops.embedded.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
QUERY_RETRIEVE_LEVEL = 0x00080052
PATIENT_ID = 0x00100020
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
GROUP_LENGTH = 0x00020000
TRANSFER_SYNTAX_UID = 0x00020010
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

UNDEFINED = 0xFFFFFFFF
DELIMITERS = 0xFFFE  # the group of items and of what ends them, never with a VR
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
HEADER_VALUE = 1024 * 1024  # a longer value in a header is passed over, not kept
DEPTH = 32  # of nested sequences
PREAMBLE = 128
GUESSED_FROM = 132  # bytes from which dcm4che guesses the transfer syntax of a plain data set
HEADER_LENGTH = 8  # tag and length, or tag, VR and the length or what is reserved before it

_HEAD = struct.Struct("<HHL")


class DataSetError(ValueError):
    """The bytes are no data set, or are cut short."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element; `value` as it stands, without sequences (whose value is None)."""

    tag: int
    value: bytes | None


class Reader:
    """Reads elements of one transfer syntax from a stream, in order."""

    def __init__(self, stream: BinaryIO, transfer_syntax: str) -> None:
        deflated = transfer_syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        self.stream = Inflated(stream) if deflated else stream
        self.explicit = transfer_syntax != IMPLICIT_VR_LITTLE_ENDIAN
        order = ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
        self._explicit_head = struct.Struct(f"{order}HH2sH")
        self._implicit_head = struct.Struct(f"{order}HHL")
        self._length32 = struct.Struct(f"{order}L")

    def elements(self, stop: frozenset[int] = PIXELS) -> Iterator[Element]:
        """The elements of the top level up to the first in `stop`, or to the end.

        Raises DataSetError where the bytes end within an element.
        """
        while (head := self._head()) is not None:
            tag, length, vr = head
            if tag in stop:
                return
            if length == UNDEFINED:
                self._skip_sequence(vr, 0)
                yield Element(tag=tag, value=None)
            elif vr == b"SQ" or length > HEADER_VALUE:
                self._skip(length)
                yield Element(tag=tag, value=None)
            else:
                yield Element(tag=tag, value=self._exactly(length))

    def _head(self) -> tuple[int, int, bytes] | None:
        """Tag, length and VR (where that is told) of the next element; None at the end."""
        data = self.stream.read(HEADER_LENGTH)
        if not data:
            return None
        if len(data) < HEADER_LENGTH:
            raise DataSetError("the data set ends within an element")
        if self.explicit:
            group, element, vr, length = self._explicit_head.unpack(data)
            if group != DELIMITERS:
                tag = group << 16 | element
                if vr in SHORT_VRS:
                    return tag, length, vr
                if vr in LONG_VRS:
                    return tag, self._length32.unpack(self._exactly(4))[0], vr
                raise DataSetError(f"no value representation at ({group:04X},{element:04X})")
        group, element, length = self._implicit_head.unpack(data)
        return group << 16 | element, length, b""

    def _skip_sequence(self, vr: bytes, depth: int) -> None:
        explicit = self.explicit
        self.explicit = explicit and vr != b"UN"  # PS3.5 section 6.2.2: implicit within
        self._skip_items(depth)
        self.explicit = explicit

    def _skip_items(self, depth: int) -> None:
        """The items of a sequence of undefined length, with its delimiter."""
        if depth > DEPTH:
            raise DataSetError("sequences nested without end")
        while True:
            head = self._head()
            if head is None:
                raise DataSetError("the data set ends within a sequence")
            tag, length, _ = head
            if tag == SEQUENCE_END:
                return
            if tag != ITEM:
                raise DataSetError("no item in a sequence")
            if length == UNDEFINED:
                self._skip_elements(depth)
            else:
                self._skip(length)

    def _skip_elements(self, depth: int) -> None:
        """The elements of an item of undefined length, with its delimiter."""
        while True:
            head = self._head()
            if head is None:
                raise DataSetError("the data set ends within an item")
            tag, length, vr = head
            if tag == ITEM_END:
                return
            if length == UNDEFINED:
                self._skip_sequence(vr, depth + 1)
            else:
                self._skip(length)

    def _skip(self, length: int) -> None:
        while length:
            piece = self.stream.read(min(length, HEADER_VALUE))
            if not piece:
                raise DataSetError("the data set ends within a value")
            length -= len(piece)

    def _exactly(self, length: int) -> bytes:
        data = self.stream.read(length)
        if len(data) < length:
            raise DataSetError("the data set ends within an element")
        return data


class Inflated:
    """A deflated data set, inflated as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._ready = b""

    def read(self, length: int, /) -> bytes:
        """Up to `length` bytes, fewer only at the end."""
        try:
            while len(self._ready) < length:
                source = self._inflate.unconsumed_tail or self._stream.read(65536)
                if not source:
                    break
                self._ready += self._inflate.decompress(source, HEADER_VALUE)
        except zlib.error as error:
            raise DataSetError(f"no deflated data set: {error}") from error
        data, self._ready = self._ready[:length], self._ready[length:]
        return data


@dataclass(frozen=True, kw_only=True, slots=True)
class FileHead:
    """Where the data set of a DICOM file begins, and how it is encoded."""

    transfer_syntax: str
    offset: int


def read_file_head(stream: BinaryIO) -> FileHead | None:
    """Preamble and file meta information; None for a file without them. Raises DataSetError."""
    start = stream.read(PREAMBLE + 4)
    if start[PREAMBLE:] != b"DICM":
        return None
    meta = Reader(stream, EXPLICIT_VR_LITTLE_ENDIAN)
    first = next(meta.elements(), None)
    if first is None or first.tag != GROUP_LENGTH or not first.value:
        raise DataSetError("file meta information without group length")
    end = stream.tell() + int.from_bytes(first.value, "little")
    transfer_syntax = ""
    while stream.tell() < end:
        element = next(meta.elements(), None)
        if element is None:
            raise DataSetError("file meta information cut short")
        if element.tag == TRANSFER_SYNTAX_UID:
            transfer_syntax = text(element.value)
    if not transfer_syntax or stream.tell() != end:
        raise DataSetError("file meta information without transfer syntax, or of another length")
    return FileHead(transfer_syntax=transfer_syntax, offset=end)


def read_query_file(stream: BinaryIO) -> dict[int, bytes]:
    """The keys in a query file, which may have a preamble or be a plain data set."""
    head = read_file_head(stream)
    if head is None:
        stream.seek(0)
        start = stream.read(GUESSED_FROM)
        stream.seek(0)
        explicit = start[4:6] in SHORT_VRS | LONG_VRS
        if not explicit and start and HEADER_LENGTH + int.from_bytes(start[4:8], "little") > len(start):
            raise DataSetError("Not a DICOM Stream")  # as dcm4che, which looks no further
        syntax = EXPLICIT_VR_LITTLE_ENDIAN if explicit else IMPLICIT_VR_LITTLE_ENDIAN
        return keys(Reader(stream, syntax))
    return keys(Reader(stream, head.transfer_syntax))


def keys(reader: Reader) -> dict[int, bytes]:
    """All elements by tag; sequences are not keys that this toolkit knows."""
    return {element.tag: element.value for element in reader.elements() if element.value is not None}


def decode(data: bytes) -> dict[int, bytes]:
    """What `encode` has made of elements."""
    found, position = {}, 0
    while position < len(data):
        group, element, length = _HEAD.unpack_from(data, position)
        begin, position = position + HEADER_LENGTH, position + HEADER_LENGTH + length
        found[group << 16 | element] = data[begin:position]
    return found


def encode(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """A data set in implicit VR little endian, in ascending order of tags."""
    return b"".join(
        _HEAD.pack(tag >> 16, tag & 0xFFFF, len(value)) + value for tag, value in sorted(elements)
    )


def padded(value: str | bytes, *, uid: bool = False) -> bytes:
    """A value of even length."""
    data = value.encode() if isinstance(value, str) else value
    return data + (b"\0" if uid else b" ") * (len(data) % 2)


def text(value: bytes | None) -> str:
    """An ASCII value without what pads it."""
    return (value or b"").decode("ascii", "replace").strip(" \0")
