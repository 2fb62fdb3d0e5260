"""Elements as a file has them, or as a program made them: their text, and a new text in their place."""

import warnings
from collections.abc import MutableSequence

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from niffler_ops.headers.charsets import encoded
from niffler_ops.headers.text import Value, text

Element = DataElement | RawDataElement

PADDING = " \0"
NOTHING = " \0\\"
UNDEFINED_LENGTH = 0xFFFFFFFF
CHARSET = 0x00080005
UNDECODABLE = "\N{REPLACEMENT CHARACTER}"


def plain_text(element: Element) -> str:
    r"""The text of an element whose VR knows no character sets; several values are joined by "\"."""
    if isinstance(element, RawDataElement):
        return (element.value or b"").decode("latin-1")
    return _joined(element)


def charset_of(source: Dataset) -> bytes:
    """SpecificCharacterSet as it stands in a data set, b"" where it does not."""
    element = source.get_item(CHARSET)
    return plain_text(element).encode("latin-1", "replace") if element is not None else b""


def text_of(source: Dataset, tag: int, charset: bytes) -> str | None:
    """The text of a public attribute of a data set, None where it is absent."""
    element = source.get_item(tag)
    return None if element is None else decoded_text(element, element.VR or dictionary_VR(tag), charset)


def decoded_text(element: Element, vr: str, charset: bytes) -> str:
    """The text of an element in the character sets that are written in `charset`.

    Bytes that they do not explain leave UNDECODABLE in it.
    """
    if isinstance(element, RawDataElement):
        order = "<" if element.is_little_endian else ">"
        return text(Value(vr, element.value or b"", order), charset)
    return _joined(element)


def _joined(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, MutableSequence):  # a PersonName is iterable as well, letter by letter
        return "\\".join("" if part is None else str(part) for part in value)
    return str(value)


def whole_number(source: Dataset, keyword: str) -> int | None:
    """An attribute that is one number from 0 on in decimal digits; None where it is absent or empty.

    Raises ValueError where it is anything else: what readers make of it, nobody knows.
    """
    tag = BaseTag(tag_for_keyword(keyword) or 0)
    element: Element | None = source.get_item(tag)
    if element is None or element.value in (None, "", b""):
        return None
    content = decoded_text(element, element.VR or dictionary_VR(tag), b"").strip(PADDING)
    if not (content.isascii() and content.isdecimal()):
        raise ValueError(keyword)
    return int(content)


def converted(element: RawDataElement) -> DataElement:
    """The element as pydicom makes it of its bytes; raises whatever they cause."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert_raw_data_element(element)


def of_known_vr(element: RawDataElement) -> Element:
    """An element of VR UN with that of the dictionary; text stays bytes, to be decoded where it stands."""
    known = converted(element)
    return element._replace(VR=known.VR) if known.VR in CUSTOMIZABLE_CHARSET_VR else known


def with_text(element: Element, vr: str, content: str, charset: bytes = b"") -> Element:
    """The element with another text; its bytes in ASCII are the same in all character sets of DICOM."""
    if isinstance(element, RawDataElement):
        value = content.encode("ascii") if content.isascii() else encoded(content, charset)
        if value is not None:
            if len(value) % 2:
                value += b"\0" if vr == "UI" else b" "
            return with_bytes(element, value)
    return DataElement(element.tag, vr, content, validation_mode=config.IGNORE)


def with_bytes(element: RawDataElement, value: bytes) -> RawDataElement:
    """The element as a file would have it with another value."""
    return RawDataElement(
        element.tag, element.VR, len(value), value, 0, element.is_implicit_VR, element.is_little_endian
    )
