"""What the bytes of a whole CSV decide before its text is read."""

import codecs
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from niffler_ops.errors import InputError

_CHUNK = 1_048_576
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")  # in Windows-1252
_FOREIGN = {
    b"PK\x03\x04": "a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    codecs.BOM_UTF16_LE: "UTF-16 text",
    codecs.BOM_UTF16_BE: "UTF-16 text",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Digest and encoding of a file; `newline` ends its lines, `not_utf8_line` is the first such line."""

    digest: str
    encoding: str
    newline: str
    not_utf8_line: int | None
    holds_nul: bool


def refuse(path: Path, text: str, line: int | None = None) -> NoReturn:
    """Raise the InputError that says what is wrong with the file, or with one line of it."""
    raise InputError(f"{path}: {text}" if line is None else f"{path}:{line}: {text}")


def read_survey(path: Path, data: BinaryIO) -> Survey:
    """Digest, encoding and line ends, which a byte anywhere in the file may decide."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    returns = holds_nul = False
    not_utf8 = undefined = None
    first = b""
    while chunk := data.read(_CHUNK):
        first = first or chunk
        digest.update(chunk)
        returns = returns or b"\r" in chunk
        holds_nul = holds_nul or b"\0" in chunk
        if not_utf8 is None:
            not_utf8 = _undecodable_line(decoder, chunk, lines)
        if undefined is None and (found := _UNDEFINED.search(chunk)):
            undefined = lines + chunk.count(b"\n", 0, found.start())
        lines += chunk.count(b"\n")
    if not_utf8 is None:
        not_utf8 = _undecodable_line(decoder, b"", lines, final=True)
    _check_start(path, first)
    if not_utf8 is not None and first.startswith(codecs.BOM_UTF8):
        refuse(
            path, "is UTF-8 by its byte order mark, but not on this line; save it as CSV in UTF-8", not_utf8
        )
    if not_utf8 is not None and undefined is not None:
        refuse(path, f"is neither UTF-8 (line {not_utf8}) nor Windows-1252 (line {undefined})")
    return Survey(
        digest=digest.hexdigest(),
        encoding="utf-8-sig" if not_utf8 is None else "cp1252",
        newline="\r" if returns and lines == 1 else "\n",  # a lone \r ends lines only where nothing else does
        not_utf8_line=not_utf8,
        holds_nul=holds_nul,
    )


def _undecodable_line(
    decoder: codecs.IncrementalDecoder, chunk: bytes, lines: int, *, final: bool = False
) -> int | None:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        return lines + error.object.count(b"\n", 0, error.start)
    return None


def _check_start(path: Path, first: bytes) -> None:
    if not first.removeprefix(codecs.BOM_UTF8).strip():
        refuse(path, "is empty; allowed: a header line, then one query a line")
    for start, what in _FOREIGN.items():
        if first.startswith(start):
            refuse(path, f"is {what}; save it as CSV in UTF-8")
