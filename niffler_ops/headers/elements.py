"""Data elements as they lie in the bytes (PS3.5 chapter 7): their headers, and how to pass over their values.

Values are skipped, not parsed: sequences of thousands of frames cost neither memory nor objects.
"""

from struct import Struct
from typing import NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from niffler_ops.headers.forward import Forward
from niffler_ops.model import Flaw

UNDEFINED = 0xFFFFFFFF
SEQUENCE_VRS = frozenset({"", "SQ", "UN"})  # that an element with items may have
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITER_GROUP = 0xFFFE
_LONG = frozenset(vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32)
_IMPLICIT = {"<": Struct("<HHL").unpack, ">": Struct(">HHL").unpack}
_EXPLICIT = {"<": Struct("<HH2sH").unpack, ">": Struct(">HH2sH").unpack}
_LENGTH = {"<": Struct("<L").unpack, ">": Struct(">L").unpack}


class FlawError(Exception):
    """What is read cannot be an instance, and why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


class Encoding(NamedTuple):
    """How elements are written: with or without their VR, in which byte order ("<" or ">")."""

    explicit: bool
    order: str


class Element(NamedTuple):
    """The header of one element; `vr` is "" where the bytes do not say it."""

    tag: int
    vr: str
    length: int


def encoding_at(source: Forward, stated: Encoding) -> Encoding:
    """The encoding of the data set that follows; its first element decides whether VRs are written.

    Files that are not encoded as they say exist in every archive, and every reader forgives them.
    """
    vr = source.peek(6)[4:]
    return Encoding(vr.isalpha() and vr.isupper() if vr else stated.explicit, stated.order)


def read_element(source: Forward, encoding: Encoding) -> Element:
    """The header of the next element; the source then stands at its value."""
    explicit, order = encoding
    head = source.take(8)
    if explicit:
        group, number, vr, length = _EXPLICIT[order](head)
        if vr in _LONG:
            (length,) = _LENGTH[order](source.take(4))
        if b"AA" <= vr <= b"ZZ" and group != _DELIMITER_GROUP:
            return Element(group << 16 | number, vr.decode("latin-1"), length)
    # Delimiters never carry a VR; and some writers switch to implicit VR inside an explicit data set.
    group, number, length = _IMPLICIT[order](head)
    return Element(group << 16 | number, "", length)


def skip_value(source: Forward, element: Element, encoding: Encoding) -> None:
    """Pass over the value of `element`, whichever way its end is marked."""
    if element.tag >> 16 == _DELIMITER_GROUP:
        raise FlawError(Flaw.UNREADABLE)
    if element.length != UNDEFINED:
        source.skip(element.length)
    elif element.tag in PIXEL_TAGS or element.vr not in SEQUENCE_VRS:
        skip_fragments(source, encoding.order)
    else:
        _skip_sequence(source, encoding)


def skip_fragments(source: Forward, order: str) -> int:
    """Pass over encapsulated fragments up to their delimiter (PS3.5 A.4); how many there were.

    The first of them is the offset table.
    """
    count = 0
    while True:
        tag, length = read_item(source, order)
        if tag == SEQUENCE_END:
            return count
        if tag != ITEM or length == UNDEFINED:
            raise FlawError(Flaw.UNREADABLE)
        source.skip(length)
        count += 1


def skip_item(source: Forward, length: int, encoding: Encoding) -> None:
    """Pass over an item, whichever way its end is marked."""
    if length != UNDEFINED:
        source.skip(length)
        return
    inner = encoding_within(source, encoding)
    while True:
        element = read_element(source, inner)
        if element.tag == ITEM_END:
            return
        skip_value(source, element, inner)


def read_item(source: Forward, order: str) -> tuple[int, int]:
    """Tag and length of the item, or delimiter, that comes next."""
    group, number, length = _IMPLICIT[order](source.take(8))
    return group << 16 | number, length


def encoding_within(source: Forward, encoding: Encoding) -> Encoding:
    """The encoding of the item that follows in a data set of this encoding.

    A sequence of VR UN holds implicit VR whatever surrounds it (PS3.5 6.2.2).
    """
    return encoding_at(source, encoding) if encoding.explicit else encoding


def _skip_sequence(source: Forward, encoding: Encoding) -> None:
    """Pass over the items of a sequence of undefined length, and its delimiter."""
    while True:
        tag, length = read_item(source, encoding.order)
        if tag == SEQUENCE_END:
            return
        if tag == ITEM:
            skip_item(source, length, encoding)
        elif tag != ITEM_END:  # some writers end also those items whose length they gave
            raise FlawError(Flaw.UNREADABLE)
