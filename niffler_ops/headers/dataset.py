"""The skim of one DICOM file (PS3.10): wanted values, the pixel element, whether the end is its end."""

from niffler_ops.headers.elements import (
    PIXEL_TAGS,
    UNDEFINED,
    Element,
    Encoding,
    FlawError,
    encoding_at,
    read_element,
    skip_fragments,
)
from niffler_ops.headers.forward import Forward, inflated
from niffler_ops.headers.items import keep_or_skip
from niffler_ops.headers.pixels import Pixels
from niffler_ops.headers.wanted import Found, Wanted
from niffler_ops.model import Flaw

TRANSFER_SYNTAX = 0x00020010

_PREAMBLE, _PREFIX = bytes(128), b"DICM"
_META_GROUP = (2).to_bytes(2, "little")
_META_ENCODING = Encoding(explicit=True, order="<")
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
# The plain one, and JPIP's, whose pixels are elsewhere (PS3.5 A.5, A.7, A.13).
_DEFLATED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
_NATIVE = {_IMPLICIT, _BIG_ENDIAN, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"}


def skim(source: Forward, wanted: Wanted, found: Found) -> Pixels | None:
    """Read a whole file, putting `wanted` values into `found`; the pixel element, or None.

    Where elements are kept it ends at the pixel element, which counts as none. Raises FlawError for what is
    no DICOM file, and CutError where it ends too early.
    """
    start = len(_PREAMBLE + _PREFIX)
    if source.peek(start)[len(_PREAMBLE) :] != _PREFIX:
        raise FlawError(Flaw.UNREADABLE)
    source.skip(start)
    while source.peek(2) == _META_GROUP:
        element = read_element(source, _META_ENCODING)
        keep_or_skip(source, element, _META_ENCODING, wanted, found)
    stated = found.values.get(TRANSFER_SYNTAX)
    syntax = stated.raw.decode("ascii").strip(" \0") if stated else ""
    if not syntax:
        raise FlawError(Flaw.UNREADABLE)  # no toolkit writes a file without saying how it is encoded
    return _skim_data_set(source, syntax, wanted, found)


def _skim_data_set(source: Forward, syntax: str, wanted: Wanted, found: Found) -> Pixels | None:
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
        if element.tag in PIXEL_TAGS and found.raw is not None:
            return None
        if element.tag in PIXEL_TAGS:
            pixels = _pixels(source, element, encoding, native=syntax in _NATIVE)
        else:
            keep_or_skip(source, element, encoding, wanted, found)
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
