"""Specific Character Set (PS3.3 C.12.1.1.2): bytes as text, and text as bytes.

pydicom does most of it. It leaves the escape sequence of ISO 2022 IR 58 in what it reads, writes none, and
does not know Latin-9 (ISO_IR 203).
"""

import re
import warnings
from functools import lru_cache

from pydicom.charset import (
    CODES_TO_ENCODINGS,
    convert_encodings,
    decode_bytes,
    default_encoding,
    python_encoding,
)
from pydicom.valuerep import TEXT_VR_DELIMS

_PADDING = " \0"
_LATIN_9 = "iso8859_15"
_NAMES_OF_LATIN_9 = frozenset({"ISO_IR 203", "ISO IR 203", "ISO 2022 IR 203"})
_STANDARD_ENCODINGS = frozenset(python_encoding.values()) | {_LATIN_9}
_OWN = {b"\x1b$)A": "iso_ir_58", b"\x1b-b": _LATIN_9}
_OWN_FRAGMENT = re.compile(rb"(\x1b\$\)A|\x1b-b)([^\x1b]*)")
_LINE_END = re.compile(rb"[\t\n\f\r]")
_NOT_ASCII = re.compile(r"([^\x00-\x7f]+)")
# Of sets that stand beside ASCII (G1), not in its place (PS3.5 6.1.2.5).
_ESCAPES = {
    encoding: escape
    for escape, encoding in (CODES_TO_ENCODINGS | _OWN).items()
    if escape.startswith((b"\x1b-", b"\x1b$)"))
}


def decoded(raw: bytes, charset: bytes) -> str:
    """`raw` as text; warns, or raises ValueError or LookupError, where `charset` does not explain it."""
    names, parts, end = encodings(charset), list[str](), 0
    for found in _OWN_FRAGMENT.finditer(raw):
        if (encoding := _OWN[found[1]]) in names:
            parts += [_by_pydicom(raw[end : found.start()], names), _fragment(found[2], encoding, names[0])]
            end = found.end()
    return "".join(parts) + _by_pydicom(raw[end:], names)


def without_escapes(text: str) -> str:
    """What pydicom has decoded, without the escape sequences that it leaves in it."""
    for escape in _OWN:
        text = text.replace(escape.decode("ascii"), "")
    return text


def encoded(content: str, charset: bytes) -> bytes | None:
    """`content` as bytes, where pydicom would write it wrongly; else None."""
    names = encodings(charset)
    if frozenset(_OWN.values()).isdisjoint(names):
        return None
    try:
        return b"".join(_run(run, names) for run in _NOT_ASCII.split(content))
    except UnicodeEncodeError:
        return None


@lru_cache(maxsize=64)
def encodings(charset: bytes) -> tuple[str, ...]:
    """Python's names for the values of SpecificCharacterSet; Latin-1 for what the standard does not know."""
    # Zeros within a name would be refused where Python looks for a codec of that name.
    names = [name.strip(_PADDING).replace("\0", "?") for name in charset.decode("latin-1").split("\\")]
    names = [_LATIN_9 if name in _NAMES_OF_LATIN_9 else name for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = convert_encodings(names)
    # pydicom also takes the name of any codec of Python, some of which make text that nobody can store.
    return tuple(name if name in _STANDARD_ENCODINGS else default_encoding for name in known)


def _by_pydicom(raw: bytes, names: tuple[str, ...]) -> str:
    return decode_bytes(raw, names, TEXT_VR_DELIMS) if raw else ""


def _fragment(raw: bytes, encoding: str, first: str) -> str:
    """What follows an escape sequence; behind the end of a line the first set is in force again."""
    found = _LINE_END.search(raw)
    end = found.start() if found and first != default_encoding else len(raw)  # the default set is ASCII
    return raw[:end].decode(encoding) + raw[end:].decode(first)


def _run(run: str, names: tuple[str, ...]) -> bytes:
    """ASCII, or characters beyond it, in the first set that has them."""
    if run.isascii():
        return run.encode("ascii")
    if len(names) == 1:
        return run.encode(names[0])
    for name in names:
        try:
            return _ESCAPES[name] + run.encode(name)
        except (KeyError, UnicodeEncodeError):
            continue
    if len(run) == 1:
        raise UnicodeEncodeError(names[0], run, 0, 1, "no set has it")
    return b"".join(_run(character, names) for character in run)
