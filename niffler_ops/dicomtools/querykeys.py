"""One query as the bytes of a query file: a data set in implicit VR little endian without preamble.

Written by hand: a million rows are asked for, and pydicom's writer takes ten times as long.
"""

import re
import struct
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, encode_string
from pydicom.datadict import dictionary_VR, tag_for_keyword

UTF8 = "ISO_IR 192"

_CHARACTER_SET_KEYWORD = "SpecificCharacterSet"
_TEXT_IN_CHARACTER_SET = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # PS3.5 6.1.2.3
_TEXT_IN_ASCII = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
_NAME_DELIMITERS = {ord("^"), ord("=")}  # where code extensions return to the first character set
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FIRST_TAG = 0x00080000  # below stand commands, file meta information and directories
_HEADER_LENGTH = 8  # tag and length, in bytes
_LONGEST_FIRST_VALUE = 124  # bytes; by a longer one dcm4che does not recognize a data set without preamble


def query_file(
    keys: Mapping[str, str], *, returned: Sequence[str] = (), specific_character_set: str | None = None
) -> bytes:
    r"""Keys to match (keyword to text; UIDs may be a list with `\`) and empty keys to be returned.

    A key that is matched is not blanked. Values beyond ASCII are written in UTF-8 and SpecificCharacterSet
    says so, unless it is given (terms of PS3.3 C.12.1.1.2, separated by `\`). Raises ValueError, which never
    repeats the value, for an unknown keyword, a value that would be read as something else, and one that the
    character set cannot express.
    """
    if _CHARACTER_SET_KEYWORD in keys:
        raise ValueError(f"{_CHARACTER_SET_KEYWORD} is no key to match: give it as specific_character_set")
    character_set = specific_character_set or None
    if character_set is None and not all(value.isascii() for value in keys.values()):
        character_set = UTF8
    elements = {_element(keyword)[0]: _encoded(keyword, "", None) for keyword in returned}
    for keyword, value in keys.items():
        elements[_element(keyword)[0]] = _encoded(keyword, value, character_set)
    if character_set is not None:
        elements[_element(_CHARACTER_SET_KEYWORD)[0]] = _encoded(_CHARACTER_SET_KEYWORD, character_set, None)
    encoded = b"".join(elements[tag] for tag in sorted(elements))
    # A list of UIDs, as of the instances that are missing, must not stand first.
    too_long = bool(elements) and len(elements[min(elements)]) > _HEADER_LENGTH + _LONGEST_FIRST_VALUE
    return _encoded(_CHARACTER_SET_KEYWORD, "", None) + encoded if too_long else encoded


@lru_cache(maxsize=1024)
def _element(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    if not keyword or tag is None or tag < _FIRST_TAG:
        raise ValueError(f"{keyword} is no keyword of the DICOM dictionary")
    return tag, dictionary_VR(tag)


def _encoded(keyword: str, value: str, character_set: str | None) -> bytes:
    tag, vr = _element(keyword)
    data = _bytes(keyword, vr, value, character_set) if value else b""
    if len(data) % 2:
        data += b"\0" if vr == "UI" else b" "
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(data)) + data


def _bytes(keyword: str, vr: str, value: str, character_set: str | None) -> bytes:
    if vr not in _TEXT_IN_ASCII and vr not in _TEXT_IN_CHARACTER_SET:
        raise ValueError(f"{keyword} ({vr}) cannot be matched by text")
    if "\\" in value and vr != "UI" and keyword != _CHARACTER_SET_KEYWORD:
        raise ValueError(f"{keyword}: a backslash would make two values of it")
    if _CONTROL_CHARACTER.search(value):
        raise ValueError(f"{keyword}: control characters cannot be matched")
    if value.isascii():
        return value.encode("ascii")
    if vr not in _TEXT_IN_CHARACTER_SET:
        raise ValueError(f"{keyword} ({vr}) takes ASCII only")
    return _in_character_set(keyword, value, character_set or UTF8)


def _in_character_set(keyword: str, value: str, character_set: str) -> bytes:
    problem = f"{keyword}: SpecificCharacterSet {character_set} cannot express the value"
    try:
        if character_set == UTF8:
            return value.encode()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pydicom warns, and writes question marks
            encodings = convert_encodings(character_set.split("\\"))
            data = encode_string(value, encodings)
            decoded = decode_bytes(data, encodings, _NAME_DELIMITERS)
    except (LookupError, ValueError, UserWarning):
        raise ValueError(problem) from None
    # pydicom takes the default repertoire for Latin 1; PS3.3 C.12.1.1.2 says that it is ASCII.
    extensions = [encoding for encoding in encodings if encoding != default_encoding]
    if decoded != value or not all(_is_encodable(character, extensions) for character in value):
        raise ValueError(problem)
    return data


def _is_encodable(character: str, encodings: Iterable[str]) -> bool:
    if character.isascii():
        return True
    for encoding in encodings:
        with suppress(UnicodeEncodeError):
            character.encode(encoding)
            return True
    return False
