"""Values that are kept or passed over, also those within sequences: items are entered only when asked for."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache

from pydicom.datadict import dictionary_VR

from niffler_ops.headers.elements import (
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    SEQUENCE_VRS,
    UNDEFINED,
    Element,
    Encoding,
    FlawError,
    encoding_within,
    read_element,
    read_item,
    skip_item,
    skip_value,
)
from niffler_ops.headers.forward import CutError, Forward, Part
from niffler_ops.headers.text import WITHOUT_TEXT, Value
from niffler_ops.headers.wanted import Found, Wanted
from niffler_ops.model import Flaw

_LONGEST_VALUE = 1 << 20  # nothing that is asked for is longer, whatever its length field says


def keep_or_skip(source: Forward, element: Element, encoding: Encoding, wanted: Wanted, found: Found) -> None:
    """Keep the value of a wanted element, pass over any other. The last of several equal ones counts."""
    if found.raw is not None and found.raw.wants(element):
        value = found.raw.take(source, element, encoding)
        if element.tag not in wanted.tags:
            return
        plain = element.vr not in WITHOUT_TEXT and element.tag not in wanted.sequences
        if plain and len(value) <= _LONGEST_VALUE:  # no need to read it once more
            found.values[element.tag] = Value(_text_vr(element), value, encoding.order)
            return
        source, element = Forward((value,)), element._replace(length=len(value))
    if element.tag not in wanted.tags:
        skip_value(source, element, encoding)
    elif element.tag in wanted.sequences and element.vr in SEQUENCE_VRS:
        _enter(source, element, encoding, wanted.sequences[element.tag], found)
    elif element.length == UNDEFINED or element.vr in WITHOUT_TEXT:
        skip_value(source, element, encoding)
    else:
        found.values[element.tag] = _value(source, element, encoding)


def _value(source: Forward, element: Element, encoding: Encoding) -> Value:
    if element.length > _LONGEST_VALUE:
        raise FlawError(Flaw.UNREADABLE)
    return Value(_text_vr(element), source.take(element.length), encoding.order)


def _text_vr(element: Element) -> str:
    return element.vr if element.vr not in {"", "UN"} else _dictionary_vr(element.tag)


def _enter(
    source: Forward, element: Element, encoding: Encoding, wanted: Mapping[int, Wanted], found: Found
) -> None:
    """Read the items of a sequence."""

    def read(within: Forward) -> bool:
        number = 0
        while within.peek(1):
            tag, length = read_item(within, encoding.order)
            if tag == SEQUENCE_END:
                return True
            if tag == ITEM and number in wanted:
                inner = found.items.setdefault((element.tag, number), Found())
                _read_item(within, length, encoding, wanted[number], inner)
            elif tag == ITEM:
                skip_item(within, length, encoding)
            elif tag != ITEM_END:  # some writers end also those items whose length they gave
                raise FlawError(Flaw.UNREADABLE)
            number += tag == ITEM
        return False

    _read_within(source, element.length, read)


def _read_item(source: Forward, length: int, encoding: Encoding, wanted: Wanted, found: Found) -> None:
    """Read the elements of an item."""

    def read(within: Forward) -> bool:
        inner = encoding_within(within, encoding)
        while within.peek(1):
            element = read_element(within, inner)
            if element.tag == ITEM_END:
                return True
            keep_or_skip(within, element, inner, wanted, found)
        return False

    _read_within(source, length, read)


def _read_within(source: Forward, length: int, read: Callable[[Forward], bool]) -> None:
    """Let `read` have what is `length` long, or reaches to its delimiter: it says whether that was there.

    Where the length is known the rest can be read whatever stands there: damage in it is no more a flaw than
    where it is passed over.
    """
    if length == UNDEFINED:
        if not read(source):
            raise CutError
        return
    part = Part(source, length)
    with suppress(FlawError, CutError, RecursionError):
        read(Forward(part))
    source.skip(part.left)


@lru_cache(maxsize=1024)
def _dictionary_vr(tag: int) -> str:
    """The VR the standard gives to `tag`, the first of several; UN for what it does not know."""
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
