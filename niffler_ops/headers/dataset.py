"""The skim of one DICOM file (PS3.10): wanted values, the pixel element, whether the end is its end."""

import re
from functools import lru_cache

from pydicom.datadict import dictionary_VR, tag_for_keyword

from niffler_ops.headers.elements import (
    PIXEL_TAGS,
    UNDEFINED,
    Element,
    Encoding,
    FlawError,
    encoding_at,
    read_element,
    skip_fragments,
    skip_value,
)
from niffler_ops.headers.forward import Forward, inflated
from niffler_ops.headers.pixels import Pixels
from niffler_ops.headers.text import WITHOUT_TEXT, Value
from niffler_ops.model import Flaw

CHARSET = 0x00080005
TRANSFER_SYNTAX = 0x00020010

_PREAMBLE, _PREFIX = bytes(128), b"DICM"
_META_GROUP = (2).to_bytes(2, "little")
_META_ENCODING = Encoding(explicit=True, order="<")
_LONGEST_VALUE = 1 << 20  # nothing that is asked for is longer, whatever its length field says
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
# The plain one, and JPIP's, whose pixels are elsewhere (PS3.5 A.5, A.7, A.13).
_DEFLATED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
_NATIVE = {_IMPLICIT, _BIG_ENDIAN, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"}


def skim(source: Forward, wanted: frozenset[int], found: dict[int, Value]) -> Pixels | None:
    """Read a whole file, putting `wanted` values into `found`; the pixel element, or None.

    Raises FlawError for what is no DICOM file, and CutError where it ends too early.
    """
    start = len(_PREAMBLE + _PREFIX)
    if source.peek(start)[len(_PREAMBLE) :] != _PREFIX:
        raise FlawError(Flaw.UNREADABLE)
    source.skip(start)
    while source.peek(2) == _META_GROUP:
        element = read_element(source, _META_ENCODING)
        _keep_or_skip(source, element, _META_ENCODING, wanted, found)
    syntax = found[TRANSFER_SYNTAX].raw.decode("ascii").strip(" \0") if TRANSFER_SYNTAX in found else ""
    if not syntax:
        raise FlawError(Flaw.UNREADABLE)  # no toolkit writes a file without saying how it is encoded
    return _skim_data_set(source, syntax, wanted, found)


def _skim_data_set(
    source: Forward, syntax: str, wanted: frozenset[int], found: dict[int, Value]
) -> Pixels | None:
    """Read the data set that follows the file meta information, to its end."""
    if syntax in _DEFLATED:
        source = Forward(inflated(source))
    stated = Encoding(explicit=syntax != _IMPLICIT, order=">" if syntax == _BIG_ENDIAN else "<")
    encoding = encoding_at(source, stated)
    pixels = None
    while head := source.peek(8):
        if not any(head):
            if pixels is None:
                raise FlawError(Flaw.UNREADABLE)  # a hole that a crash left, not elements
            break  # padding: nothing of the image is missing
        element = read_element(source, encoding)
        if element.tag in PIXEL_TAGS:
            pixels = _pixels(source, element, encoding, native=syntax in _NATIVE)
        else:
            _keep_or_skip(source, element, encoding, wanted, found)
    for _ in source.rest():
        pass  # a deflated stream has to be read to its end to be known as whole
    return pixels


def _pixels(source: Forward, element: Element, encoding: Encoding, *, native: bool) -> Pixels:
    """Pass over a pixel element."""
    if element.length != UNDEFINED:
        source.skip(element.length)
        return Pixels(element.tag, element.length)
    if native:
        raise FlawError(Flaw.UNREADABLE)  # nothing could tell where uncompressed pixels end
    return Pixels(element.tag, fragments=skip_fragments(source, encoding.order))


def _keep_or_skip(
    source: Forward, element: Element, encoding: Encoding, wanted: frozenset[int], found: dict[int, Value]
) -> None:
    """Keep the value of a wanted element, pass over any other. The last of several equal ones counts."""
    if element.tag not in wanted or element.length == UNDEFINED or element.vr in WITHOUT_TEXT:
        skip_value(source, element, encoding)
        return
    if element.length > _LONGEST_VALUE:
        raise FlawError(Flaw.UNREADABLE)
    vr = element.vr if element.vr not in {"", "UN"} else _dictionary_vr(element.tag)
    found[element.tag] = Value(vr, source.take(element.length), encoding.order)


@lru_cache(maxsize=1024)
def _dictionary_vr(tag: int) -> str:
    """The VR the standard gives to `tag`, the first of several; UN for what it does not know."""
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"


@lru_cache(maxsize=1024)
def tag_of(keyword: str) -> int:
    """The tag of a DICOM keyword, or of eight hexadecimal digits; KeyError where there is none."""
    tag = tag_for_keyword(keyword) if keyword else None
    if tag is None and re.fullmatch("[0-9A-Fa-f]{8}", keyword):
        tag = int(keyword, 16)
    if tag is None:
        raise KeyError(keyword)
    return tag
